"""The daily job in the beat schedule. Created once; afterwards the schedule belongs to whoever edits it in the admin."""

from typing import Any

from django.db import migrations


def add_daily_job(apps: Any, _schema_editor: Any) -> None:
    CrontabSchedule = apps.get_model("django_celery_beat", "CrontabSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    at_two, _ = CrontabSchedule.objects.get_or_create(
        minute="0",
        hour="2",
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone="Africa/Johannesburg",
    )
    PeriodicTask.objects.get_or_create(
        name="Price changes take effect",
        defaults={
            "task": "pricing.tasks.apply_price_changes",
            "crontab": at_two,
            "description": "Applies the price changes whose effective date has come, missed days included.",
        },
    )


def remove_daily_job(apps: Any, _schema_editor: Any) -> None:
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(task="pricing.tasks.apply_price_changes").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0003_price_rule"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add_daily_job, remove_daily_job)]
