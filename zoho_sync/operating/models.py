import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from catalogue.models import ServicePackage

SYSTEMS = [("crm", "Zoho CRM"), ("billing", "Zoho Billing")]


class Resync(models.Model):
    """A person asked for one package to be sent again to one system, and what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    package = models.ForeignKey(ServicePackage, models.PROTECT, related_name="resyncs")
    system = models.CharField(max_length=10, choices=SYSTEMS)
    force = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcomes = models.JSONField(
        default=dict,
        encoder=DjangoJSONEncoder,
        help_text='{"kind of record": "waits", "in step" or why not}',
    )
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "zoho_resyncs"
        verbose_name = "re-sync"
        ordering = ["-requested_at"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["package", "system", "-requested_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(force=False) | ~Q(reason=""), name="resync_with_force_has_a_reason"
            )
        ]

    def __str__(self) -> str:
        return f"{self.package} to {self.get_system_display()}"


class DailyFigures(models.Model):
    """How one system stood on one South African day, as last counted; the trend on the home page."""

    day = models.DateField()
    system = models.CharField(max_length=10, choices=SYSTEMS)
    in_step = models.PositiveIntegerField()
    owed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    dead = models.PositiveIntegerField()
    counted_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "zoho_daily_figures"
        verbose_name_plural = "daily figures"
        ordering = ["day", "system"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["day", "system"], name="figures_once_a_day")]

    def __str__(self) -> str:
        return f"{self.get_system_display()} on {self.day}"


class Trigger(models.TextChoices):
    REPEATED_FAILURE = "repeated_failure", "One cause keeps failing"
    RATE_LIMITED = "rate_limited", "Zoho limits our calls"
    NOT_AUTHORISED = "not_authorised", "Zoho refuses the connection"
    BREAKER_OPEN = "breaker_open", "Calls to a system rest"
    JOB_MISSED = "job_missed", "A scheduled job did not finish"
    DEAD_GROWING = "dead_growing", "More records need a person"
    BILLING_UNPROVEN = "billing_unproven", "A price change is not proven by its invoices"
    PRICE_NOTICES = "price_notices", "Notices of price changes do not arrive"
    WEEKLY_SUMMARY = "weekly_summary", "Weekly summary"


class Channel(models.TextChoices):
    EMAIL = "email", "E-mail"
    SLACK = "slack", "Slack"


class AlertRule(models.Model):
    """What is worth telling somebody, over which channel, and when not to disturb."""

    trigger = models.CharField(max_length=30, choices=Trigger.choices, unique=True)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipients = models.TextField(
        blank=True, help_text="E-mail addresses, one a line. Empty: those of the setting ALERT_EMAILS."
    )
    threshold = models.PositiveIntegerField(
        default=0, help_text="Told when there are more than this many, where the rule counts."
    )
    window_hours = models.PositiveSmallIntegerField(default=24, validators=[MinValueValidator(1)])
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="South African time. Messages wait until the quiet hours end."
    )
    quiet_to = models.TimeField(null=True, blank=True)
    is_enabled = models.BooleanField("enabled", default=True)

    class Meta:
        db_table = "alert_rules"
        verbose_name = "alert rule"
        ordering = ["trigger"]
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="alert_rule_quiet_hours_have_both_ends",
                violation_error_message="Quiet hours need a beginning and an end, or neither.",
            )
        ]

    def __str__(self) -> str:
        return self.get_trigger_display()


class AlertState(models.TextChoices):
    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"


class Alert(models.Model):
    """One cause that a rule found, from when it was found until it was gone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.ForeignKey(AlertRule, models.PROTECT, related_name="alerts")
    cause = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    path = models.CharField(max_length=500, help_text="The page of the admin where it is mended.")
    state = models.CharField(max_length=15, choices=AlertState.choices, default=AlertState.OPEN)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alerts"
        ordering = ["-opened_at"]
        default_permissions = ("view",)
        permissions = [("answer_alert", "Can acknowledge and snooze alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "cause"], condition=~Q(state="resolved"), name="alert_once_per_cause"
            ),
            models.CheckConstraint(
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
                name="alert_resolved_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="snoozed") | Q(snoozed_until__isnull=False),
                name="alert_snoozed_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waits"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed, will be tried again"


class AlertDelivery(models.Model):
    """One message in the outbox. `key` says what it tells, so that nothing is told twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=120, unique=True)
    alert = models.ForeignKey(Alert, models.PROTECT, null=True, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipients = models.JSONField(default=list, help_text="E-mail addresses; empty for Slack.")
    subject = models.CharField(max_length=300)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_deliveries"
        verbose_name = "alert message"
        ordering = ["-created_at"]
        default_permissions = ("view",)
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=("waiting", "sending", "failed")),
                name="delivery_due",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="delivery_sent_has_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("waiting", "sending", "failed")) | Q(next_try_at__isnull=False),
                name="delivery_owed_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.subject
