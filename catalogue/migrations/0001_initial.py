import catalogue.models.tmf620
import catalogue.models.vat
import catalogue.models.version
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from catalogue.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('core', '0001_initial'),
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ColumnMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('active', models.BooleanField(default=True, help_text='Inactive mappings are not looked for in a workbook.')),
                ('sku_template', models.CharField(default='{deal_id}', help_text="{deal_id} and {contract_months} stand for the deal's own. Without a deal id column the name serves as deal id.", max_length=80, verbose_name='SKU')),
                ('market_segment', models.CharField(choices=[('consumer', 'Consumer'), ('business', 'Business')], max_length=20)),
                ('provider', models.CharField(help_text='Whose network carries it.', max_length=60)),
                ('service_type', models.CharField(help_text='The product line of its deals.', max_length=60)),
                ('category', models.CharField(max_length=60)),
                ('technology', models.CharField(blank=True, max_length=40)),
                ('contract_months', models.PositiveSmallIntegerField(blank=True, help_text='Where no column says it. 1 is month to month.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(120)])),
                ('data_limit', models.CharField(blank=True, help_text='Where no column says it.', max_length=60)),
                ('date_order', models.CharField(choices=[('mdy', 'Month first: 12/31/2025'), ('dmy', 'Day first: 31/12/2025')], default='dmy', help_text='How dates written as text are meant. Dates that Excel itself knows need no telling.', max_length=3)),
                ('refuse_text_numbers', models.BooleanField(default=False, help_text='Refuse amounts and numbers that stand in the workbook as text, such as R1,299.00, also where there is no doubt what they mean.')),
                ('without_device', models.CharField(blank=True, help_text='What the device column says when there is none; | between them.', max_length=200)),
                ('ends_at_blank_row', models.BooleanField(default=False, help_text='The first blank row ends the table; for sheets with several tables.')),
            ],
            options={
                'db_table': 'column_mappings',
                'ordering': ['supplier', 'name'],
            },
        ),
        migrations.CreateModel(
            name='HubEvent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('occurred_at', models.DateTimeField(db_index=True)),
                ('bodies', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='{"v4": …, "v5": …}')),
            ],
            options={
                'verbose_name': 'TMF620 event',
                'db_table': 'tmf620_events',
                'ordering': ['occurred_at', 'id'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='ServicePackage',
            fields=[
                ('installation_days', models.PositiveSmallIntegerField(blank=True, help_text='From the order to the installation, as customers are told; empty when nothing is promised.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)])),
                ('zones', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, help_text='Where it can be had, commas between them; empty means wherever the provider reaches.', size=None)),
                ('featured', models.BooleanField(default=False, help_text='The storefront puts it in front.')),
                ('popular', models.BooleanField(default=False, help_text='The storefront marks it as popular.')),
                ('sku', models.CharField(max_length=64, verbose_name='SKU')),
                ('market_segment', models.CharField(choices=[('consumer', 'Consumer'), ('business', 'Business')], max_length=20)),
                ('provider', models.CharField(max_length=60)),
                ('logical_key', models.CharField(db_index=True, help_text='One variant (offer, term, device, segment, provider) across its versions.', max_length=400)),
                ('version', models.PositiveIntegerField(default=1)),
                ('source_version', models.PositiveIntegerField(default=1, help_text="The product's version that was last published.")),
                ('name', models.CharField(max_length=200)),
                ('service_type', models.CharField(max_length=60)),
                ('category', models.CharField(max_length=60)),
                ('technology', models.CharField(blank=True, max_length=40)),
                ('speed_down_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='download speed')),
                ('speed_up_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='upload speed')),
                ('data_limit', models.CharField(blank=True, max_length=60)),
                ('contract_months', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('description', models.TextField(blank=True)),
                ('features', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=None)),
                ('add_ons', models.JSONField(blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='Name, price (VAT included) and whether it recurs.')),
                ('components', models.JSONField(blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='Of a bundle: package, SKU, name, quantity and what each costs a month (VAT included).')),
                ('hardware_model', models.CharField(blank=True, max_length=120)),
                ('hardware_included', models.BooleanField(default=False)),
                ('hardware_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. 0 when included; empty when there is no device.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='hardware price, once')),
                ('price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. What existing customers pay; moves on an effective date.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price a month')),
                ('new_customer_price', models.DecimalField(blank=True, decimal_places=2, help_text='Set while a published price change waits for its effective date, else empty.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price for new customers')),
                ('promotion_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='promotion price a month')),
                ('promotion_months', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('promotion_from', models.DateField(blank=True, null=True)),
                ('promotion_to', models.DateField(blank=True, null=True)),
                ('installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. 0 is free; empty when none is offered.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='installation fee, once')),
                ('discounted_installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. Charged instead of the installation fee; empty when there is no discount.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='discounted installation fee, once')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('inactive', 'Inactive'), ('archived', 'Archived')], default='draft', max_length=20)),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(blank=True, null=True)),
                ('end_of_sale', models.DateTimeField(blank=True, help_text='No new customers from this instant. Existing ones keep the package.', null=True)),
                ('end_of_life', models.DateTimeField(blank=True, help_text='Nobody has the package any more from this instant.', null=True)),
                ('published_at', models.DateTimeField(help_text='When it was first published.')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=260, unique=True)),
                ('price_history', models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('published_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'service_packages',
                'ordering': ['name', 'contract_months', 'sku'],
                'permissions': [('end_servicepackage', 'Can end the sale and the life of packages')],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('installation_days', models.PositiveSmallIntegerField(blank=True, help_text='From the order to the installation, as customers are told; empty when nothing is promised.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)])),
                ('zones', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, help_text='Where it can be had, commas between them; empty means wherever the provider reaches.', size=None)),
                ('featured', models.BooleanField(default=False, help_text='The storefront puts it in front.')),
                ('popular', models.BooleanField(default=False, help_text='The storefront marks it as popular.')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('slug', models.SlugField(editable=False, max_length=260, unique=True)),
                ('sku', models.CharField(max_length=64, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$', 'An SKU holds letters, digits, dot, dash, slash and underscore, and begins with a letter or digit, also after a slash.')], verbose_name='SKU')),
                ('service_type', models.CharField(help_text='The product line, for example SkyFibre.', max_length=60)),
                ('category', models.CharField(max_length=60)),
                ('technology', models.CharField(blank=True, help_text='For example fibre, fixed-wireless, 5g.', max_length=40)),
                ('market_segment', models.CharField(choices=[('consumer', 'Consumer'), ('business', 'Business')], max_length=20)),
                ('provider', models.CharField(help_text='Whose network carries it.', max_length=60)),
                ('speed_down_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='download speed')),
                ('speed_up_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='upload speed')),
                ('data_limit', models.CharField(blank=True, help_text='For example Unlimited, or 500GB.', max_length=60)),
                ('contract_months', models.PositiveSmallIntegerField(help_text='In months; 1 is month to month.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(120)])),
                ('description', models.TextField(blank=True, max_length=2000)),
                ('internal_notes', models.TextField(blank=True, help_text='Never leaves the back office.')),
                ('valid_from', models.DateTimeField(blank=True, help_text='On sale from; empty means from publication.', null=True)),
                ('valid_to', models.DateTimeField(blank=True, help_text='No longer on sale from this instant; empty means open.', null=True)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('pending', 'Pending approval'), ('approved', 'Approved'), ('archived', 'Archived')], default='draft', editable=False, max_length=20)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('rejection_reason', models.TextField(blank=True, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('approved_at', models.DateTimeField(editable=False, null=True)),
                ('approved_fingerprint', models.CharField(blank=True, editable=False, max_length=64)),
                ('approved_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('changed_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'admin_products',
                'ordering': ['name', 'contract_months', 'sku'],
                'permissions': [('import_product', 'Can import products'), ('submit_product', 'Can submit products for approval'), ('approve_product', 'Can approve and reject products'), ('approve_pricing', 'Can approve the pricing of products'), ('publish_product', 'Can publish approved products'), ('archive_product', 'Can archive products'), ('view_costs', 'Can see costs and margins')],
            },
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('deed', models.CharField(choices=[('submit', 'Submit for approval'), ('approve', 'Approve'), ('approve pricing', 'Approve pricing'), ('publish', 'Publish')], max_length=20)),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled')], default='planned', max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(help_text='Until then one worker has it.', null=True)),
                ('address', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=400)),
                ('correlation_id', models.CharField(blank=True, max_length=64)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'batches',
                'db_table': 'product_batches',
                'ordering': ['-created_at'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='CatalogueRevision',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('revision', models.BigIntegerField()),
            ],
            options={
                'db_table': 'catalogue_revision',
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='catalogue_revision_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='HubListener',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.CharField(help_text='Of TMF620, in which events are sent.', max_length=4)),
                ('callback', models.CharField(max_length=2000)),
                ('query', models.CharField(blank=True, help_text='Which events; empty means all.', max_length=1000)),
                ('secret', models.CharField(default=catalogue.models.tmf620.new_secret, help_text='Signs what is sent.', max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'TMF620 listener',
                'db_table': 'tmf620_listeners',
                'ordering': ['created_at'],
            },
        ),
        migrations.CreateModel(
            name='HubDelivery',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('pending', 'Owed'), ('delivered', 'Delivered'), ('dead', 'Needs a person')], default='pending', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(help_text='Not tried before; also how long a worker may hold it.')),
                ('delivered_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=500)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='catalogue.hubevent')),
                ('listener', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='catalogue.hublistener')),
            ],
            options={
                'verbose_name': 'TMF620 delivery',
                'verbose_name_plural': 'TMF620 deliveries',
                'db_table': 'tmf620_deliveries',
                'ordering': ['id'],
                'permissions': [('resend_hubdelivery', 'Can send TMF620 events again')],
            },
        ),
        migrations.CreateModel(
            name='HubSnapshot',
            fields=[
                ('package', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='catalogue.servicepackage')),
                ('on_sale', models.BooleanField(default=False)),
                ('hashes', models.JSONField(default=dict, help_text='Of each resource as it was told; empty: not known.')),
                ('told_at', models.DateTimeField(auto_now=True, db_index=True)),
            ],
            options={
                'db_table': 'tmf620_snapshots',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PackageDocument',
            fields=[
                ('package', models.OneToOneField(db_index=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='document', serialize=False, to='catalogue.servicepackage')),
                ('search_text', models.TextField(help_text='Name, SKU, description and features, a line each.')),
                ('search_vector', django.contrib.postgres.search.SearchVectorField()),
                ('text', models.TextField(help_text='The JSON while no promotion is offered.', null=True)),
                ('promoted_text', models.TextField(help_text='The JSON while the promotion is offered; empty without.', null=True)),
                ('promotion_begins', models.DateTimeField(help_text='Empty: it has always been offered.', null=True)),
                ('promotion_ends', models.DateTimeField(help_text='First instant without it; empty: no end is set.', null=True)),
                ('vat_rate', models.DecimalField(decimal_places=4, help_text='With which it was built.', max_digits=5, null=True)),
                ('shape', models.PositiveSmallIntegerField(help_text='Of which make the JSON is.', null=True)),
            ],
            options={
                'db_table': 'service_package_documents',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='LegacyTable',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('database', models.CharField(max_length=63)),
                ('schema', models.CharField(max_length=63)),
                ('name', models.CharField(max_length=63)),
            ],
            options={
                'db_table': 'legacy_tables',
                'permissions': [('retire_legacytable', 'Can lock and drop the legacy products table')],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('database', 'schema', 'name'), name='legacy_table_once')],
            },
        ),
        migrations.CreateModel(
            name='MappedColumn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Features come in this order.')),
                ('title', models.CharField(help_text='As in the workbook; capitals, blanks and punctuation do not matter. | between alternatives.', max_length=200)),
                ('field', models.CharField(choices=[('deal_id', 'Deal id'), ('name', 'Name'), ('device', 'Device'), ('freebie', 'Freebie: part of the name, and a feature'), ('price_incl_vat', 'Price a month, incl. VAT'), ('price_excl_vat', 'Price a month, excl. VAT'), ('promotion_price', 'Promotion price a month, incl. VAT'), ('pay_in', 'Pay-in for the device, once, incl. VAT'), ('installation_fee', 'Installation fee, once, incl. VAT'), ('contract_months', 'Contract term in months'), ('offered_from', 'First day of the offer'), ('offered_to', 'Last day of the offer'), ('data', 'Data limit'), ('speed', 'Speed, down/up'), ('minutes', 'Minutes: a feature; several columns are added up'), ('sms', 'SMS: a feature; several columns are added up'), ('feature', 'Feature, with a label'), ('stock', 'Stock status: kept with the deal'), ('note', 'Kept with the deal, not shown to customers')], max_length=20, verbose_name='means')),
                ('label', models.CharField(blank=True, help_text='For a feature: its words, {} for the cell, for example “Free: {}”.', max_length=120, validators=[django.core.validators.RegexValidator('^[^{}]*(\\{\\}[^{}]*)?$', 'Braces only as {}, and once.')])),
                ('required', models.BooleanField(default=True, help_text='The table is recognised by its required titles.')),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='columns', to='catalogue.columnmapping')),
            ],
            options={
                'verbose_name': 'column',
                'db_table': 'mapped_columns',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='PackageVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('installation_days', models.PositiveSmallIntegerField(blank=True, help_text='From the order to the installation, as customers are told; empty when nothing is promised.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)])),
                ('zones', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, help_text='Where it can be had, commas between them; empty means wherever the provider reaches.', size=None)),
                ('featured', models.BooleanField(default=False, help_text='The storefront puts it in front.')),
                ('popular', models.BooleanField(default=False, help_text='The storefront marks it as popular.')),
                ('sku', models.CharField(max_length=64, verbose_name='SKU')),
                ('market_segment', models.CharField(choices=[('consumer', 'Consumer'), ('business', 'Business')], max_length=20)),
                ('provider', models.CharField(max_length=60)),
                ('logical_key', models.CharField(db_index=True, help_text='One variant (offer, term, device, segment, provider) across its versions.', max_length=400)),
                ('version', models.PositiveIntegerField(default=1)),
                ('source_version', models.PositiveIntegerField(default=1, help_text="The product's version that was last published.")),
                ('name', models.CharField(max_length=200)),
                ('slug', models.SlugField(max_length=260)),
                ('service_type', models.CharField(max_length=60)),
                ('category', models.CharField(max_length=60)),
                ('technology', models.CharField(blank=True, max_length=40)),
                ('speed_down_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='download speed')),
                ('speed_up_mbps', models.PositiveIntegerField(blank=True, help_text='In Mbit/s. Leave empty when none is promised.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='upload speed')),
                ('data_limit', models.CharField(blank=True, max_length=60)),
                ('contract_months', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('description', models.TextField(blank=True)),
                ('features', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, default=list, size=None)),
                ('add_ons', models.JSONField(blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='Name, price (VAT included) and whether it recurs.')),
                ('components', models.JSONField(blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='Of a bundle: package, SKU, name, quantity and what each costs a month (VAT included).')),
                ('hardware_model', models.CharField(blank=True, max_length=120)),
                ('hardware_included', models.BooleanField(default=False)),
                ('hardware_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. 0 when included; empty when there is no device.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='hardware price, once')),
                ('price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. What existing customers pay; moves on an effective date.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price a month')),
                ('new_customer_price', models.DecimalField(blank=True, decimal_places=2, help_text='Set while a published price change waits for its effective date, else empty.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price for new customers')),
                ('promotion_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='promotion price a month')),
                ('promotion_months', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('promotion_from', models.DateField(blank=True, null=True)),
                ('promotion_to', models.DateField(blank=True, null=True)),
                ('installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. 0 is free; empty when none is offered.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='installation fee, once')),
                ('discounted_installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. Charged instead of the installation fee; empty when there is no discount.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='discounted installation fee, once')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('inactive', 'Inactive'), ('archived', 'Archived')], default='draft', max_length=20)),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(blank=True, null=True)),
                ('end_of_sale', models.DateTimeField(blank=True, help_text='No new customers from this instant. Existing ones keep the package.', null=True)),
                ('end_of_life', models.DateTimeField(blank=True, help_text='Nobody has the package any more from this instant.', null=True)),
                ('published_at', models.DateTimeField(help_text='When it was first published.')),
                ('revision', models.PositiveIntegerField(help_text='1 for the first publication, one more with each change.')),
                ('recorded_from', models.DateTimeField()),
                ('recorded_to', models.DateTimeField(help_text='Empty for what stands now.', null=True)),
                ('deed', models.CharField(help_text='What was done: published, archived, price changed, …', max_length=60)),
                ('deed_by', models.CharField(blank=True, help_text='Empty for the system itself.', max_length=200)),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='catalogue.servicepackage')),
            ],
            options={
                'db_table': 'service_package_versions',
                'ordering': ['-recorded_from', '-revision'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='PriceList',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('file_name', models.CharField(max_length=200)),
                ('file_hash', models.CharField(max_length=64, verbose_name='SHA-256 of the file')),
                ('content', models.BinaryField()),
                ('status', models.CharField(choices=[('uploaded', 'Being read'), ('previewed', 'Ready to apply'), ('applying', 'Being applied'), ('applied', 'Applied'), ('failed', 'Could not be read'), ('cancelled', 'Cancelled')], default='uploaded', max_length=20)),
                ('trouble', models.TextField(blank=True, help_text='Why it could not be read, or what interrupted it.')),
                ('remarks', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, help_text='What was left out of the workbook.', size=None)),
                ('counts', models.JSONField(blank=True, default=dict, help_text='{"new": 3, …}: rows by outcome.')),
                ('total', models.PositiveIntegerField(default=0, help_text='Rows that applying has to look at.')),
                ('done', models.PositiveIntegerField(default=0)),
                ('cursor', models.PositiveIntegerField(default=0)),
                ('origin', models.JSONField(blank=True, default=dict, help_text='Where the deed came from, for the audit.')),
                ('uploaded_at', models.DateTimeField(auto_now_add=True)),
                ('applied_at', models.DateTimeField(null=True)),
                ('touched_at', models.DateTimeField(auto_now=True)),
                ('applied_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('uploaded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'price_lists',
                'ordering': ['-uploaded_at'],
                'permissions': [('import_pricelist', 'Can upload and apply supplier price lists'), ('draft_price_changes', 'Can draft price changes from a supplier price list')],
            },
        ),
        migrations.CreateModel(
            name='ProductPricing',
            fields=[
                ('product', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='pricing', serialize=False, to='catalogue.product')),
                ('regular_price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='regular price a month')),
                ('promotion_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='promotion price a month')),
                ('promotion_months', models.PositiveSmallIntegerField(blank=True, help_text='How many months a customer keeps it; empty means no limit.', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('promotion_from', models.DateField(blank=True, help_text='First day it is offered; empty means from publication.', null=True)),
                ('promotion_to', models.DateField(blank=True, help_text='Last day it is offered; empty means open.', null=True)),
                ('installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. 0 is free installation; empty means no installation is offered.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='installation fee, once')),
                ('discounted_installation_fee', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. Charged instead of the installation fee; empty means no discount.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='discounted installation fee, once')),
                ('approved_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'pricing',
                'verbose_name_plural': 'pricing',
                'db_table': 'admin_product_pricing',
            },
        ),
        migrations.AddField(
            model_name='servicepackage',
            name='source_admin_product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='packages', to='catalogue.product'),
        ),
        migrations.CreateModel(
            name='PriceListRow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField()),
                ('sheet', models.CharField(blank=True, max_length=100)),
                ('number', models.PositiveIntegerField(help_text='As the spreadsheet shows it.', null=True, verbose_name='row')),
                ('deal_id', models.CharField(blank=True, max_length=200)),
                ('name', models.CharField(blank=True, max_length=500)),
                ('outcome', models.CharField(choices=[('new', 'New'), ('changed', 'Changed'), ('unchanged', 'Unchanged'), ('vanished', 'Vanished'), ('refused', 'Refused')], max_length=10)),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('remarks', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('values', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('changes', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='{"field": [before, after]}')),
                ('listed_before', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='listed price before')),
                ('listed_after', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='listed price after')),
                ('proposed_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='proposed price')),
                ('margin_before', models.DecimalField(decimal_places=2, max_digits=9, null=True, verbose_name='margin before, %')),
                ('margin_after', models.DecimalField(decimal_places=2, max_digits=9, null=True, verbose_name='margin after, %')),
                ('below_floor', models.BooleanField(default=False, verbose_name='below the margin floor')),
                ('applied_at', models.DateTimeField(null=True)),
                ('mapping', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalogue.columnmapping')),
                ('package', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.servicepackage')),
                ('price_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='catalogue.pricelist')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.product')),
            ],
            options={
                'verbose_name': 'price list row',
                'db_table': 'price_list_rows',
                'ordering': ['price_list', 'position'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='LegacyProduct',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('legacy_id', models.CharField(max_length=200)),
                ('row', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('recorded_at', models.DateTimeField(auto_now=True)),
                ('table', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='catalogue.legacytable')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legacy_rows', to='catalogue.product')),
            ],
            options={
                'db_table': 'legacy_products',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BundleComponent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('component', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bundled_in', to='catalogue.product')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='components', to='catalogue.product', verbose_name='bundle')),
            ],
            options={
                'verbose_name': 'component',
                'db_table': 'admin_product_components',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='BatchItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('done', 'Done'), ('refused', 'Refused'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=20)),
                ('foreseen', models.TextField(blank=True, help_text='What spoke against it when the batch was planned.')),
                ('message', models.TextField(blank=True, help_text='What became of it.')),
                ('finished_at', models.DateTimeField(null=True)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='catalogue.batch')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalogue.product')),
            ],
            options={
                'db_table': 'product_batch_items',
                'ordering': ['position'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='ProductAddOn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price')),
                ('recurring', models.BooleanField(default=True, help_text='Monthly; otherwise charged once.')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, help_text='The categories it goes with, commas between them; empty means any. In a bundle, those of its components count too.', size=None)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='add_ons', to='catalogue.product')),
            ],
            options={
                'verbose_name': 'add-on',
                'db_table': 'admin_product_addons',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ProductFeature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('text', models.CharField(max_length=200)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='features', to='catalogue.product')),
            ],
            options={
                'db_table': 'admin_product_features',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ProductHardware',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.CharField(max_length=120)),
                ('included', models.BooleanField(default=True, help_text='Included at no charge.')),
                ('retail_value', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted. What the customer pays when it is not included.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='retail value, once')),
                ('dealer_cost', models.DecimalField(blank=True, decimal_places=2, help_text='What it costs CircleTel. Never leaves the back office.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='dealer cost')),
                ('product', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='hardware', to='catalogue.product')),
            ],
            options={
                'verbose_name': 'hardware',
                'verbose_name_plural': 'hardware',
                'db_table': 'admin_product_hardware',
            },
        ),
        migrations.CreateModel(
            name='Supplier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(help_text='As in import_price_list --supplier CODE.', max_length=40, unique=True)),
                ('name', models.CharField(max_length=60, unique=True)),
                ('markup_percent', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text="What we ask on top of the price in the supplier's list. 0 sells at the listed price.", max_digits=4, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('99.99'))], verbose_name='markup, %')),
                ('discount_percent', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text='What we pay less than the listed price. 0 pays the listed price.', max_digits=4, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('99.99'))], verbose_name='discount, %')),
                ('margin_floor_percent', models.DecimalField(blank=True, decimal_places=2, help_text='A live package whose margin falls below it is pointed out. Empty means no floor.', max_digits=4, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('99.99'))], verbose_name='margin floor, %')),
            ],
            options={
                'db_table': 'suppliers',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('discount_percent__gte', 0), ('discount_percent__lt', 100), ('markup_percent__gte', 0)), name='supplier_percentages_in_range'), models.CheckConstraint(condition=models.Q(('margin_floor_percent', None), models.Q(('margin_floor_percent__gte', 0), ('margin_floor_percent__lt', 100)), _connector='OR'), name='supplier_margin_floor_in_range')],
            },
        ),
        migrations.AddField(
            model_name='pricelist',
            name='supplier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='price_lists', to='catalogue.supplier'),
        ),
        migrations.AddField(
            model_name='columnmapping',
            name='supplier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mappings', to='catalogue.supplier'),
        ),
        migrations.CreateModel(
            name='SupplierDeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('deal_id', models.CharField(max_length=80)),
                ('listed_price', models.DecimalField(decimal_places=2, help_text="The supplier's price a month, VAT included.", max_digits=10)),
                ('stock', models.CharField(blank=True, max_length=200, verbose_name='stock status')),
                ('content', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('details', models.JSONField(default=dict, help_text='Columns that are kept with the deal, by their title.')),
                ('vanished_at', models.DateTimeField(help_text="No longer in the supplier's list since.", null=True)),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deals', to='catalogue.columnmapping')),
                ('price_list', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalogue.pricelist', verbose_name='last changed by')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='supplier_deals', to='catalogue.product')),
                ('supplier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deals', to='catalogue.supplier')),
            ],
            options={
                'db_table': 'supplier_deals',
                'ordering': ['supplier', 'deal_id'],
            },
        ),
        migrations.CreateModel(
            name='TmfDocument',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(help_text='Version and kind: v4/productOffering.', max_length=40)),
                ('text', models.TextField(help_text='Where the address of this server belongs stands the character U+0001.')),
                ('changed_at', models.DateTimeField(help_text="The package's, when this was written.")),
                ('vat_rate', models.DecimalField(decimal_places=4, max_digits=5)),
                ('promoted', models.BooleanField()),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tmf620_documents', to='catalogue.servicepackage')),
            ],
            options={
                'db_table': 'tmf620_documents',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='TmfDraft',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('version', models.CharField(help_text='Of TMF620, in which it was written and is shown.', max_length=4)),
                ('body', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='As it was written.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('product', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='tmf620_draft', to='catalogue.product')),
            ],
            options={
                'verbose_name': 'TMF620 draft',
                'db_table': 'tmf620_drafts',
                'ordering': ['created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='VatRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rate', models.DecimalField(decimal_places=4, help_text='As a fraction: 0.1500 is 15 %.', max_digits=5)),
                ('valid_from', models.DateField(unique=True)),
                ('valid_to', models.DateField(blank=True, help_text='First day it no longer applies; empty while it does.', null=True)),
            ],
            options={
                'verbose_name': 'VAT rate',
                'db_table': 'vat_rates',
                'ordering': ['-valid_from'],
                'constraints': [models.CheckConstraint(condition=models.Q(('rate__gte', 0), ('rate__lt', 1)), name='vat_rate_is_a_fraction'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='vat_rate_ends_after_it_begins'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(catalogue.models.vat.DateRange('valid_from', 'valid_to', django.contrib.postgres.fields.ranges.RangeBoundary()), '&&')], name='vat_rates_do_not_overlap')],
            },
        ),
        migrations.AddIndex(
            model_name='batch',
            index=models.Index(fields=['status', 'leased_until'], name='product_bat_status_574b04_idx'),
        ),
        migrations.AddIndex(
            model_name='hubdelivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['due_at'], name='tmf620_deliveries_due'),
        ),
        migrations.AddConstraint(
            model_name='hubdelivery',
            constraint=models.UniqueConstraint(fields=('event', 'listener'), name='tmf620_event_once_for_each_listener'),
        ),
        migrations.AddIndex(
            model_name='packagedocument',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(models.F('search_text'), 'gin_trgm_ops'), name='document_search_text'),
        ),
        migrations.AddIndex(
            model_name='packagedocument',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search_vector'], name='document_search_vector'),
        ),
        migrations.AddConstraint(
            model_name='mappedcolumn',
            constraint=models.UniqueConstraint(fields=('mapping', 'title'), name='mapped_column_title_once'),
        ),
        migrations.AddConstraint(
            model_name='mappedcolumn',
            constraint=models.UniqueConstraint(condition=models.Q(('field__in', ['freebie', 'minutes', 'sms', 'feature', 'stock', 'note']), _negated=True), fields=('mapping', 'field'), name='mapped_column_field_once', violation_error_message='Only one column of a table may say this.'),
        ),
        migrations.AddIndex(
            model_name='packageversion',
            index=models.Index(fields=['logical_key', '-recorded_from'], name='service_pac_logical_5e7a6f_idx'),
        ),
        migrations.AddIndex(
            model_name='packageversion',
            index=models.Index(fields=['-recorded_from', '-revision'], name='version_in_order'),
        ),
        migrations.AddConstraint(
            model_name='packageversion',
            constraint=models.UniqueConstraint(fields=('package', 'revision'), name='version_revision_once'),
        ),
        migrations.AddConstraint(
            model_name='packageversion',
            constraint=models.UniqueConstraint(condition=models.Q(('recorded_to', None)), fields=('package',), name='version_one_stands_now'),
        ),
        migrations.AddConstraint(
            model_name='packageversion',
            constraint=models.CheckConstraint(condition=models.Q(('recorded_to', None), ('recorded_to__gte', models.F('recorded_from')), _connector='OR'), name='version_interval_in_order'),
        ),
        migrations.AddConstraint(
            model_name='packageversion',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('package', '='), (catalogue.models.version.InstantRange('recorded_from', 'recorded_to', django.contrib.postgres.fields.ranges.RangeBoundary()), '&&')], name='versions_do_not_overlap'),
        ),
        migrations.AddField(
            model_name='productpricing',
            name='approved_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(fields=['status', 'valid_from'], name='service_pac_status_935e62_idx'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(fields=['market_segment', 'provider'], name='service_pac_market__a7de3e_idx'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(fields=['service_type'], name='service_pac_service_0c8b86_idx'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(fields=['name', 'contract_months', 'sku'], name='package_in_order'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('name'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('sku'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('slug'), name='gin_trgm_ops'), name='package_search'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=django.contrib.postgres.indexes.GinIndex(fields=['components'], name='package_components', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.text.Lower('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_name'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_plain_name'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.text.Upper('provider'), django.db.models.functions.text.Lower('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_provider'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.text.Upper('service_type'), django.db.models.functions.text.Lower('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_service_type'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.text.Upper('category'), django.db.models.functions.text.Lower('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_category'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.text.Upper('technology'), django.db.models.functions.text.Lower('name'), models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_technology'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(django.db.models.functions.comparison.Coalesce('new_customer_price', 'price'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_price'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('valid_from'), models.F('id'), condition=models.Q(('status', 'active')), name='package_live_valid_from'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('speed_down_mbps'), models.F('id'), condition=models.Q(('status', 'active')), name='package_by_speed_down_mbps'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('speed_up_mbps'), models.F('id'), condition=models.Q(('status', 'active')), name='package_by_speed_up_mbps'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('contract_months'), models.F('id'), condition=models.Q(('status', 'active')), name='package_by_contract_months'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.OrderBy(models.F('speed_down_mbps'), descending=True, nulls_last=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('status', 'active')), name='package_down_speed_down_mbps'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.OrderBy(models.F('speed_up_mbps'), descending=True, nulls_last=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('status', 'active')), name='package_down_speed_up_mbps'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('valid_to'), condition=models.Q(('status', 'active'), ('valid_to__isnull', False)), name='package_bound_valid_to'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('end_of_sale'), condition=models.Q(('status', 'active'), ('end_of_sale__isnull', False)), name='package_bound_end_of_sale'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('promotion_from'), condition=models.Q(('status', 'active'), ('promotion_from__isnull', False)), name='package_bound_promotion_from'),
        ),
        migrations.AddIndex(
            model_name='servicepackage',
            index=models.Index(models.F('promotion_to'), condition=models.Q(('status', 'active'), ('promotion_to__isnull', False)), name='package_bound_promotion_to'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Upper('sku'), models.F('market_segment'), django.db.models.functions.text.Upper('provider'), name='package_business_key'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'active')), fields=('logical_key',), name='package_one_live_version_per_variant'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='package_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('new_customer_price', None), ('new_customer_price__gte', 0), _connector='OR'), name='package_new_customer_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='package_validity_in_order'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('end_of_life', None), models.Q(('end_of_sale__isnull', False), ('end_of_sale__lte', models.F('end_of_life'))), _connector='OR'), name='package_sale_ends_before_life', violation_error_message='A package goes off sale before it ends for good.'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('discounted_installation_fee', None), models.Q(('discounted_installation_fee__gte', 0), ('discounted_installation_fee__lte', models.F('installation_fee')), ('installation_fee__isnull', False)), _connector='OR'), name='package_discounted_installation_not_above_fee'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('hardware_model', ''), ('hardware_price__isnull', False), _connector='OR'), name='package_hardware_has_a_price'),
        ),
        migrations.AddConstraint(
            model_name='servicepackage',
            constraint=models.CheckConstraint(condition=models.Q(('hardware_included', False), ('hardware_price', 0), _connector='OR'), name='package_included_hardware_is_free'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['status', 'name'], name='admin_produ_status_ad752c_idx'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['-changed_at'], name='admin_produ_changed_29db15_idx'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['name', 'contract_months', 'sku'], name='product_in_order'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('name'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('sku'), name='gin_trgm_ops'), name='product_search'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Upper('sku'), models.F('market_segment'), django.db.models.functions.text.Upper('provider'), condition=models.Q(('status', 'archived'), _negated=True), name='product_business_key', violation_error_message='There is already a product with this SKU, segment and provider.'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_from', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='product_validity_in_order', violation_error_message='The end of validity must lie after its beginning.'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'approved'), _negated=True), models.Q(('approved_by__isnull', False), models.Q(('approved_fingerprint', ''), _negated=True)), _connector='OR'), name='product_approval_is_signed'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(models.Q(('approved_by', models.F('created_by')), _negated=True), models.Q(('approved_by', models.F('changed_by')), _negated=True)), _connector='OR'), name='product_approved_by_another'),
        ),
        migrations.AddIndex(
            model_name='pricelistrow',
            index=models.Index(fields=['price_list', 'outcome'], name='price_list__price_l_e3f3ea_idx'),
        ),
        migrations.AddIndex(
            model_name='pricelistrow',
            index=models.Index(fields=['deal_id'], name='price_list__deal_id_c353ca_idx'),
        ),
        migrations.AddConstraint(
            model_name='pricelistrow',
            constraint=models.UniqueConstraint(fields=('price_list', 'position'), name='price_list_row_once'),
        ),
        migrations.AddConstraint(
            model_name='legacyproduct',
            constraint=models.UniqueConstraint(fields=('table', 'legacy_id'), name='legacy_row_is_one_product'),
        ),
        migrations.AddConstraint(
            model_name='bundlecomponent',
            constraint=models.UniqueConstraint(fields=('product', 'component'), name='bundle_component_once', violation_error_message='A component stands in a bundle once: raise its quantity instead.'),
        ),
        migrations.AddConstraint(
            model_name='bundlecomponent',
            constraint=models.CheckConstraint(condition=models.Q(('product', models.F('component')), _negated=True), name='bundle_is_not_its_own_component', violation_error_message='A bundle cannot be a component of itself.'),
        ),
        migrations.AddConstraint(
            model_name='bundlecomponent',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='bundle_quantity_at_least_one'),
        ),
        migrations.AddIndex(
            model_name='batchitem',
            index=models.Index(fields=['batch', 'state', 'position'], name='product_bat_batch_i_aae520_idx'),
        ),
        migrations.AddConstraint(
            model_name='batchitem',
            constraint=models.UniqueConstraint(fields=('batch', 'product'), name='batch_item_once'),
        ),
        migrations.AddConstraint(
            model_name='batchitem',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'waiting'), ('finished_at__isnull', False), _connector='OR'), name='batch_item_finished'),
        ),
        migrations.AddConstraint(
            model_name='productaddon',
            constraint=models.UniqueConstraint(fields=('product', 'name'), name='product_addon_once'),
        ),
        migrations.AddIndex(
            model_name='pricelist',
            index=models.Index(condition=models.Q(('status__in', ('uploaded', 'applying'))), fields=['touched_at'], name='price_list_moving'),
        ),
        migrations.AddConstraint(
            model_name='pricelist',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'applying')), fields=('supplier',), name='price_list_one_applying', violation_error_message='Another list of this supplier is being applied: wait until it is done.'),
        ),
        migrations.AddConstraint(
            model_name='columnmapping',
            constraint=models.UniqueConstraint(fields=('supplier', 'name'), name='column_mapping_once'),
        ),
        migrations.AddConstraint(
            model_name='supplierdeal',
            constraint=models.UniqueConstraint(models.F('supplier'), django.db.models.functions.text.Upper('deal_id'), name='supplier_deal_once'),
        ),
        migrations.AddConstraint(
            model_name='tmfdocument',
            constraint=models.UniqueConstraint(fields=('package', 'resource'), name='tmf620_document_once_for_each_resource'),
        ),
        migrations.AddIndex(
            model_name='tmfdraft',
            index=models.Index(fields=['kind', 'version', 'created_at'], name='tmf620_draf_kind_cffc58_idx'),
        ),
        migrations.AddConstraint(
            model_name='tmfdraft',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'productOffering'), ('product__isnull', False)), models.Q(models.Q(('kind', 'productOffering'), _negated=True), ('product', None)), _connector='OR'), name='tmf620_draft_offering_has_a_product'),
        ),
        migrations.AddConstraint(
            model_name='productpricing',
            constraint=models.CheckConstraint(condition=models.Q(('regular_price__gte', 0)), name='pricing_regular_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='productpricing',
            constraint=models.CheckConstraint(condition=models.Q(('promotion_price', None), models.Q(('promotion_price__gte', 0), ('promotion_price__lt', models.F('regular_price'))), _connector='OR'), name='pricing_promotion_below_regular', violation_error_message='The promotion price must be below the regular price.'),
        ),
        migrations.AddConstraint(
            model_name='productpricing',
            constraint=models.CheckConstraint(condition=models.Q(('promotion_from', None), ('promotion_to', None), ('promotion_to__gte', models.F('promotion_from')), _connector='OR'), name='pricing_promotion_window_in_order', violation_error_message='The promotion must not end before it begins.'),
        ),
        migrations.AddConstraint(
            model_name='productpricing',
            constraint=models.CheckConstraint(condition=models.Q(('installation_fee', None), ('installation_fee__gte', 0), _connector='OR'), name='pricing_installation_fee_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='productpricing',
            constraint=models.CheckConstraint(condition=models.Q(('discounted_installation_fee', None), models.Q(('discounted_installation_fee__gte', 0), ('discounted_installation_fee__lte', models.F('installation_fee')), ('installation_fee__isnull', False)), _connector='OR'), name='pricing_discounted_installation_not_above_fee', violation_error_message='The discounted installation fee must not exceed the installation fee.'),
        ),
        *_database.OPERATIONS,
    ]
