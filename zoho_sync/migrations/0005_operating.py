"""Operating the sync: re-sync, causes, job runs, daily figures, alerts and the schedule of what runs by itself."""

import uuid
from datetime import time
from typing import Any

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F

RULES = {
    # trigger: channel, more than, hours looked back, quiet hours
    "repeated_failure": ("email", 3, 24, (time(21, 0), time(6, 0))),
    "rate_limited": ("slack", 0, 1, (None, None)),
    "not_authorised": ("slack", 0, 1, (None, None)),
    "breaker_open": ("slack", 0, 1, (None, None)),
    "job_missed": ("slack", 0, 24, (None, None)),
    "dead_growing": ("slack", 10, 1, (None, None)),
    "weekly_summary": ("email", 0, 168, (None, None)),
}
JOBS = {
    # name: task, crontab (None: each minute), description
    "Alerts: look and tell": (
        "zoho_sync.tasks.watch",
        None,
        "Finds what is worth telling, and sends the messages that wait.",
    ),
    "Weekly summary": ("zoho_sync.tasks.weekly_summary", ("0", "7", "1"), "By e-mail, Monday at 07:00."),
    "Log retention": (
        "zoho_sync.tasks.retention",
        ("45", "3", "*"),
        "Deletes Zoho calls older than 90 days.",
    ),
    "Daily figures": ("zoho_sync.tasks.count_figures", ("*/15", "*", "*"), "The trend on the home page."),
}


def add_rules(apps: Any, _schema_editor: Any) -> None:
    AlertRule = apps.get_model("zoho_sync", "AlertRule")
    for trigger, (channel, threshold, hours, quiet) in RULES.items():
        values = {"channel": channel, "threshold": threshold, "window_hours": hours}
        values |= {"quiet_from": quiet[0], "quiet_to": quiet[1]}
        AlertRule.objects.get_or_create(trigger=trigger, defaults=values)


def add_jobs(apps: Any, _schema_editor: Any) -> None:
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    CrontabSchedule = apps.get_model("django_celery_beat", "CrontabSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    each_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    for name, (task, when, description) in JOBS.items():
        values: dict[str, Any] = {"task": task, "description": description}
        if when is None:
            values |= {"interval": each_minute, "expire_seconds": 55}
        else:
            minute, hour, weekday = when
            values["crontab"], _ = CrontabSchedule.objects.get_or_create(
                minute=minute, hour=hour, day_of_week=weekday, timezone="Africa/Johannesburg"
            )
        PeriodicTask.objects.get_or_create(name=name, defaults=values)


def remove_jobs(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=JOBS).delete()


def fill_in(apps: Any, _schema_editor: Any) -> None:
    """What rows from before can still tell: since when they are owed, and what they fail of."""
    ProductIntegration = apps.get_model("zoho_sync", "ProductIntegration")
    ProductIntegration.objects.exclude(status="ok").update(owed_since=F("changed_at"))
    for row in ProductIntegration.objects.filter(status__in=("failed", "dead")).iterator():
        details = row.sync_error_details or {}
        system = "crm" if row.kind == "crm_product" else "billing"
        row.cause = f"{system}:{details.get('class') or 'Unknown'}:{details.get('code') or ''}"[:200]
        row.failing_since = row.last_retry_at or row.changed_at
        row.save(update_fields=["cause", "failing_since"])


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0006_versions_and_batches"),
        ("zoho_sync", "0004_smoke_test"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="productintegration",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Owed"),
                    ("ok", "In step"),
                    ("failed", "Failed, will be retried"),
                    ("dead", "Needs a person"),
                    ("given_up", "Given up"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="cause",
            field=models.CharField(
                blank=True,
                help_text="System, error class and field: what fails alike is mended alike.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="failing_since",
            field=models.DateTimeField(help_text="Of the failure it has not recovered from.", null=True),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="owed_since",
            field=models.DateTimeField(help_text="When it last came to differ from Zoho.", null=True),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="priority",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Higher goes first: somebody waits for it."
            ),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="verified_at",
            field=models.DateTimeField(help_text="When Zoho was last read back and agreed.", null=True),
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("cause", models.CharField(max_length=200)),
                ("title", models.CharField(max_length=300)),
                ("detail", models.TextField(blank=True)),
                (
                    "path",
                    models.CharField(help_text="The page of the admin where it is mended.", max_length=500),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("acknowledged", "Acknowledged"),
                            ("snoozed", "Snoozed"),
                            ("resolved", "Resolved"),
                        ],
                        default="open",
                        max_length=15,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "alerts",
                "ordering": ["-opened_at"],
                "permissions": [("answer_alert", "Can acknowledge and snooze alerts")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("key", models.CharField(max_length=120, unique=True)),
                (
                    "channel",
                    models.CharField(choices=[("email", "E-mail"), ("slack", "Slack")], max_length=10),
                ),
                (
                    "recipients",
                    models.JSONField(default=list, help_text="E-mail addresses; empty for Slack."),
                ),
                ("subject", models.CharField(max_length=300)),
                ("body", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Failed, will be tried again"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="zoho_sync.alert",
                    ),
                ),
            ],
            options={
                "verbose_name": "alert message",
                "db_table": "alert_deliveries",
                "ordering": ["-created_at"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("repeated_failure", "One cause keeps failing"),
                            ("rate_limited", "Zoho limits our calls"),
                            ("not_authorised", "Zoho refuses the connection"),
                            ("breaker_open", "Calls to a system rest"),
                            ("job_missed", "A scheduled job did not finish"),
                            ("dead_growing", "More records need a person"),
                            ("weekly_summary", "Weekly summary"),
                        ],
                        max_length=30,
                        unique=True,
                    ),
                ),
                (
                    "channel",
                    models.CharField(choices=[("email", "E-mail"), ("slack", "Slack")], max_length=10),
                ),
                (
                    "recipients",
                    models.TextField(
                        blank=True,
                        help_text="E-mail addresses, one a line. Empty: those of the setting ALERT_EMAILS.",
                    ),
                ),
                (
                    "threshold",
                    models.PositiveIntegerField(
                        default=0, help_text="Told when there are more than this many, where the rule counts."
                    ),
                ),
                (
                    "window_hours",
                    models.PositiveSmallIntegerField(
                        default=24, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "quiet_from",
                    models.TimeField(
                        blank=True,
                        help_text="South African time. Messages wait until the quiet hours end.",
                        null=True,
                    ),
                ),
                ("quiet_to", models.TimeField(blank=True, null=True)),
                ("is_enabled", models.BooleanField(default=True, verbose_name="enabled")),
            ],
            options={
                "verbose_name": "alert rule",
                "db_table": "alert_rules",
                "ordering": ["trigger"],
                "default_permissions": ("view", "change"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from__isnull", True), ("quiet_to__isnull", True)),
                            models.Q(("quiet_from__isnull", False), ("quiet_to__isnull", False)),
                            _connector="OR",
                        ),
                        name="alert_rule_quiet_hours_have_both_ends",
                        violation_error_message="Quiet hours need a beginning and an end, or neither.",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="alert",
            name="rule",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="zoho_sync.alertrule"
            ),
        ),
        migrations.CreateModel(
            name="DailyFigures",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "system",
                    models.CharField(
                        choices=[("crm", "Zoho CRM"), ("billing", "Zoho Billing")], max_length=10
                    ),
                ),
                ("in_step", models.PositiveIntegerField()),
                ("owed", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                ("dead", models.PositiveIntegerField()),
                ("counted_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name_plural": "daily figures",
                "db_table": "zoho_daily_figures",
                "ordering": ["day", "system"],
                "default_permissions": ("view",),
                "constraints": [models.UniqueConstraint(fields=("day", "system"), name="figures_once_a_day")],
            },
        ),
        migrations.CreateModel(
            name="GroupRetry",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("cause", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("probing", "Trying the first one"),
                            ("sending", "The first one went through: sending the rest"),
                            ("done", "Done"),
                            ("stopped", "Stopped: the first one failed again"),
                        ],
                        default="probing",
                        max_length=10,
                    ),
                ),
                ("total", models.PositiveIntegerField()),
                (
                    "sent",
                    models.PositiveIntegerField(
                        default=0, help_text="How many were put back into the queue."
                    ),
                ),
                ("detail", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
                (
                    "probe",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="zoho_sync.productintegration",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "group retry",
                "verbose_name_plural": "group retries",
                "db_table": "zoho_group_retries",
                "ordering": ["-requested_at"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="JobRun",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("job", models.CharField(help_text="The name of the Celery task.", max_length=200)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("lost", "Broken off"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("detail", models.TextField(blank=True)),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "verbose_name": "job run",
                "db_table": "job_runs",
                "ordering": ["-started_at"],
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["job", "-started_at"], name="job_runs_job_3a02b6_idx")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("result", "running")),
                            models.Q(
                                models.Q(("result", "running"), _negated=True), ("finished_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="job_run_has_an_end_unless_running",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Resync",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "system",
                    models.CharField(
                        choices=[("crm", "Zoho CRM"), ("billing", "Zoho Billing")], max_length=10
                    ),
                ),
                ("force", models.BooleanField(default=False)),
                ("reason", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "outcomes",
                    models.JSONField(
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        help_text='{"kind of record": "waits", "in step" or why not}',
                    ),
                ),
                ("correlation_id", models.CharField(blank=True, max_length=64)),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resyncs",
                        to="catalogue.servicepackage",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "re-sync",
                "db_table": "zoho_resyncs",
                "ordering": ["-requested_at"],
                "default_permissions": ("view",),
            },
        ),
        migrations.AddField(
            model_name="productintegration",
            name="resync",
            field=models.ForeignKey(
                help_text="Not answered yet.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="records",
                to="zoho_sync.resync",
            ),
        ),
        migrations.AddIndex(
            model_name="productintegration",
            index=models.Index(
                condition=models.Q(("status__in", ("failed", "dead"))),
                fields=["cause"],
                name="integration_trouble",
            ),
        ),
        migrations.AddIndex(
            model_name="alertdelivery",
            index=models.Index(
                condition=models.Q(("state__in", ("waiting", "sending", "failed"))),
                fields=["next_try_at"],
                name="delivery_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", False), _connector="OR"
                ),
                name="delivery_sent_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("waiting", "sending", "failed")), _negated=True),
                    ("next_try_at__isnull", False),
                    _connector="OR",
                ),
                name="delivery_owed_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "resolved"), _negated=True),
                fields=("rule", "cause"),
                name="alert_once_per_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", False), ("state", "resolved")),
                    models.Q(models.Q(("state", "resolved"), _negated=True), ("resolved_at__isnull", True)),
                    _connector="OR",
                ),
                name="alert_resolved_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "snoozed"), _negated=True),
                    ("snoozed_until__isnull", False),
                    _connector="OR",
                ),
                name="alert_snoozed_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupretry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("probing", "sending"))),
                fields=("cause",),
                name="group_retry_once_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="resync",
            index=models.Index(
                fields=["package", "system", "-requested_at"], name="zoho_resync_package_7ba106_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="resync",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("force", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="resync_with_force_has_a_reason",
            ),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
        migrations.RunPython(add_rules, migrations.RunPython.noop),
        migrations.RunPython(add_jobs, remove_jobs),
    ]
