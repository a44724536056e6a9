"""Work in the background."""

import uuid
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone


class JobState(models.TextChoices):
    PLANNED = "planned", "Planned"
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def shown_kind(kind: str) -> str:
    """The name of a kind for people: `zoho_sync.tasks.watch` is “Zoho sync: watch”."""
    *where, what = (part.replace("_", " ") for part in kind.split(".") if part not in ("circletel", "tasks"))
    return f"{' '.join(where).capitalize()}: {what}" if where else what.capitalize()


class Job(models.Model):
    """Work that a worker does later: asked for by a person, a token or the schedule.

    While it runs, one worker leases it. Lease and due time are compared with the time of the database, so that the
    clocks of the workers do not matter; the other times are for people.
    """

    State = JobState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=200, help_text="The name of a `JobKind`; of a scheduled job its task.")
    key = models.CharField(max_length=250, blank=True, help_text="Of one key one job is open at a time.")
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.WAITING)
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    # Who asked. What the worker does is audited as theirs.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: the schedule.",
    )
    token = models.ForeignKey("core.ApiToken", models.PROTECT, null=True, related_name="+")
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(
        db_default=Now(), help_text="A waiting job is not begun before; one that runs does so since then."
    )

    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="0 where it is not known.")
    progress = models.CharField(max_length=300, blank=True)
    log: "models.JSONField[list[list[str]]]" = models.JSONField(
        default=list, help_text="[time, text] of each line."
    )
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    error = models.TextField(blank=True)

    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)

    class Meta:
        db_table = "jobs"
        ordering = ["-requested_at"]
        default_permissions = ("view",)
        permissions = [("cancel_job", "Can cancel the jobs of others")]
        indexes = [
            models.Index(fields=["-requested_at"], name="job_requested_at"),
            models.Index(fields=["kind", "-started_at"], name="job_kind_started_at"),
            # What the sweep reads each minute.
            models.Index(fields=["state"], condition=Q(state__in=["waiting", "running"]), name="job_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running", lease_token__isnull=False, leased_until__isnull=False)
                | (~Q(state="running") & Q(lease_token=None, leased_until=None)),
                name="job_is_leased_while_it_runs",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ENDED, finished_at__isnull=False)
                | (~Q(state__in=ENDED) & Q(finished_at=None)),
                name="job_has_an_end_once_it_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(started_at__isnull=False), name="job_that_runs_was_started"
            ),
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(state__in=["waiting", "running"]) & ~Q(key=""),
                name="job_of_a_key_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{shown_kind(self.kind)}, {timezone.localtime(self.requested_at):%-d %b %Y, %H:%M}"

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has not ended, and for what was cancelled before it began."""
        return (
            (self.finished_at - self.started_at).total_seconds()
            if self.finished_at and self.started_at
            else None
        )

    @property
    def parameters_shown(self) -> list[tuple[str, Any]]:
        return [(name.replace("_", " "), value) for name, value in self.parameters.items()]
