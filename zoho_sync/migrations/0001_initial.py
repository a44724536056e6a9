import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import uuid
from django.conf import settings
from django.db import migrations, models

from zoho_sync.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('catalogue', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FieldSecurityCheck',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('result', models.CharField(choices=[('locked', 'Locked'), ('holes', 'Can be edited'), ('unknown', 'Cannot verify')], max_length=10)),
                ('holes', models.PositiveIntegerField(help_text='Places where a profile may edit a field of ours.')),
                ('new_holes', models.PositiveIntegerField(help_text='Of these, how many were not there the time before.')),
                ('unknown', models.PositiveIntegerField(help_text='Places that could not be verified; they are not locked.')),
                ('findings', models.JSONField(default=list, help_text='Field, profile, standing and what to do.')),
            ],
            options={
                'verbose_name': 'field security check',
                'db_table': 'zoho_field_security_checks',
                'ordering': ['-at'],
                'permissions': [('check_field_security', 'Can check who may edit our fields in CRM'), ('lock_zoho_fields', 'Can lock our fields in CRM')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='MappingCheck',
            fields=[
                ('mapping_version', models.CharField(help_text='A hash of the mapping table.', max_length=64, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('remote_id', models.CharField(help_text='The record that was read back.', max_length=64)),
                ('lost', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, help_text='Fields in which CRM does not hold what it was sent.', size=None)),
            ],
            options={
                'verbose_name': 'mapping read-back',
                'db_table': 'zoho_mapping_checks',
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trigger', models.CharField(choices=[('repeated_failure', 'One cause keeps failing'), ('rate_limited', 'Zoho limits our calls'), ('not_authorised', 'Zoho refuses the connection'), ('breaker_open', 'Calls to a system rest'), ('job_missed', 'A scheduled job did not finish'), ('dead_growing', 'More records need a person'), ('billing_unproven', 'A price change is not proven by its invoices'), ('price_notices', 'Notices of price changes do not arrive'), ('weekly_summary', 'Weekly summary')], max_length=30, unique=True)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('slack', 'Slack')], max_length=10)),
                ('recipients', models.TextField(blank=True, help_text='E-mail addresses, one a line. Empty: those of the setting ALERT_EMAILS.')),
                ('threshold', models.PositiveIntegerField(default=0, help_text='Told when there are more than this many, where the rule counts.')),
                ('window_hours', models.PositiveSmallIntegerField(default=24, validators=[django.core.validators.MinValueValidator(1)])),
                ('quiet_from', models.TimeField(blank=True, help_text='South African time. Messages wait until the quiet hours end.', null=True)),
                ('quiet_to', models.TimeField(blank=True, null=True)),
                ('is_enabled', models.BooleanField(default=True, verbose_name='enabled')),
            ],
            options={
                'verbose_name': 'alert rule',
                'db_table': 'alert_rules',
                'ordering': ['trigger'],
                'default_permissions': ('view', 'change'),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False)), _connector='OR'), name='alert_rule_quiet_hours_have_both_ends', violation_error_message='Quiet hours need a beginning and an end, or neither.')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=200)),
                ('title', models.CharField(max_length=300)),
                ('detail', models.TextField(blank=True)),
                ('path', models.CharField(help_text='The page of the admin where it is mended.', max_length=500)),
                ('state', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('snoozed', 'Snoozed'), ('resolved', 'Resolved')], default='open', max_length=15)),
                ('opened_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('snoozed_until', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='zoho_sync.alertrule')),
            ],
            options={
                'db_table': 'alerts',
                'ordering': ['-opened_at'],
                'permissions': [('answer_alert', 'Can acknowledge and snooze alerts')],
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'resolved'), _negated=True), fields=('rule', 'cause'), name='alert_once_per_cause'), models.CheckConstraint(condition=models.Q(models.Q(('resolved_at__isnull', False), ('state', 'resolved')), models.Q(models.Q(('state', 'resolved'), _negated=True), ('resolved_at__isnull', True)), _connector='OR'), name='alert_resolved_has_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'snoozed'), _negated=True), ('snoozed_until__isnull', False), _connector='OR'), name='alert_snoozed_has_an_end')],
            },
        ),
        migrations.CreateModel(
            name='DailyFigures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('system', models.CharField(choices=[('crm', 'Zoho CRM'), ('billing', 'Zoho Billing')], max_length=10)),
                ('in_step', models.PositiveIntegerField()),
                ('owed', models.PositiveIntegerField()),
                ('failed', models.PositiveIntegerField()),
                ('dead', models.PositiveIntegerField()),
                ('counted_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name_plural': 'daily figures',
                'db_table': 'zoho_daily_figures',
                'ordering': ['day', 'system'],
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('day', 'system'), name='figures_once_a_day')],
            },
        ),
        migrations.CreateModel(
            name='Resync',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('system', models.CharField(choices=[('crm', 'Zoho CRM'), ('billing', 'Zoho Billing')], max_length=10)),
                ('force', models.BooleanField(default=False)),
                ('reason', models.TextField(blank=True)),
                ('requested_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('outcomes', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='{"kind of record": "waits", "in step" or why not}')),
                ('correlation_id', models.CharField(blank=True, max_length=64)),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='resyncs', to='catalogue.servicepackage')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 're-sync',
                'db_table': 'zoho_resyncs',
                'ordering': ['-requested_at'],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['package', 'system', '-requested_at'], name='zoho_resync_package_7ba106_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(('force', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='resync_with_force_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='ProductIntegration',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('crm_product', 'CRM product'), ('billing_product', 'Billing product'), ('billing_plan', 'Billing plan'), ('billing_installation', 'Billing installation'), ('billing_hardware', 'Billing hardware')], max_length=30)),
                ('remote_key', models.CharField(help_text='The key by which Zoho knows the record.', max_length=200)),
                ('remote_id', models.CharField(blank=True, help_text="Zoho's own id, once acknowledged.", max_length=64)),
                ('desired_hash', models.CharField(max_length=64)),
                ('synced_hash', models.CharField(blank=True, max_length=64)),
                ('acknowledged_payload', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='What Zoho last accepted.', null=True)),
                ('status', models.CharField(choices=[('pending', 'Owed'), ('ok', 'In step'), ('failed', 'Failed, will be retried'), ('dead', 'Needs a person'), ('given_up', 'Given up')], default='pending', max_length=10)),
                ('retry_count', models.PositiveIntegerField(default=0)),
                ('next_retry_at', models.DateTimeField(null=True)),
                ('last_retry_at', models.DateTimeField(null=True)),
                ('last_synced_at', models.DateTimeField(null=True)),
                ('last_sync_error', models.TextField(blank=True)),
                ('sync_error_details', models.JSONField(blank=True, default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('outcome_unknown', models.BooleanField(default=False, help_text='A create was sent and no answer seen: look before sending it again.')),
                ('doubtful_until', models.DateTimeField(help_text='A write was sent that Zoho never answered. Until then it may still be carried out, and would undo what is sent meanwhile: so nothing is.', null=True)),
                ('background', models.BooleanField(default=False, help_text='Owed by a backfill: goes after what people wait for.')),
                ('listed_at', models.DateTimeField(help_text='When a backfill last looked for it in a full listing of Zoho.', null=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('correlation_id', models.CharField(blank=True, help_text='Of the deed that last made it owed.', max_length=64)),
                ('cause', models.CharField(blank=True, help_text='System, error class and field: what fails alike is mended alike.', max_length=200)),
                ('failing_since', models.DateTimeField(help_text='Of the failure it has not recovered from.', null=True)),
                ('owed_since', models.DateTimeField(help_text='When it last came to differ from Zoho.', null=True)),
                ('verified_at', models.DateTimeField(help_text='When Zoho was last read back and agreed.', null=True)),
                ('priority', models.PositiveSmallIntegerField(default=0, help_text='Higher goes first: somebody waits for it.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('package', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='integrations', to='catalogue.servicepackage')),
                ('resync', models.ForeignKey(help_text='Not answered yet.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='records', to='zoho_sync.resync')),
            ],
            options={
                'verbose_name': 'Zoho record',
                'db_table': 'product_integrations',
                'ordering': ['package', 'kind'],
                'permissions': [('resync_productintegration', 'Can send records to Zoho again'), ('run_smoke_test', 'Can run the Billing smoke test')],
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('status__in', ('pending', 'failed'))), fields=['kind', 'next_retry_at'], name='integration_due'), models.Index(fields=['kind', 'remote_key'], name='product_int_kind_d7ac36_idx'), django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('remote_key'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('remote_id'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('last_sync_error'), name='gin_trgm_ops'), name='integration_search'), models.Index(fields=['status', 'kind'], name='product_int_status_c28ea8_idx'), models.Index(condition=models.Q(('status__in', ('failed', 'dead'))), fields=['cause'], name='integration_trouble')],
                'constraints': [models.UniqueConstraint(fields=('package', 'kind'), name='integration_once_per_package_and_kind'), models.UniqueConstraint(condition=models.Q(('kind', 'billing_product'), _negated=True), fields=('kind', 'remote_key'), name='integration_remote_key_once'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'ok'), _negated=True), models.Q(models.Q(('remote_id', ''), _negated=True), ('synced_hash', models.F('desired_hash'))), _connector='OR'), name='integration_in_step_is_acknowledged'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('pending', 'failed')), _negated=True), ('next_retry_at__isnull', False), _connector='OR'), name='integration_owed_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='ZohoSyncLog',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('system', models.CharField(max_length=10)),
                ('method', models.CharField(max_length=8)),
                ('path', models.CharField(max_length=300)),
                ('packages', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, size=None)),
                ('records', models.PositiveIntegerField(default=0, help_text='How many Zoho records the call was about.')),
                ('request', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ('response', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ('http_status', models.PositiveSmallIntegerField(null=True)),
                ('error_class', models.CharField(blank=True, db_index=True, max_length=40)),
                ('error', models.TextField(blank=True)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('duration_ms', models.PositiveIntegerField(help_text='Empty while the answer is awaited, and for good when the worker died meanwhile.', null=True)),
                ('correlation_id', models.CharField(blank=True, db_index=True, max_length=64)),
            ],
            options={
                'verbose_name': 'Zoho call',
                'db_table': 'zoho_sync_logs',
                'ordering': ['-at'],
                'default_permissions': ('view',),
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['packages'], name='zoho_sync_l_package_1488ae_gin'), models.Index(fields=['system', '-at'], name='zoho_sync_l_system_66125f_idx'), django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('path'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('error'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('correlation_id'), name='gin_trgm_ops'), name='zoho_log_search')],
            },
        ),
        migrations.CreateModel(
            name='AlertDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=120, unique=True)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('slack', 'Slack')], max_length=10)),
                ('recipients', models.JSONField(default=list, help_text='E-mail addresses; empty for Slack.')),
                ('subject', models.CharField(max_length=300)),
                ('body', models.TextField()),
                ('state', models.CharField(choices=[('waiting', 'Waits'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Failed, will be tried again')], default='waiting', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(null=True)),
                ('last_error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('alert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='zoho_sync.alert')),
            ],
            options={
                'verbose_name': 'alert message',
                'db_table': 'alert_deliveries',
                'ordering': ['-created_at'],
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('state__in', ('waiting', 'sending', 'failed'))), fields=['next_try_at'], name='delivery_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', False), _connector='OR'), name='delivery_sent_has_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('waiting', 'sending', 'failed')), _negated=True), ('next_try_at__isnull', False), _connector='OR'), name='delivery_owed_has_a_time')],
            },
        ),
        *_database.OPERATIONS,
    ]
