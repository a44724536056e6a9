"""The tables of the TM Forum window, and the minute by which its events go out."""

import uuid
from typing import Any

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import catalogue.models.tmf620


def remember_packages(apps: Any, _schema_editor: Any) -> None:
    # What is published already is not news: its next change is a change, not a creation.
    ServicePackage = apps.get_model("catalogue", "ServicePackage")
    HubSnapshot = apps.get_model("catalogue", "HubSnapshot")
    known = ServicePackage.objects.values_list("pk", "status").iterator(chunk_size=1000)
    HubSnapshot.objects.bulk_create(
        (HubSnapshot(package_id=pk, on_sale=status == "active") for pk, status in known), batch_size=1000
    )


def add_schedule(apps: Any, _schema_editor: Any) -> None:
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    each_minute, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    PeriodicTask.objects.get_or_create(
        name="TMF620: send events to listeners",
        defaults={
            "task": "catalogue.tmf620.tasks.sweep",
            "interval": each_minute,
            "description": "Notices what went on or off sale by the clock, and sends what is owed to listeners.",
            "expire_seconds": 55,
        },
    )


def remove_schedule(apps: Any, _schema_editor: Any) -> None:
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    tasks.filter(task="catalogue.tmf620.tasks.sweep").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("catalogue", "0004_legacy_and_bundles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HubEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("occurred_at", models.DateTimeField(db_index=True)),
                (
                    "bodies",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder, help_text='{"v4": …, "v5": …}'
                    ),
                ),
            ],
            options={
                "verbose_name": "TMF620 event",
                "db_table": "tmf620_events",
                "ordering": ["occurred_at", "id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="HubSnapshot",
            fields=[
                (
                    "package",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="catalogue.servicepackage",
                    ),
                ),
                ("on_sale", models.BooleanField(default=False)),
                (
                    "hashes",
                    models.JSONField(
                        default=dict, help_text="Of each resource as it was told; empty: not known."
                    ),
                ),
                ("told_at", models.DateTimeField(auto_now=True, db_index=True)),
            ],
            options={
                "db_table": "tmf620_snapshots",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="HubListener",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("version", models.CharField(help_text="Of TMF620, in which events are sent.", max_length=4)),
                ("callback", models.CharField(max_length=2000)),
                (
                    "query",
                    models.CharField(blank=True, help_text="Which events; empty means all.", max_length=1000),
                ),
                (
                    "secret",
                    models.CharField(
                        default=catalogue.models.tmf620.new_secret,
                        help_text="Signs what is sent.",
                        max_length=64,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "TMF620 listener",
                "db_table": "tmf620_listeners",
                "ordering": ["created_at"],
            },
        ),
        migrations.CreateModel(
            name="HubDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Owed"), ("delivered", "Delivered"), ("dead", "Needs a person")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due_at",
                    models.DateTimeField(help_text="Not tried before; also how long a worker may hold it."),
                ),
                ("delivered_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=500)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="catalogue.hubevent",
                    ),
                ),
                (
                    "listener",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="catalogue.hublistener",
                    ),
                ),
            ],
            options={
                "verbose_name": "TMF620 delivery",
                "verbose_name_plural": "TMF620 deliveries",
                "permissions": [("resend_hubdelivery", "Can send TMF620 events again")],
                "db_table": "tmf620_deliveries",
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["due_at"],
                        name="tmf620_deliveries_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("event", "listener"), name="tmf620_event_once_for_each_listener"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TmfDraft",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=40)),
                (
                    "version",
                    models.CharField(
                        help_text="Of TMF620, in which it was written and is shown.", max_length=4
                    ),
                ),
                (
                    "body",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder, help_text="As it was written."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "product",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tmf620_draft",
                        to="catalogue.product",
                    ),
                ),
            ],
            options={
                "verbose_name": "TMF620 draft",
                "db_table": "tmf620_drafts",
                "ordering": ["created_at", "id"],
                "indexes": [
                    models.Index(fields=["kind", "version", "created_at"], name="tmf620_draf_kind_cffc58_idx")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "productOffering"), ("product__isnull", False)),
                            models.Q(models.Q(("kind", "productOffering"), _negated=True), ("product", None)),
                            _connector="OR",
                        ),
                        name="tmf620_draft_offering_has_a_product",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TmfJob",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=20)),
                ("version", models.CharField(max_length=4)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("Not Started", "Not Started"),
                            ("Running", "Running"),
                            ("Succeeded", "Succeeded"),
                            ("Failed", "Failed"),
                        ],
                        default="Not Started",
                        max_length=12,
                    ),
                ),
                (
                    "url",
                    models.CharField(blank=True, help_text="Where an import reads from.", max_length=2000),
                ),
                (
                    "path",
                    models.CharField(blank=True, help_text="The resource; empty means all.", max_length=200),
                ),
                ("query", models.CharField(blank=True, help_text="Filters of an export.", max_length=1000)),
                (
                    "root",
                    models.CharField(
                        help_text="The address by which the catalogue was asked.", max_length=200
                    ),
                ),
                (
                    "content",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        help_text="What was exported.",
                        null=True,
                    ),
                ),
                ("error_log", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("completed_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "TMF620 job",
                "db_table": "tmf620_jobs",
                "ordering": ["-created_at", "id"],
                "indexes": [
                    models.Index(fields=["kind", "version", "created_at"], name="tmf620_jobs_kind_9b0787_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="TmfDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "resource",
                    models.CharField(help_text="Version and kind: v4/productOffering.", max_length=40),
                ),
                (
                    "text",
                    models.TextField(
                        help_text="Where the address of this server belongs stands the character U+0001."
                    ),
                ),
                ("changed_at", models.DateTimeField(help_text="The package's, when this was written.")),
                ("vat_rate", models.DecimalField(decimal_places=4, max_digits=5)),
                ("promoted", models.BooleanField()),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tmf620_documents",
                        to="catalogue.servicepackage",
                    ),
                ),
            ],
            options={
                "db_table": "tmf620_documents",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("package", "resource"), name="tmf620_document_once_for_each_resource"
                    )
                ],
            },
        ),
        migrations.RunPython(remember_packages, migrations.RunPython.noop),
        migrations.RunPython(add_schedule, remove_schedule),
    ]
