import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core.models import Job, JobState
from zoho_sync.compare.records import SHELVES
from zoho_sync.models import Kind, System

SUBSCRIPTION = "billing_subscription"


class FindingType(models.TextChoices):
    """What can be wrong between us and Zoho."""

    MISSING_IN_ZOHO = "missing_in_zoho", "Missing in Zoho"
    MISSING_HERE = "missing_here", "Unknown to the catalogue"
    FIELD_MISMATCH = "field_mismatch", "Differs"
    DUPLICATE = "duplicate", "Duplicate in Zoho"
    WRONG_LINK = "wrong_link", "Linked to another record"
    STALE_ACKNOWLEDGEMENT = "stale_acknowledgement", "Acknowledgement out of date"
    ARCHIVED_ACTIVE = "archived_active", "Archived, active in Zoho"
    BILLED_PRICE = "billed_price", "Billed another price"
    OWN_PRICE = "own_price", "Pays a price of its own"


class FindingState(models.TextChoices):
    NEW = "new", "New"
    STILL = "still", "Still open"
    RESOLVED = "resolved", "Resolved"
    IGNORED = "ignored", "Ignored"


class ReportState(models.TextChoices):
    RUNNING = "running", "Running"
    COMPLETE = "complete", "Complete"
    INCOMPLETE = "incomplete", "Incomplete"
    ALARM = "alarm", "Stopped with an alarm"


class Scope(models.TextChoices):
    ALL = "all", "Zoho CRM and Zoho Billing"
    CRM = "crm", "Zoho CRM"
    BILLING = "billing", "Zoho Billing"

    @property
    def systems(self) -> tuple[System, ...]:
        return tuple(System) if self is Scope.ALL else (System(self.value),)


class ReconciliationReport(models.Model):
    """One comparison of the catalogue with Zoho: what was read, what was found, what it cost."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(
        Job,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The work in the background that fills it.",
    )
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.ALL)
    only = ArrayField(
        models.CharField(max_length=64), default=list, blank=True, help_text="SKUs; empty is all."
    )
    state = models.CharField(max_length=12, choices=ReportState.choices, default=ReportState.RUNNING)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True, help_text="Why it could not read everything, or what alarmed it.")
    calls = models.PositiveIntegerField(default=0, help_text="API calls to Zoho.")
    counts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    coverage = models.JSONField(
        default=list,
        encoder=DjangoJSONEncoder,
        help_text="Each list: how many records of ours and of theirs.",
    )
    findings = models.JSONField(
        default=list,
        encoder=DjangoJSONEncoder,
        help_text="As they were found then; what became of them since is under findings.",
    )

    class Meta:
        db_table = "zoho_reconciliation_reports"
        verbose_name = "reconciliation report"
        ordering = ["-started_at"]
        default_permissions = ("view",)
        permissions = [("run_reconciliation", "Can compare the catalogue with Zoho")]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}, {timezone.localtime(self.started_at):%-d %b %Y, %H:%M}"

    @property
    def is_complete(self) -> bool:
        return self.state == ReportState.COMPLETE

    @property
    def current_state(self) -> ReportState:
        """As stored, but where the job ended before the comparison did: then it is incomplete."""
        stopped = self.state == ReportState.RUNNING and (self.job is None or self.job.has_ended)
        return ReportState.INCOMPLETE if stopped else ReportState(self.state)

    @property
    def lists_are_complete(self) -> bool:
        """All of Zoho's lists could be read, whatever is to be said of the subscriptions."""
        read = {each["list"] for each in self.coverage}
        return all(shelf.name in read for shelf in SHELVES if shelf.system in Scope(self.scope).systems)

    @property
    def progress(self) -> str:
        """How far it is, while it runs."""
        if self.job is None or self.current_state != ReportState.RUNNING:
            return ""
        return self.job.progress or ("waiting for a worker" if self.job.state == JobState.WAITING else "")

    @property
    def why_incomplete(self) -> str:
        """The trouble it had, or what stopped its job."""
        return self.trouble or (self.job.error if self.job and self.finished_at is None else "")

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class FindingQuerySet(models.QuerySet["Finding"]):
    def open(self) -> "FindingQuerySet":
        """What differs as far as the last runs know and nobody has chosen to ignore."""
        return self.filter(state__in=(FindingState.NEW, FindingState.STILL))

    def unresolved(self) -> "FindingQuerySet":
        return self.exclude(state=FindingState.RESOLVED)


class Finding(models.Model):
    """One thing that differs between the catalogue and Zoho, for as long as it does."""

    KINDS = (*Kind.choices, ("billing_addon", "Billing add-on"), (SUBSCRIPTION, "Subscription"))

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    system = models.CharField(max_length=10, choices=System.choices)
    kind = models.CharField(max_length=30, choices=KINDS)
    type = models.CharField(max_length=30, choices=FindingType.choices)
    key = models.CharField(max_length=200, help_text="Our key, or Zoho's id where the record has none.")
    field = models.CharField(max_length=100, blank=True)
    remote_id = models.CharField(max_length=64, blank=True)
    remote_name = models.CharField(max_length=300, blank=True)
    package = models.ForeignKey(ServicePackage, models.CASCADE, null=True, related_name="findings")
    ours = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    theirs = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    live = models.JSONField(
        default=dict,
        encoder=DjangoJSONEncoder,
        help_text="The whole record as Zoho held it when it was last seen.",
    )
    since = models.DateTimeField(null=True, help_text="When the record was last changed in Zoho.")
    changed_by = models.CharField(max_length=200, blank=True)
    at_stake = models.DecimalField(
        max_digits=24,
        decimal_places=2,
        null=True,
        help_text="Rand a month, VAT included, over all who subscribe. Empty where no monthly price differs.",
    )

    state = models.CharField(max_length=10, choices=FindingState.choices, default=FindingState.NEW)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    times_seen = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True)
    first_report = models.ForeignKey(ReconciliationReport, models.SET_NULL, null=True, related_name="+")
    last_report = models.ForeignKey(ReconciliationReport, models.SET_NULL, null=True, related_name="+")
    ignore_reason = models.TextField(blank=True)
    ignored_until = models.DateTimeField(null=True)
    ignored_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = FindingQuerySet.as_manager()

    class Meta:
        db_table = "zoho_reconciliation_findings"
        ordering = ["-first_seen_at", "key", "field"]
        default_permissions = ("view",)
        permissions = [("repair_finding", "Can repair and ignore findings")]
        indexes = [models.Index(fields=["state", "system"]), models.Index(fields=["key"])]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "type", "key", "field", "remote_id"],
                condition=~Q(state="resolved"),
                name="finding_once_while_it_lasts",
            ),
            models.CheckConstraint(
                condition=~Q(state="ignored") | (~Q(ignore_reason="") & Q(ignored_until__isnull=False)),
                name="finding_ignored_with_reason_and_expiry",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved") | Q(resolved_at__isnull=False),
                name="finding_resolved_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        what = f"{self.get_kind_display()} {self.key}"
        return f"{what}: {self.field or self.get_type_display().lower()}"

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        return self.kind, self.type, self.key, self.field, self.remote_id

    def is_ignored_at(self, at: datetime) -> bool:
        return (
            self.state == FindingState.IGNORED and self.ignored_until is not None and self.ignored_until > at
        )


class Deed(models.TextChoices):
    """What can be done about a finding."""

    PUSH = "push", "Push ours to Zoho"
    ADOPT = "adopt", "Adopt theirs as a draft"
    LINK = "link", "Link to the record with our key"
    DEACTIVATE = "deactivate", "Deactivate in Zoho"


class RepairState(models.TextChoices):
    PLANNED = "planned", "Planned"
    APPLIED = "applied", "Applied"
    REFUSED = "refused", "Refused"


class Repair(models.Model):
    """A plan to mend findings: first shown, then applied if nothing moved meanwhile."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deed = models.CharField(max_length=12, choices=Deed.choices)
    findings = models.ManyToManyField(Finding, related_name="repairs")
    steps = models.JSONField(
        default=list, encoder=DjangoJSONEncoder, help_text="What will be written, in words."
    )
    seen = models.JSONField(default=dict, encoder=DjangoJSONEncoder, help_text="What the plan was made upon.")
    calls = models.PositiveIntegerField(default=0, help_text="API calls it will cost at most.")
    job = models.ForeignKey(
        Job,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The work in the background that applies it.",
    )
    state = models.CharField(max_length=10, choices=RepairState.choices, default=RepairState.PLANNED)
    outcome = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "zoho_reconciliation_repairs"
        ordering = ["-requested_at"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.get_deed_display()}: {len(self.steps)} step{'s' if len(self.steps) != 1 else ''}"
