"""Notices of price changes: their stages, texts and events, and a database that keeps the proof."""

import uuid
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from pricing.migrations._notice_stages import STAGES

APPEND_ONLY = """
CREATE FUNCTION price_notice_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER price_notice_texts_append_only BEFORE UPDATE OR DELETE ON price_notice_texts
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE TRIGGER price_notice_events_append_only BEFORE UPDATE OR DELETE ON price_notice_events
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE TRIGGER price_notices_never_deleted BEFORE DELETE ON price_notices
    FOR EACH ROW EXECUTE FUNCTION price_notice_proof();
CREATE FUNCTION price_notices_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.change_id, NEW.stage_id, NEW.subscription_id, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.change_id, OLD.stage_id, OLD.subscription_id, OLD.created_at) THEN
        RAISE EXCEPTION 'price_notices: a notice stays that of its change, stage and subscription'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.accepted_at IS NOT NULL AND NEW.round = OLD.round AND (
        (NEW.accepted_at, NEW.text_hash, NEW.email, NEW.subject)
            IS DISTINCT FROM (OLD.accepted_at, OLD.text_hash, OLD.email, OLD.subject)
        OR NEW.provider_id <> OLD.provider_id AND OLD.provider_id <> '') THEN
        RAISE EXCEPTION 'price_notices: what the provider accepted cannot be rewritten'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER price_notices_keep_proof BEFORE UPDATE ON price_notices
    FOR EACH ROW EXECUTE FUNCTION price_notices_keep_proof();
"""
UNDO = """
DROP TRIGGER price_notices_keep_proof ON price_notices;
DROP FUNCTION price_notices_keep_proof();
DROP TRIGGER price_notices_never_deleted ON price_notices;
DROP TRIGGER price_notice_events_append_only ON price_notice_events;
DROP TRIGGER price_notice_texts_append_only ON price_notice_texts;
DROP FUNCTION price_notice_proof();
"""
JOBS = {
    # name: task, (minute, hour), description
    "Notices of price changes": (
        "pricing.tasks.send_price_notices",
        ("0", "8"),
        "Writes down who is to be told today, and tells them.",
    ),
    "Notices that wait": (
        "pricing.tasks.resume_price_notices",
        ("*/10", "8-20"),
        "Goes on with what the rate limit or an outage of the mail provider left.",
    ),
}


def add_stages(apps: Any, _schema_editor: Any) -> None:
    NoticeStage = apps.get_model("pricing", "NoticeStage")
    for stage in STAGES:
        values = dict(stage)
        NoticeStage.objects.get_or_create(code=values.pop("code"), defaults=values)


def add_jobs(apps: Any, _schema_editor: Any) -> None:
    CrontabSchedule = apps.get_model("django_celery_beat", "CrontabSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, (task, (minute, hour), description) in JOBS.items():
        crontab, _ = CrontabSchedule.objects.get_or_create(
            minute=minute,
            hour=hour,
            day_of_week="*",
            day_of_month="*",
            month_of_year="*",
            timezone="Africa/Johannesburg",
        )
        defaults = {"task": task, "crontab": crontab, "description": description}
        PeriodicTask.objects.get_or_create(name=name, defaults=defaults)


def remove_jobs(apps: Any, _schema_editor: Any) -> None:
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(task__in=[task for task, *_ in JOBS.values()]).delete()


def add_rule(apps: Any, _schema_editor: Any) -> None:
    AlertRule = apps.get_model("zoho_sync", "AlertRule")
    values = {"channel": "email", "threshold": 0, "window_hours": 24}
    AlertRule.objects.get_or_create(trigger="price_notices", defaults=values)


def remove_rule(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("zoho_sync", "AlertRule").objects.filter(trigger="price_notices", alerts=None).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0007_moves"),
        ("zoho_sync", "0008_price_notices_alert"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeText",
            fields=[
                (
                    "text_hash",
                    models.CharField(
                        help_text="SHA-256 of the subject, an empty line and the body, in UTF-8.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("subject", models.CharField(max_length=300)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "price_notice_texts",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="pricenotice",
            name="round",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="Grows when a person has it sent again: then the provider takes it for another message.",
            ),
        ),
        migrations.AlterField(
            model_name="pricenotice",
            name="state",
            field=models.CharField(
                choices=[
                    ("owed", "To be sent"),
                    ("accepted", "Accepted by the provider"),
                    ("delivered", "Delivered"),
                    ("bounced", "Bounced"),
                    ("failed", "Failed"),
                    ("no_address", "No address"),
                    ("not_needed", "Not needed"),
                    ("settled", "Told another way"),
                    ("unknown", "Not known whether it was sent"),
                ],
                default="owed",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="MailOutage",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("began_at", models.DateTimeField()),
                ("tries", models.PositiveIntegerField(default=1)),
                ("next_try_at", models.DateTimeField()),
                ("words", models.TextField(help_text="What the provider said last.")),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "price_notice_outages",
                "ordering": ["-began_at"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("ended_at", None)),
                        name="price_notice_one_outage",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NoticeEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("accepted", "Accepted by the provider"),
                            ("delivered", "Delivered"),
                            ("deferred", "Delayed"),
                            ("bounced", "Bounced"),
                            ("complained", "Called unwanted by the customer"),
                            ("refused", "Refused by the provider"),
                            ("unknown", "No answer from the provider"),
                            ("send_again", "A person has it sent again"),
                            ("settled", "A person told the customer another way"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        help_text="When it happened; the provider's own time where it tells one."
                    ),
                ),
                ("recorded_at", models.DateTimeField(auto_now_add=True)),
                ("round", models.PositiveSmallIntegerField()),
                ("email", models.CharField(blank=True, max_length=254)),
                ("text_hash", models.CharField(blank=True, max_length=64)),
                ("provider_id", models.CharField(blank=True, max_length=200)),
                ("provider_event_id", models.CharField(blank=True, max_length=200)),
                ("detail", models.TextField(blank=True)),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="pricing.pricenotice",
                    ),
                ),
            ],
            options={
                "db_table": "price_notice_events",
                "ordering": ["at", "recorded_at"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("provider_event_id", ""), _negated=True),
                        fields=("notice", "provider_event_id"),
                        name="price_notice_event_once",
                    )
                ],
            },
        ),
        migrations.RemoveIndex(
            model_name="pricenotice",
            name="price_notice_owed",
        ),
        migrations.AddIndex(
            model_name="pricenotice",
            index=models.Index(
                condition=models.Q(("sending_since", None), ("state", "owed")),
                fields=["due_on", "id"],
                name="price_notice_to_send",
            ),
        ),
        migrations.AddIndex(
            model_name="pricenotice",
            index=models.Index(
                condition=models.Q(("sending_since__isnull", False), ("state", "owed")),
                fields=["sending_since"],
                name="price_notice_claimed",
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, UNDO),
        migrations.RunPython(add_stages, migrations.RunPython.noop),
        migrations.RunPython(add_jobs, remove_jobs),
        migrations.RunPython(add_rule, remove_rule),
    ]
