import django.contrib.auth.models
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from circletel.core.migrations import _database


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *_database.BEFORE,
        migrations.CreateModel(
            name='TokenActor',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.user',),
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='What uses it, for example “Price import”.', max_length=80)),
                ('prefix', models.CharField(editable=False, max_length=16)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=150), help_text='Permissions, of those its owner holds.', size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
                'db_table': 'api_tokens',
                'ordering': ['-created_at'],
                'permissions': [('revoke_apitoken', 'Can revoke the API tokens of others')],
                'default_permissions': ('view', 'add'),
                'constraints': [models.CheckConstraint(condition=models.Q(('scopes', []), _negated=True), name='api_token_may_do_something'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='api_token_expires_after_it_was_made')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('actor_id', models.CharField(blank=True, db_index=True, max_length=40)),
                ('actor_name', models.CharField(blank=True, max_length=200)),
                ('actor_email', models.CharField(blank=True, max_length=254)),
                ('action', models.CharField(db_index=True, max_length=60)),
                ('target_type', models.CharField(max_length=60)),
                ('target_id', models.CharField(db_index=True, max_length=64)),
                ('target_name', models.CharField(max_length=300)),
                ('changes', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='{"field": [before, after]}')),
                ('result', models.CharField(choices=[('done', 'Done'), ('refused', 'Refused')], default='done', max_length=10)),
                ('detail', models.TextField(blank=True)),
                ('address', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=400)),
                ('token', models.CharField(blank=True, help_text='Which one the actor used.', max_length=100, verbose_name='API token')),
                ('correlation_id', models.CharField(blank=True, db_index=True, max_length=64)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'db_table': 'audit_entries',
                'ordering': ['-at'],
                'default_permissions': ('view',),
                'indexes': [django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('actor_name'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('actor_email'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('target_name'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('target_id'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('token'), name='gin_trgm_ops'), django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('correlation_id'), name='gin_trgm_ops'), name='audit_search')],
            },
        ),
        migrations.CreateModel(
            name='IdempotentAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('headers', models.JSONField()),
                ('body', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('actor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'api_idempotent_answers',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('actor', 'key'), name='idempotency_key_once')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(help_text='The name of a `JobKind`; of a scheduled job its task.', max_length=200)),
                ('key', models.CharField(blank=True, help_text='Of one key one job is open at a time.', max_length=250)),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=10)),
                ('parameters', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('address', models.GenericIPAddressField(null=True)),
                ('user_agent', models.CharField(blank=True, max_length=400)),
                ('correlation_id', models.CharField(blank=True, max_length=64)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='A waiting job is not begun before; one that runs does so since then.')),
                ('done', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0, help_text='0 where it is not known.')),
                ('progress', models.CharField(blank=True, max_length=300)),
                ('log', models.JSONField(default=list, help_text='[time, text] of each line.')),
                ('result', models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ('error', models.TextField(blank=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('cancel_requested', models.BooleanField(default=False)),
                ('requested_by', models.ForeignKey(help_text='Empty: the schedule.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.apitoken')),
            ],
            options={
                'db_table': 'jobs',
                'ordering': ['-requested_at'],
                'permissions': [('cancel_job', 'Can cancel the jobs of others')],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['-requested_at'], name='job_requested_at'), models.Index(fields=['kind', '-started_at'], name='job_kind_started_at'), models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['state'], name='job_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('lease_token__isnull', False), ('leased_until__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('lease_token', None), ('leased_until', None)), _connector='OR'), name='job_is_leased_while_it_runs'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ('done', 'failed', 'cancelled'))), models.Q(models.Q(('state__in', ('done', 'failed', 'cancelled')), _negated=True), ('finished_at', None)), _connector='OR'), name='job_has_an_end_once_it_ended'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), ('started_at__isnull', False), _connector='OR'), name='job_that_runs_was_started'), models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running']), models.Q(('key', ''), _negated=True)), fields=('key',), name='job_of_a_key_once_at_a_time')],
            },
        ),
        *_database.OPERATIONS,
    ]
