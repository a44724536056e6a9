"""Jobs: what runs in the background, how far it is and what came of it."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from unfold.decorators import display
from unfold.enums import ActionVariant

from circletel.core import jobs
from circletel.core.actions import Action
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyAdmin, fragment, in_words
from circletel.core.admin.long_lists import LongList
from circletel.core.jobs.kinds import kinds
from circletel.core.models import Job, JobState

STATES = {
    "Planned": "info",
    "Waiting": "info",
    "Running": "warning",
    "Stopping": "warning",
    "Done": "success",
    "Failed": "danger",
}
# Which rows stand below a job's page, by its kind. Apps add their own.
INLINES: dict[str, tuple[Any, ...]] = {}


def _may_start(person: User, key: Any) -> bool:
    job = Job.objects.filter(pk=key).first()
    kind = jobs.kind_of(job.kind) if job else None
    return kind is not None and person.has_perm(kind.permission)


def _may_cancel(person: User, key: Any) -> bool:
    job = Job.objects.filter(pk=key).first()
    return job is not None and jobs.may_cancel(job, person)


START = Action(
    name="start",
    label="Start",
    model=Job,
    service=jobs.start,
    permission=_may_start,
    offered=lambda job: job.state == JobState.PLANNED,
    audit_name="start job",
    title="Start this job?",
    description="A worker does it, in your name. This page shows how far it is.",
    icon="play_arrow",
    variant=ActionVariant.PRIMARY,
    done="The job is started.",
)
CANCEL = Action(
    name="cancel",
    label="Cancel",
    model=Job,
    service=jobs.cancel,
    permission=_may_cancel,
    offered=lambda job: not (job.has_ended or job.cancel_requested),
    audit_name="cancel job",
    title="Cancel this job?",
    description="What is done stays done. A job that runs stops at its next step.",
    submit="Cancel the job",
    icon="cancel",
    done="The job is cancelled.",
)


class ShownFilter(admin.SimpleListFilter):
    """Most jobs run each minute and are done: they are left out until somebody asks for them."""

    title, parameter_name = "shown", "shown"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "The schedule's that are done, too")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        if self.value() == "all":
            return queryset
        return queryset.filter(Q(requested_by__isnull=False) | ~Q(state=JobState.DONE))

    def choices(self, changelist: Any) -> Any:
        every, *others = super().choices(changelist)
        return [{**every, "display": "People's, and what is not done"}, *others]


class KindFilter(admin.SimpleListFilter):
    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return sorted(((kind.name, kind.label) for kind in kinds().values()), key=lambda one: one[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ActionsAdmin, LongList, ReadOnlyAdmin):
    empty_words = "Nothing has run in the background yet."
    list_display = ("shown_kind", "shown_state", "shown_actor", "shown_progress", "requested_at", "duration")
    list_filter = (ShownFilter, "state", KindFilter, "requested_at")
    list_select_related = ("requested_by", "token")
    search_fields = ("kind", "error", "correlation_id")
    fields = (
        ("shown_kind", "shown_state"),
        ("shown_actor", "shown_parameters"),
        ("requested_at", "started_at"),
        ("finished_at", "duration"),
        "correlation_id",
    )
    object_actions = (START, CANCEL)
    change_form_outer_before_template = "core/job_progress.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_theirs = obj is not None and obj.requested_by_id == request.user.pk
        return is_theirs or super().has_view_permission(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Job | None) -> Any:
        return INLINES.get(obj.kind, ()) if obj else ()

    @display(description="Job", ordering="kind")
    def shown_kind(self, job: Job) -> str:
        kind = jobs.kind_of(job.kind)
        return kind.label if kind else job.kind

    @display(description="State", ordering="state", label=STATES)
    def shown_state(self, job: Job) -> str:
        return state_of(job)

    @display(description="Asked by")
    def shown_actor(self, job: Job) -> str:
        if job.requested_by is None:
            return "the system"
        return f"{job.requested_by}, with {job.token}" if job.token else str(job.requested_by)

    @display(description="Progress")
    def shown_progress(self, job: Job) -> str:
        numbers = f"{job.done} of {job.total}" if job.total else ""
        return " · ".join(filter(None, (numbers, job.error or job.progress or _line(job.result)))) or "—"

    @display(description="Took")
    def duration(self, job: Job) -> str:
        return f"{job.seconds:.1f} s" if job.seconds is not None else "—"

    @display(description="With")
    def shown_parameters(self, job: Job) -> str:
        return "; ".join(f"{name}: {in_words(value)}" for name, value in job.parameters_shown) or "—"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        more = progress_context(job) if job else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def progress_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """The refreshing part of the page, alone. It asks for the whole page once the job has ended."""
        job = get_object_or_404(Job, pk=object_id)
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        html = render_to_string("core/job_progress.html", progress_context(job), request)
        return fragment(html, is_last=job.has_ended)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress_view)
        return [path("<uuid:object_id>/progress/", view, name="core_job_progress"), *super().get_urls()]


def progress_context(job: Job) -> dict[str, Any]:
    return {
        "job": job,
        "status": f"{state_of(job)}.",
        "is_open": job.state in (JobState.WAITING, JobState.RUNNING),
        "result": _pairs(job.result),
        "log": [(datetime.fromisoformat(at), text) for at, text in job.log],
    }


def state_of(job: Job) -> str:
    return "Stopping" if job.cancel_requested and not job.has_ended else job.get_state_display()


def _pairs(result: Any) -> list[tuple[str, str]]:
    if isinstance(result, dict):
        return [(name.replace("_", " "), in_words(value)) for name, value in result.items()]
    return [("", in_words(result))] if result not in (None, "") else []


def _line(result: Any) -> str:
    return ", ".join(" ".join(filter(None, pair)) for pair in _pairs(result))
