"""Price moves: what carries one out, what undoes it, who decided; its jobs, and the alert on what is not proven."""

from decimal import Decimal
from typing import Any

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

JOBS = {
    # name: task, (minute, hour), description
    "Price moves": (
        "pricing.tasks.move_subscriptions",
        ("*/5", "*"),
        "Moves subscriptions in Zoho Billing to their new price, within the call budget.",
    ),
    "Price moves are looked at again": (
        "pricing.tasks.recheck_moves",
        ("30", "4"),
        "Compares the planned moves with the subscriptions: late joiners, leavers, moved dates.",
    ),
    "Billing proof": (
        "pricing.tasks.prove_billing",
        ("0", "9"),
        "Reads the first invoices after a price change until all of them are right or settled.",
    ),
}


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
    # More than three days after the first invoice at the new price.
    values = {"channel": "email", "threshold": 3, "window_hours": 24}
    AlertRule.objects.get_or_create(trigger="billing_unproven", defaults=values)


def remove_rule(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("zoho_sync", "AlertRule").objects.filter(trigger="billing_unproven").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0006_mirror"),
        ("zoho_sync", "0006_billing_proof_alert"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="pricemove",
            name="price_move_waiting",
        ),
        migrations.AddField(
            model_name="pricemove",
            name="accepted_price",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="What a person saw it pay when they let it move anyway.",
                max_digits=10,
                null=True,
                validators=[django.core.validators.MinValueValidator(Decimal("0.00"))],
                verbose_name="accepted price",
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="decided_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="decided_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="hold",
            field=models.CharField(
                blank=True,
                choices=[
                    ("notice", "The customer was not told"),
                    ("negotiated", "Pays a price of its own"),
                    ("joined", "Joined during the notice at another price"),
                    ("keep_or_credit", "Joined at the price of a cancelled change"),
                    ("latest", "Zoho would move it although it must not"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="is_return",
            field=models.BooleanField(
                default=False,
                help_text="Back to the old price, for somebody who joined at a price that was cancelled.",
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="lands_on",
            field=models.DateField(help_text="The renewal that the scheduled change lands on.", null=True),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="last_attempt_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="lease_token",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="seen_price",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="What it paid when Zoho was last asked. VAT included.",
                max_digits=10,
                null=True,
                validators=[django.core.validators.MinValueValidator(Decimal("0.00"))],
                verbose_name="price in Zoho",
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="sent_at",
            field=models.DateTimeField(
                help_text="Set before Zoho is told: from then on Zoho may have taken the change.", null=True
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="settled_at",
            field=models.DateTimeField(
                help_text="When somebody settled what was billed wrong, another way.", null=True
            ),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="settled_how",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="pricemove",
            name="to_undo",
            field=models.BooleanField(
                default=False, help_text="What Zoho may have scheduled is to be dropped there."
            ),
        ),
        migrations.AddIndex(
            model_name="pricemove",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ("planned", "scheduled", "failed")), ("to_undo", True), _connector="OR"
                ),
                fields=["renewal_on", "next_attempt_at"],
                name="price_move_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricemove",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "held"), ("hold", ""), _connector="OR"),
                name="price_move_hold_only_when_held",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricemove",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "scheduled"), _negated=True),
                    models.Q(("lands_on__isnull", False), ("sent_at__isnull", False)),
                    _connector="OR",
                ),
                name="price_move_scheduled_was_sent",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricemove",
            constraint=models.CheckConstraint(
                condition=models.Q(("to_undo", False), ("sent_at__isnull", False), _connector="OR"),
                name="price_move_undoes_what_was_sent",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricemove",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("settled_at", None), models.Q(("settled_how", ""), _negated=True), _connector="OR"
                ),
                name="price_move_settled_says_how",
            ),
        ),
        migrations.RunPython(add_jobs, remove_jobs),
        migrations.RunPython(add_rule, remove_rule),
    ]
