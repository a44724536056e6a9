"""Customers can be forgotten: the tables of proof let go of names and addresses, of nothing else, and only on request."""

from typing import Any

from django.db import migrations, models

TASK = "pricing.tasks.erase_old_personal_data"

FORGETS = """
CREATE OR REPLACE FUNCTION price_notice_proof() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    personal text[] := CASE TG_TABLE_NAME
        WHEN 'price_notice_events' THEN ARRAY['email', 'detail']
        WHEN 'price_notice_texts' THEN ARRAY['subject', 'body']
        ELSE ARRAY[]::text[]
    END;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('circletel.erasing', true) = 'on'
        AND (to_jsonb(NEW) - personal) = (to_jsonb(OLD) - personal)
        AND NOT EXISTS (SELECT FROM unnest(personal) AS name WHERE to_jsonb(NEW) ->> name <> '') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION price_notices_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    forgets boolean := coalesce(current_setting('circletel.erasing', true) = 'on', false)
        AND NEW.email = '' AND NEW.subject = '';
BEGIN
    IF (NEW.id, NEW.change_id, NEW.stage_id, NEW.subscription_id, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.change_id, OLD.stage_id, OLD.subscription_id, OLD.created_at) THEN
        RAISE EXCEPTION 'price_notices: a notice stays that of its change, stage and subscription'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.accepted_at IS NOT NULL AND NEW.round = OLD.round AND (
        (NEW.accepted_at, NEW.text_hash) IS DISTINCT FROM (OLD.accepted_at, OLD.text_hash)
        OR NOT forgets AND (NEW.email, NEW.subject) IS DISTINCT FROM (OLD.email, OLD.subject)
        OR NEW.provider_id <> OLD.provider_id AND OLD.provider_id <> '') THEN
        RAISE EXCEPTION 'price_notices: what the provider accepted cannot be rewritten'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
KEEPS = """
CREATE OR REPLACE FUNCTION price_notice_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION price_notices_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


def add_job(apps: Any, _schema_editor: Any) -> None:
    crontab, _ = apps.get_model("django_celery_beat", "CrontabSchedule").objects.get_or_create(
        minute="40",
        hour="4",
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone="Africa/Johannesburg",
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Forget old customers",
        defaults={
            "task": TASK,
            "crontab": crontab,
            "description": "Erases names and addresses of customers who left CUSTOMER_DATA_KEEP_DAYS ago.",
        },
    )


def remove_job(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(task=TASK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0009_search"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="subscription",
            options={
                "default_permissions": ("view",),
                "ordering": ["customer_name", "subscription_id"],
                "permissions": [("handle_personal_data", "Can export and erase what is known of a customer")],
            },
        ),
        migrations.AddField(
            model_name="subscription",
            name="erased_at",
            field=models.DateTimeField(
                help_text="When name and address were erased. A pull brings them back only with a new term.",
                null=True,
            ),
        ),
        migrations.RunSQL(FORGETS, KEEPS),
        migrations.RunPython(add_job, remove_job),
    ]
