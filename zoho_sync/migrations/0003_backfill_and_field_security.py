"""What a backfill remembers, who may edit our fields, and the nightly look at that."""

import uuid
from typing import Any

import django.contrib.postgres.fields
from django.db import migrations, models


def add_nightly_check(apps: Any, _schema_editor: Any) -> None:
    CrontabSchedule = apps.get_model("django_celery_beat", "CrontabSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    at_half_past_three, _ = CrontabSchedule.objects.get_or_create(
        minute="30",
        hour="3",
        day_of_week="*",
        day_of_month="*",
        month_of_year="*",
        timezone="Africa/Johannesburg",
    )
    PeriodicTask.objects.get_or_create(
        name="Field security: who may edit our fields in Zoho CRM",
        defaults={
            "task": "zoho_sync.tasks.check_field_security",
            "crontab": at_half_past_three,
            "description": "Alerts about fields that people have become able to edit.",
        },
    )


def remove_nightly_check(apps: Any, _schema_editor: Any) -> None:
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(task="zoho_sync.tasks.check_field_security").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("zoho_sync", "0002_schedule"),
    ]

    operations = [
        migrations.CreateModel(
            name="FieldSecurityCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("locked", "Locked"),
                            ("holes", "Can be edited"),
                            ("unknown", "Cannot verify"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "holes",
                    models.PositiveIntegerField(help_text="Places where a profile may edit a field of ours."),
                ),
                (
                    "new_holes",
                    models.PositiveIntegerField(
                        help_text="Of these, how many were not there the time before."
                    ),
                ),
                (
                    "unknown",
                    models.PositiveIntegerField(
                        help_text="Places that could not be verified; they are not locked."
                    ),
                ),
                (
                    "findings",
                    models.JSONField(default=list, help_text="Field, profile, standing and what to do."),
                ),
            ],
            options={
                "verbose_name": "field security check",
                "db_table": "zoho_field_security_checks",
                "ordering": ["-at"],
                "permissions": [
                    ("check_field_security", "Can check who may edit our fields in CRM"),
                    ("lock_zoho_fields", "Can lock our fields in CRM"),
                ],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="MappingCheck",
            fields=[
                (
                    "mapping_version",
                    models.CharField(
                        help_text="A hash of the mapping table.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("remote_id", models.CharField(help_text="The record that was read back.", max_length=64)),
                (
                    "lost",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100),
                        blank=True,
                        default=list,
                        help_text="Fields in which CRM does not hold what it was sent.",
                        size=None,
                    ),
                ),
            ],
            options={
                "verbose_name": "mapping read-back",
                "db_table": "zoho_mapping_checks",
                "default_permissions": ("view",),
            },
        ),
        migrations.AddField(
            model_name="productintegration",
            name="background",
            field=models.BooleanField(
                default=False, help_text="Owed by a backfill: goes after what people wait for."
            ),
        ),
        migrations.AddField(
            model_name="productintegration",
            name="listed_at",
            field=models.DateTimeField(
                help_text="When a backfill last looked for it in a full listing of Zoho.", null=True
            ),
        ),
        migrations.RunPython(add_nightly_check, remove_nightly_check),
    ]
