"""The sweep in the beat schedule. It is created once; afterwards the schedule belongs to whoever edits it in the admin."""

from typing import Any

from django.db import migrations


def add_sweep(apps: Any, _schema_editor: Any) -> None:
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    each_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    PeriodicTask.objects.get_or_create(
        name="Sweep: send what is owed to Zoho",
        defaults={
            "task": "zoho_sync.tasks.sweep",
            "interval": each_minute,
            "description": "Picks up what a nudge missed and what a lost worker still held.",
            "expire_seconds": 55,
        },
    )


def remove_sweep(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(task="zoho_sync.tasks.sweep").delete()


class Migration(migrations.Migration):
    dependencies = [("zoho_sync", "0001_initial"), ("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [migrations.RunPython(add_sweep, remove_sweep)]
