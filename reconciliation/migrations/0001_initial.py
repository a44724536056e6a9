import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from reconciliation.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('pricing', '0001_initial'),
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('catalogue', '0001_initial'),
        ('core', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReconciliationReport',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('scope', models.CharField(choices=[('all', 'Zoho CRM and Zoho Billing'), ('crm', 'Zoho CRM'), ('billing', 'Zoho Billing')], default='all', max_length=10)),
                ('only', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), blank=True, default=list, help_text='SKUs; empty is all.', size=None)),
                ('state', models.CharField(choices=[('running', 'Running'), ('complete', 'Complete'), ('incomplete', 'Incomplete'), ('alarm', 'Stopped with an alarm')], default='running', max_length=12)),
                ('started_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(null=True)),
                ('trouble', models.TextField(blank=True, help_text='Why it could not read everything, or what alarmed it.')),
                ('calls', models.PositiveIntegerField(default=0, help_text='API calls to Zoho.')),
                ('counts', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('coverage', models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='Each list: how many records of ours and of theirs.')),
                ('findings', models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='As they were found then; what became of them since is under findings.')),
                ('job', models.ForeignKey(help_text='The work in the background that fills it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='core.job')),
            ],
            options={
                'verbose_name': 'reconciliation report',
                'db_table': 'zoho_reconciliation_reports',
                'ordering': ['-started_at'],
                'permissions': [('run_reconciliation', 'Can compare the catalogue with Zoho')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('system', models.CharField(choices=[('crm', 'Zoho CRM'), ('billing', 'Zoho Billing')], max_length=10)),
                ('kind', models.CharField(choices=[('crm_product', 'CRM product'), ('billing_product', 'Billing product'), ('billing_plan', 'Billing plan'), ('billing_installation', 'Billing installation'), ('billing_hardware', 'Billing hardware'), ('billing_addon', 'Billing add-on'), ('billing_subscription', 'Subscription')], max_length=30)),
                ('type', models.CharField(choices=[('missing_in_zoho', 'Missing in Zoho'), ('missing_here', 'Unknown to the catalogue'), ('field_mismatch', 'Differs'), ('duplicate', 'Duplicate in Zoho'), ('wrong_link', 'Linked to another record'), ('stale_acknowledgement', 'Acknowledgement out of date'), ('archived_active', 'Archived, active in Zoho'), ('billed_price', 'Billed another price'), ('own_price', 'Pays a price of its own')], max_length=30)),
                ('key', models.CharField(help_text="Our key, or Zoho's id where the record has none.", max_length=200)),
                ('field', models.CharField(blank=True, max_length=100)),
                ('remote_id', models.CharField(blank=True, max_length=64)),
                ('remote_name', models.CharField(blank=True, max_length=300)),
                ('ours', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ('theirs', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ('live', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='The whole record as Zoho held it when it was last seen.')),
                ('since', models.DateTimeField(help_text='When the record was last changed in Zoho.', null=True)),
                ('changed_by', models.CharField(blank=True, max_length=200)),
                ('at_stake', models.DecimalField(decimal_places=2, help_text='Rand a month, VAT included, over all who subscribe. Empty where no monthly price differs.', max_digits=24, null=True)),
                ('state', models.CharField(choices=[('new', 'New'), ('still', 'Still open'), ('resolved', 'Resolved'), ('ignored', 'Ignored')], default='new', max_length=10)),
                ('first_seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('times_seen', models.PositiveIntegerField(default=1)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('ignore_reason', models.TextField(blank=True)),
                ('ignored_until', models.DateTimeField(null=True)),
                ('ignored_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('package', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='catalogue.servicepackage')),
                ('first_report', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reconciliation.reconciliationreport')),
                ('last_report', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='reconciliation.reconciliationreport')),
            ],
            options={
                'db_table': 'zoho_reconciliation_findings',
                'ordering': ['-first_seen_at', 'key', 'field'],
                'permissions': [('repair_finding', 'Can repair and ignore findings')],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['state', 'system'], name='zoho_reconc_state_0e28bd_idx'), models.Index(fields=['key'], name='zoho_reconc_key_f9a862_idx')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'resolved'), _negated=True), fields=('kind', 'type', 'key', 'field', 'remote_id'), name='finding_once_while_it_lasts'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'ignored'), _negated=True), models.Q(models.Q(('ignore_reason', ''), _negated=True), ('ignored_until__isnull', False)), _connector='OR'), name='finding_ignored_with_reason_and_expiry'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'resolved'), _negated=True), ('resolved_at__isnull', False), _connector='OR'), name='finding_resolved_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Repair',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('deed', models.CharField(choices=[('push', 'Push ours to Zoho'), ('adopt', 'Adopt theirs as a draft'), ('link', 'Link to the record with our key'), ('deactivate', 'Deactivate in Zoho')], max_length=12)),
                ('steps', models.JSONField(default=list, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='What will be written, in words.')),
                ('seen', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='What the plan was made upon.')),
                ('calls', models.PositiveIntegerField(default=0, help_text='API calls it will cost at most.')),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('applied', 'Applied'), ('refused', 'Refused')], default='planned', max_length=10)),
                ('outcome', models.TextField(blank=True)),
                ('requested_at', models.DateTimeField(auto_now_add=True)),
                ('applied_at', models.DateTimeField(null=True)),
                ('findings', models.ManyToManyField(related_name='repairs', to='reconciliation.finding')),
                ('job', models.ForeignKey(help_text='The work in the background that applies it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='core.job')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'zoho_reconciliation_repairs',
                'ordering': ['-requested_at'],
                'default_permissions': ('view',),
            },
        ),
        *_database.OPERATIONS,
    ]
