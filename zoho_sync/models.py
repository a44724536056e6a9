import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core.models.fields import searched


class System(models.TextChoices):
    """The two Zoho products we keep in step. Each has its own limits and its own circuit breaker."""

    CRM = "crm", "Zoho CRM"
    BILLING = "billing", "Zoho Billing"


class Kind(models.TextChoices):
    """The kinds of Zoho record that mirror a package, in the order they must come to exist."""

    CRM_PRODUCT = "crm_product", "CRM product"
    BILLING_PRODUCT = "billing_product", "Billing product"
    BILLING_PLAN = "billing_plan", "Billing plan"
    BILLING_INSTALLATION = "billing_installation", "Billing installation"
    BILLING_HARDWARE = "billing_hardware", "Billing hardware"

    @property
    def system(self) -> System:
        return System.CRM if self is Kind.CRM_PRODUCT else System.BILLING

    @property
    def needs(self) -> "Kind | None":
        """The kind whose record, for the same package, must exist in Zoho first."""
        return {
            Kind.BILLING_PLAN: Kind.BILLING_PRODUCT,
            Kind.BILLING_INSTALLATION: Kind.BILLING_PLAN,
            Kind.BILLING_HARDWARE: Kind.BILLING_PLAN,
        }.get(self)


class SyncStatus(models.TextChoices):
    PENDING = "pending", "Owed"
    OK = "ok", "In step"
    FAILED = "failed", "Failed, will be retried"
    DEAD = "dead", "Needs a person"
    GIVEN_UP = "given_up", "Given up"


# What a worker may still bring to Zoho.
OWED = (SyncStatus.PENDING, SyncStatus.FAILED)
# What stands in the retry queue.
TROUBLE = (SyncStatus.FAILED, SyncStatus.DEAD)


class ProductIntegrationQuerySet(models.QuerySet["ProductIntegration"]):
    def owed(self) -> "ProductIntegrationQuerySet":
        """What Zoho does not have yet and a worker may still bring there."""
        return self.filter(status__in=OWED)

    def send_again(self, *, priority: int, correlation_id: str, **also: Any) -> int:
        """From now on, with all tries before them. Those with a higher `priority` go first."""
        return self.update(
            status=SyncStatus.PENDING,
            next_retry_at=timezone.now(),
            retry_count=0,
            priority=priority,
            correlation_id=correlation_id,
            **also,
        )

    def of_system(self, system: System) -> "ProductIntegrationQuerySet":
        return self.filter(kind__in=[kind for kind in Kind if kind.system is system])


class ProductIntegration(models.Model):
    """One Zoho record mirroring one package: who is who there, and what is still owed.

    Several packages of one product line share one Billing product: same kind and key, created and updated once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    package = models.ForeignKey(ServicePackage, models.PROTECT, related_name="integrations")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    remote_key = models.CharField(max_length=200, help_text="The key by which Zoho knows the record.")
    remote_id = models.CharField(max_length=64, blank=True, help_text="Zoho's own id, once acknowledged.")

    desired_hash = models.CharField(max_length=64)
    synced_hash = models.CharField(max_length=64, blank=True)
    acknowledged_payload = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="What Zoho last accepted."
    )

    status = models.CharField(max_length=10, choices=SyncStatus.choices, default=SyncStatus.PENDING)
    retry_count = models.PositiveIntegerField(default=0)
    next_retry_at = models.DateTimeField(null=True)
    last_retry_at = models.DateTimeField(null=True)
    last_synced_at = models.DateTimeField(null=True)
    last_sync_error = models.TextField(blank=True)
    sync_error_details = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    outcome_unknown = models.BooleanField(
        default=False, help_text="A create was sent and no answer seen: look before sending it again."
    )
    doubtful_until = models.DateTimeField(
        null=True,
        help_text=(
            "A write was sent that Zoho never answered. Until then it may still be carried out, and would undo what is"
            " sent meanwhile: so nothing is."
        ),
    )
    background = models.BooleanField(
        default=False, help_text="Owed by a backfill: goes after what people wait for."
    )
    listed_at = models.DateTimeField(
        null=True, help_text="When a backfill last looked for it in a full listing of Zoho."
    )
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    correlation_id = models.CharField(
        max_length=64, blank=True, help_text="Of the deed that last made it owed."
    )
    cause = models.CharField(
        max_length=200,
        blank=True,
        help_text="System, error class and field: what fails alike is mended alike.",
    )
    failing_since = models.DateTimeField(null=True, help_text="Of the failure it has not recovered from.")
    owed_since = models.DateTimeField(null=True, help_text="When it last came to differ from Zoho.")
    verified_at = models.DateTimeField(null=True, help_text="When Zoho was last read back and agreed.")
    priority = models.PositiveSmallIntegerField(
        default=0, help_text="Higher goes first: somebody waits for it."
    )
    resync = models.ForeignKey(
        "zoho_sync.Resync",
        models.SET_NULL,
        null=True,
        related_name="records",
        help_text="Not answered yet.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = ProductIntegrationQuerySet.as_manager()

    class Meta:
        db_table = "product_integrations"
        verbose_name = "Zoho record"
        ordering = ["package", "kind"]
        default_permissions = ("view",)
        permissions = [
            ("resync_productintegration", "Can send records to Zoho again"),
            ("run_smoke_test", "Can run the Billing smoke test"),
        ]
        indexes = [
            models.Index(
                fields=["kind", "next_retry_at"],
                condition=Q(status__in=("pending", "failed")),
                name="integration_due",
            ),
            models.Index(fields=["kind", "remote_key"]),
            searched("integration_search", "remote_key", "remote_id", "last_sync_error"),
            models.Index(fields=["status", "kind"]),
            models.Index(
                fields=["cause"], condition=Q(status__in=("failed", "dead")), name="integration_trouble"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["package", "kind"], name="integration_once_per_package_and_kind"),
            models.UniqueConstraint(
                fields=["kind", "remote_key"],
                condition=~Q(kind="billing_product"),
                name="integration_remote_key_once",
            ),
            models.CheckConstraint(
                condition=~Q(status="ok") | (~Q(remote_id="") & Q(synced_hash=models.F("desired_hash"))),
                name="integration_in_step_is_acknowledged",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("pending", "failed")) | Q(next_retry_at__isnull=False),
                name="integration_owed_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.remote_key}"

    def is_leased(self, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now


class ZohoSyncLog(models.Model):
    """One call to Zoho: what was sent, what came back (secrets removed), how long it took. Kept 90 days."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    system = models.CharField(max_length=10)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    packages = ArrayField(models.UUIDField(), default=list, blank=True)
    records = models.PositiveIntegerField(default=0, help_text="How many Zoho records the call was about.")
    request = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    response = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    http_status = models.PositiveSmallIntegerField(null=True)
    error_class = models.CharField(max_length=40, blank=True, db_index=True)
    error = models.TextField(blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    duration_ms = models.PositiveIntegerField(
        null=True,
        help_text="Empty while the answer is awaited, and for good when the worker died meanwhile.",
    )
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        db_table = "zoho_sync_logs"
        verbose_name = "Zoho call"
        ordering = ["-at"]
        default_permissions = ("view",)
        indexes = [
            GinIndex(fields=["packages"]),
            models.Index(fields=["system", "-at"]),
            searched("zoho_log_search", "path", "error", "correlation_id"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.http_status or self.error_class or 'no answer'}"

    @property
    def is_answered(self) -> bool:
        """Whether its end was written down, as a success or as an error."""
        return self.duration_ms is not None


class MappingCheck(models.Model):
    """What CRM kept of the first record written under one version of the mapping."""

    mapping_version = models.CharField(
        primary_key=True, max_length=64, help_text="A hash of the mapping table."
    )
    at = models.DateTimeField(auto_now_add=True)
    remote_id = models.CharField(max_length=64, help_text="The record that was read back.")
    lost = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Fields in which CRM does not hold what it was sent.",
    )

    class Meta:
        db_table = "zoho_mapping_checks"
        verbose_name = "mapping read-back"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.mapping_version[:8]}: {', '.join(self.lost) or 'kept everything'}"


class FieldSecurityCheck(models.Model):
    """One look at who may edit our fields in CRM by hand."""

    class Result(models.TextChoices):
        LOCKED = "locked", "Locked"
        HOLES = "holes", "Can be edited"
        UNKNOWN = "unknown", "Cannot verify"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    result = models.CharField(max_length=10, choices=Result.choices)
    holes = models.PositiveIntegerField(help_text="Places where a profile may edit a field of ours.")
    new_holes = models.PositiveIntegerField(help_text="Of these, how many were not there the time before.")
    unknown = models.PositiveIntegerField(help_text="Places that could not be verified; they are not locked.")
    findings = models.JSONField(default=list, help_text="Field, profile, standing and what to do.")

    class Meta:
        db_table = "zoho_field_security_checks"
        verbose_name = "field security check"
        ordering = ["-at"]
        default_permissions = ("view",)
        permissions = [
            ("check_field_security", "Can check who may edit our fields in CRM"),
            ("lock_zoho_fields", "Can lock our fields in CRM"),
        ]

    def __str__(self) -> str:
        return f"{self.get_result_display()}: {self.holes} open, {self.unknown} unknown"


# The tables of operating the sync; Django finds models only from here.
from zoho_sync.operating.models import (  # noqa: E402, F401
    Alert,
    AlertDelivery,
    AlertRule,
    DailyFigures,
    Resync,
)
