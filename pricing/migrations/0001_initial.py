import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.math
import django.db.models.functions.text
import pricing.models.ledger
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from pricing.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('zoho_sync', '0001_initial'),
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('catalogue', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='NoticeStage',
            fields=[
                ('code', models.SlugField(max_length=40, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80)),
                ('occasion', models.CharField(choices=[('published', 'At publication'), ('before', 'Before the effective date'), ('receipt', 'After the effective date'), ('withdrawn', 'When the change is withdrawn')], max_length=20)),
                ('days', models.PositiveSmallIntegerField(default=0, help_text='Civil days before (or after) the effective date; 0 for the other occasions.')),
                ('required', models.BooleanField(default=True, help_text='Without this notice accepted by the mail provider, the price move is held.')),
                ('active', models.BooleanField(default=True)),
                ('subject', models.CharField(max_length=200)),
                ('body', models.TextField(help_text='Plain text with {{ words }}; the linter says which must be there.')),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'db_table': 'price_notice_stages',
                'ordering': ['occasion', '-days'],
                'permissions': [('edit_noticestage', 'Can edit the notices of price changes')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='NoticeText',
            fields=[
                ('text_hash', models.CharField(help_text='SHA-256 of the subject, an empty line and the body, in UTF-8.', max_length=64, primary_key=True, serialize=False)),
                ('subject', models.CharField(max_length=300)),
                ('body', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'db_table': 'price_notice_texts',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SubscriptionPull',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('full', models.BooleanField(default=False, help_text='Everything is read again, changed or not.')),
                ('subscription_pages', models.PositiveIntegerField(default=0)),
                ('customer_pages', models.PositiveIntegerField(default=0)),
                ('listed_to_the_end', models.BooleanField(default=False)),
                ('customers_listed', models.BooleanField(default=False)),
                ('counts', models.JSONField(default=dict, help_text='Rows of the list by what became of them.')),
                ('calls', models.PositiveIntegerField(default=0)),
                ('problem', models.TextField(blank=True, help_text='What a person has to look at; empty when nothing.')),
            ],
            options={
                'db_table': 'subscription_pulls',
                'ordering': ['-started_at'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='MailOutage',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('began_at', models.DateTimeField()),
                ('tries', models.PositiveIntegerField(default=1)),
                ('next_try_at', models.DateTimeField()),
                ('words', models.TextField(help_text='What the provider said last.')),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'price_notice_outages',
                'ordering': ['-began_at'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.Value(1), condition=models.Q(('ended_at', None)), name='price_notice_one_outage')],
            },
        ),
        migrations.CreateModel(
            name='PriceChange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('old_price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='old price a month')),
                ('new_price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='new price a month')),
                ('difference', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('new_price'), '-', models.F('old_price')), output_field=models.DecimalField(decimal_places=2, max_digits=11))),
                ('percentage', models.GeneratedField(db_persist=True, expression=django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('new_price'), '-', models.F('old_price')), '*', models.Value(Decimal('100'), output_field=models.DecimalField())), '/', django.db.models.functions.comparison.NullIf(models.F('old_price'), models.Value(Decimal('0'), output_field=models.DecimalField()))), 2), output_field=models.DecimalField(decimal_places=2, max_digits=12, null=True))),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('effective', 'Effective'), ('cancelled', 'Cancelled')], default='draft', max_length=20)),
                ('reason', models.TextField(help_text='Why the price changes. For the back office and the audit trail.')),
                ('customer_message', models.TextField(blank=True, help_text='A sentence for the customers who are told.', max_length=2000)),
                ('notes', models.TextField(blank=True, help_text='Never leaves the back office.')),
                ('batch', models.CharField(blank=True, help_text='Drafted together with others.', max_length=80)),
                ('effective_date', models.DateField(blank=True, help_text='The day, in South Africa, from which existing customers pay it.', null=True)),
                ('effective_at', models.DateTimeField(editable=False, help_text='The instant that day begins; publication itself when a decrease holds at once.', null=True)),
                ('published_at', models.DateTimeField(editable=False, help_text='New customers pay it from here on.', null=True)),
                ('version', models.PositiveIntegerField(editable=False, help_text='Which price of the package this is; given on publication.', null=True)),
                ('applied_at', models.DateTimeField(editable=False, help_text="When the daily job moved the package's price.", null=True)),
                ('problem', models.TextField(blank=True, editable=False, help_text='Why the daily job could not apply it; empty when nothing is wrong.')),
                ('cancelled_at', models.DateTimeField(editable=False, null=True)),
                ('affected_customers_count', models.PositiveIntegerField(editable=False, help_text='Subscriptions whose price it moves; counted daily.', null=True)),
                ('new_customers_count', models.PositiveIntegerField(editable=False, help_text='Subscriptions made at the new price already; counted daily.', null=True)),
                ('counted_at', models.DateTimeField(editable=False, null=True)),
                ('verified_at', models.DateTimeField(editable=False, help_text='When the moved subscriptions and their first invoices had all been read back and agreed.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('amends', models.OneToOneField(editable=False, help_text='The published change that was cancelled in favour of this one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='amended_by', to='pricing.pricechange')),
                ('approved_by', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('cancelled_by', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('changed_by', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='price_changes', to='catalogue.servicepackage')),
            ],
            options={
                'db_table': 'price_changes',
                'ordering': ['-created_at'],
                'permissions': [('draft_pricechange', 'Can draft, edit and delete price changes'), ('publish_pricechange', 'Can publish price changes that others drafted'), ('cancel_pricechange', 'Can cancel published price changes')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='PriceEntry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('audience', models.CharField(choices=[('new', 'New customers'), ('existing', 'Existing customers')], max_length=10)),
                ('version', models.PositiveIntegerField(help_text='Which price of the package: 1 is the one it was first published with.')),
                ('price', models.DecimalField(decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price a month')),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(help_text='First instant it no longer holds; empty while it does.', null=True)),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('change', models.ForeignKey(help_text='What made this line.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='pricing.pricechange')),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='price_entries', to='catalogue.servicepackage')),
            ],
            options={
                'verbose_name': 'price ledger entry',
                'verbose_name_plural': 'price ledger',
                'db_table': 'price_ledger',
                'ordering': ['package', 'audience', 'valid_from', 'version'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='PriceNotice',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('email', models.CharField(blank=True, max_length=254)),
                ('state', models.CharField(choices=[('owed', 'To be sent'), ('accepted', 'Accepted by the provider'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('failed', 'Failed'), ('no_address', 'No address'), ('not_needed', 'Not needed'), ('settled', 'Told another way'), ('unknown', 'Not known whether it was sent')], default='owed', max_length=20)),
                ('why', models.TextField(blank=True)),
                ('due_on', models.DateField()),
                ('round', models.PositiveSmallIntegerField(default=1, help_text='Grows when a person has it sent again: then the provider takes it for another message.')),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('sending_since', models.DateTimeField(help_text='Set before the provider is called: a message without an answer is never sent again by itself.', null=True)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('text_hash', models.CharField(blank=True, help_text='SHA-256 of the text that was sent.', max_length=64)),
                ('provider_id', models.CharField(blank=True, db_index=True, max_length=200)),
                ('accepted_at', models.DateTimeField(help_text="From the provider's acceptance, never from the attempt.", null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('bounced_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='pricing.pricechange')),
                ('stage', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='pricing.noticestage')),
            ],
            options={
                'db_table': 'price_notices',
                'ordering': ['change', 'stage', 'subscription'],
                'permissions': [('settle_pricenotice', 'Can decide about notices that did not arrive')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='NoticeEvent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('accepted', 'Accepted by the provider'), ('delivered', 'Delivered'), ('deferred', 'Delayed'), ('bounced', 'Bounced'), ('complained', 'Called unwanted by the customer'), ('refused', 'Refused by the provider'), ('unknown', 'No answer from the provider'), ('send_again', 'A person has it sent again'), ('settled', 'A person told the customer another way')], max_length=20)),
                ('at', models.DateTimeField(help_text="When it happened; the provider's own time where it tells one.")),
                ('recorded_at', models.DateTimeField(auto_now_add=True)),
                ('round', models.PositiveSmallIntegerField()),
                ('email', models.CharField(blank=True, max_length=254)),
                ('text_hash', models.CharField(blank=True, max_length=64)),
                ('provider_id', models.CharField(blank=True, max_length=200)),
                ('provider_event_id', models.CharField(blank=True, max_length=200)),
                ('detail', models.TextField(blank=True)),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='pricing.pricenotice')),
            ],
            options={
                'db_table': 'price_notice_events',
                'ordering': ['at', 'recorded_at'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('subscription_id', models.CharField(max_length=50, unique=True, verbose_name='Zoho id')),
                ('number', models.CharField(blank=True, help_text='As the customer reads it: SUB-00042.', max_length=100)),
                ('plan_code', models.CharField(max_length=100)),
                ('customer_id', models.CharField(max_length=50, verbose_name='Zoho customer id')),
                ('customer_name', models.CharField(blank=True, max_length=200)),
                ('customer_email', models.CharField(blank=True, max_length=254)),
                ('status', models.CharField(help_text="In Zoho's words: live, non_renewing, cancelled, …", max_length=40)),
                ('price', models.DecimalField(decimal_places=2, help_text='Of one plan unit, in rand, VAT included, before discounts.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price a month')),
                ('quantity', models.PositiveIntegerField(default=1)),
                ('amount', models.DecimalField(decimal_places=2, help_text='The whole of it as Zoho says: plan, add-ons, VAT, discounts.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='amount a term')),
                ('addons', models.JSONField(default=list, help_text='The recurring add-ons, to be sent again with a change: code, price, quantity, tax id.')),
                ('tax_id', models.CharField(blank=True, help_text='Of the plan, in Zoho.', max_length=50)),
                ('is_inclusive_tax', models.BooleanField(help_text="Whether Zoho's own prices include VAT.", null=True)),
                ('discounted', models.BooleanField(default=False, help_text='A coupon lowers what is paid.')),
                ('signed_up_at', models.DateTimeField(help_text='When the customer signed up: decides which price holds.')),
                ('fixed_until', models.DateField(blank=True, help_text='Last day of a promised fixed price; empty when none was promised.', null=True)),
                ('current_term_starts_on', models.DateField(null=True)),
                ('current_term_ends_on', models.DateField(null=True)),
                ('next_billing_on', models.DateField(null=True)),
                ('last_invoice_id', models.CharField(blank=True, max_length=50)),
                ('listed', models.JSONField(default=dict, help_text="Its row in Zoho's list, as last seen: while it is the same, it is not read again.")),
                ('read_at', models.DateTimeField(help_text='When Zoho was last asked for all of it.')),
                ('seen_at', models.DateTimeField(help_text="When it last stood in Zoho's list.")),
                ('gone_at', models.DateTimeField(help_text='When a complete list no longer had it.', null=True)),
                ('erased_at', models.DateTimeField(help_text='When name and address were erased. A pull brings them back only with a new term.', null=True)),
                ('package', models.ForeignKey(help_text='Whose plan it is. Empty when no package of ours owns that plan code.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='catalogue.servicepackage')),
            ],
            options={
                'db_table': 'subscriptions',
                'ordering': ['customer_name', 'subscription_id'],
                'permissions': [('handle_personal_data', 'Can export and erase what is known of a customer')],
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='pricenotice',
            name='subscription',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='pricing.subscription'),
        ),
        migrations.CreateModel(
            name='PriceMove',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('cohort', models.CharField(choices=[('standard', 'Pays the old price'), ('fixed_term', 'Fixed price until a date'), ('negotiated', 'Pays a price of its own'), ('discounted', 'Has a discount'), ('cancelling', 'Is leaving'), ('joined_during_notice', 'Joined during the notice')], max_length=30)),
                ('price_then', models.DecimalField(decimal_places=2, help_text='What it paid when the change was published. VAT included.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price at publication')),
                ('expected_price', models.DecimalField(decimal_places=2, help_text='What it is to pay after the change. VAT included.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='expected price')),
                ('renewal_on', models.DateField(help_text='Its first renewal on or after the effective date: the first bill at the new price.', null=True)),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('scheduled', 'Scheduled in Zoho'), ('confirmed', 'Confirmed'), ('conflict', 'Conflict'), ('held', 'Held for a person'), ('failed', 'Failed'), ('not_needed', 'Not needed')], default='planned', max_length=20)),
                ('why', models.TextField(blank=True, help_text='Why it is held, in conflict, failed or not needed.')),
                ('hold', models.CharField(blank=True, choices=[('notice', 'The customer was not told'), ('negotiated', 'Pays a price of its own'), ('joined', 'Joined during the notice at another price'), ('keep_or_credit', 'Joined at the price of a cancelled change')], max_length=20)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('last_attempt_at', models.DateTimeField(null=True)),
                ('leased_until', models.DateTimeField(help_text='A worker is at it until then.', null=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('seen_price', models.DecimalField(blank=True, decimal_places=2, help_text='What it paid when Zoho was last asked. VAT included.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price in Zoho')),
                ('accepted_price', models.DecimalField(blank=True, decimal_places=2, help_text='What a person saw it pay when they let it move anyway.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='accepted price')),
                ('is_return', models.BooleanField(default=False, help_text='Back to the old price, for somebody who joined at a price that was cancelled.')),
                ('sent_at', models.DateTimeField(help_text='Set before Zoho is told: from then on Zoho may have taken the change.', null=True)),
                ('lands_on', models.DateField(help_text='The renewal that the scheduled change lands on.', null=True)),
                ('to_undo', models.BooleanField(default=False, help_text='What Zoho may have scheduled is to be dropped there.')),
                ('decided_at', models.DateTimeField(null=True)),
                ('scheduled_at', models.DateTimeField(help_text='When Zoho took the change.', null=True)),
                ('confirmed_at', models.DateTimeField(help_text='When it was read back from Zoho.', null=True)),
                ('verdict', models.CharField(choices=[('unknown', 'Not known yet'), ('right', 'Right'), ('under', 'Under-billed'), ('over', 'Over-billed')], default='unknown', max_length=10)),
                ('invoice_id', models.CharField(blank=True, max_length=50)),
                ('invoiced_on', models.DateField(null=True)),
                ('invoiced_price', models.DecimalField(blank=True, decimal_places=2, help_text='In rand, VAT included, as the customer is quoted.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.00'))], verbose_name='price on the invoice')),
                ('billed_wrong', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('invoiced_price'), '-', models.F('expected_price')), help_text='A month, in rand: below nothing when too little was billed.', output_field=models.DecimalField(decimal_places=2, max_digits=11, null=True))),
                ('proved_at', models.DateTimeField(help_text='When the invoice was last read.', null=True)),
                ('settled_at', models.DateTimeField(help_text='When somebody settled what was billed wrong, another way.', null=True)),
                ('settled_how', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='pricing.pricechange')),
                ('decided_by', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='pricing.subscription')),
            ],
            options={
                'db_table': 'price_moves',
                'ordering': ['change', 'subscription'],
                'permissions': [('decide_pricemove', 'Can decide about held price moves and try failed ones again')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='OwedRead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subscription_id', models.CharField(max_length=50)),
                ('row', models.JSONField(help_text='Its row in the list; empty for one that the list does not have any more.')),
                ('problem', models.TextField(blank=True, help_text='Why it could not be read; the next pull tries again.')),
                ('pull', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='owed', to='pricing.subscriptionpull')),
            ],
            options={
                'db_table': 'subscription_reads_owed',
                'ordering': ['pk'],
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='pricechange',
            index=models.Index(condition=models.Q(('status', 'published')), fields=['effective_at'], name='price_change_waiting'),
        ),
        migrations.AddIndex(
            model_name='pricechange',
            index=models.Index(fields=['status', '-created_at'], name='price_chang_status_5b3153_idx'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('draft', 'published'))), fields=('package',), name='price_change_one_open_per_package', violation_error_message='This package already has an open price change: finish or cancel that one first.'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(('new_price', models.F('old_price')), _negated=True), name='price_change_changes_the_price', violation_error_message='The new price is the old price.'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(('new_price__gt', 0)), name='price_change_to_a_price', violation_error_message='The new price must be more than nothing.'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('published', 'effective')), _negated=True), models.Q(('approved_by__isnull', False), ('effective_at__isnull', False), ('effective_date__isnull', False), ('published_at__isnull', False), ('version__isnull', False)), _connector='OR'), name='price_change_published_is_complete'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(('effective_at', None), ('effective_at__gte', models.F('published_at')), _connector='OR'), name='price_change_published_before_effective'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(models.Q(('approved_by', models.F('created_by')), _negated=True), models.Q(('changed_by', None), models.Q(('approved_by', models.F('changed_by')), _negated=True), _connector='OR')), _connector='OR'), name='price_change_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('applied_at__isnull', False), ('status', 'effective')), models.Q(models.Q(('status', 'effective'), _negated=True), ('applied_at', None)), _connector='OR'), name='price_change_effective_is_applied'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at__isnull', False), ('status', 'cancelled')), models.Q(models.Q(('status', 'cancelled'), _negated=True), ('cancelled_at', None)), _connector='OR'), name='price_change_cancelled_has_a_time'),
        ),
        migrations.AddConstraint(
            model_name='pricechange',
            constraint=models.UniqueConstraint(fields=('package', 'version'), name='price_change_version_once'),
        ),
        migrations.AddConstraint(
            model_name='priceentry',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('package', '='), ('audience', '='), (pricing.models.ledger.InstantRange('valid_from', 'valid_to', django.contrib.postgres.fields.ranges.RangeBoundary()), '&&')], name='price_ledger_no_overlap'),
        ),
        migrations.AddConstraint(
            model_name='priceentry',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='price_ledger_in_order'),
        ),
        migrations.AddConstraint(
            model_name='priceentry',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='price_ledger_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='priceentry',
            constraint=models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='price_ledger_version_counts_from_one'),
        ),
        migrations.AddConstraint(
            model_name='noticeevent',
            constraint=models.UniqueConstraint(condition=models.Q(('provider_event_id', ''), _negated=True), fields=('notice', 'provider_event_id'), name='price_notice_event_once'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['package', 'status'], name='subscriptio_package_a266fa_idx'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('gone_at', None)), fields=['next_billing_on'], name='subscription_next_billing'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['customer_id'], name='subscriptio_custome_4251b9_idx'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['customer_name', 'subscription_id'], name='subscription_in_order'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('customer_name'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('customer_email'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('number'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('subscription_id'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('customer_id'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('plan_code'), name='gin_trgm_ops'), name='subscription_search'),
        ),
        migrations.AddIndex(
            model_name='pricenotice',
            index=models.Index(condition=models.Q(('sending_since', None), ('state', 'owed')), fields=['due_on', 'id'], name='price_notice_to_send'),
        ),
        migrations.AddIndex(
            model_name='pricenotice',
            index=models.Index(condition=models.Q(('sending_since__isnull', False), ('state', 'owed')), fields=['sending_since'], name='price_notice_claimed'),
        ),
        migrations.AddIndex(
            model_name='pricenotice',
            index=models.Index(fields=['change', 'stage', 'state'], name='price_notic_change__2d19d1_idx'),
        ),
        migrations.AddConstraint(
            model_name='pricenotice',
            constraint=models.UniqueConstraint(fields=('change', 'stage', 'subscription'), name='price_notice_once'),
        ),
        migrations.AddConstraint(
            model_name='pricenotice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('accepted', 'delivered')), _negated=True), ('accepted_at__isnull', False), _connector='OR'), name='price_notice_accepted_has_a_time'),
        ),
        migrations.AddIndex(
            model_name='pricemove',
            index=models.Index(fields=['change', 'state'], name='price_moves_change__21e125_idx'),
        ),
        migrations.AddIndex(
            model_name='pricemove',
            index=models.Index(condition=models.Q(('state__in', ('planned', 'scheduled', 'failed')), ('to_undo', True), _connector='OR'), fields=['renewal_on', 'next_attempt_at'], name='price_move_waiting'),
        ),
        migrations.AddIndex(
            model_name='pricemove',
            index=models.Index(fields=['change', 'verdict'], name='price_moves_change__c06d25_idx'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.UniqueConstraint(fields=('change', 'subscription'), name='price_move_once'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'confirmed'), _negated=True), ('confirmed_at__isnull', False), _connector='OR'), name='price_move_confirmed_is_read'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('held', 'conflict', 'failed')), _negated=True), models.Q(('why', ''), _negated=True), _connector='OR'), name='price_move_says_why'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'held'), ('hold', ''), _connector='OR'), name='price_move_hold_only_when_held'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'scheduled'), _negated=True), models.Q(('lands_on__isnull', False), ('sent_at__isnull', False)), _connector='OR'), name='price_move_scheduled_was_sent'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(('to_undo', False), ('sent_at__isnull', False), _connector='OR'), name='price_move_undoes_what_was_sent'),
        ),
        migrations.AddConstraint(
            model_name='pricemove',
            constraint=models.CheckConstraint(condition=models.Q(('settled_at', None), models.Q(('settled_how', ''), _negated=True), _connector='OR'), name='price_move_settled_says_how'),
        ),
        migrations.AddConstraint(
            model_name='owedread',
            constraint=models.UniqueConstraint(fields=('pull', 'subscription_id'), name='subscription_read_owed_once'),
        ),
        *_database.OPERATIONS,
    ]
