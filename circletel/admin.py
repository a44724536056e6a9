"""People and the schedule: the admin pages of apps that are not ours, in the dress of the rest."""

# The frame is the first of the apps, so its admin module is read before theirs: they register first, then we.
from typing import Any

import axes.admin
import django.contrib.auth.admin as auth
import django_celery_beat.admin as beat
import django_otp.plugins.otp_static.admin
import django_otp.plugins.otp_totp.admin  # noqa: F401
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from circletel import preflight
from circletel.core.actions import Action
from circletel.core.admin.actions import ActionsAdmin
from circletel.core.admin.base import ReadOnlyInline, moved_to, section
from circletel.core.jobs import scheduled
from circletel.security import second_factor

admin.site.unregister(
    [User, Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule]
)
PREFLIGHT, PREFLIGHT_SECONDS = "circletel:preflight", 600
# The audit trail tells of log-ins, and nobody has to see the secrets of a phone.
admin.site.unregister([AccessAttempt, AccessLog, AccessFailureLog, TOTPDevice, StaticDevice])


def _reset_second_factor(person_id: Any, *, actor: User) -> User:
    person = User.objects.get(pk=person_id)
    second_factor.reset(person, actor=actor)
    return person


RESET_SECOND_FACTOR = Action(
    name="reset_second_factor",
    model=User,
    service=_reset_second_factor,
    permission="auth.change_user",
    title="Forget this person's phone?",
    description="For a lost phone. The recovery codes go too, and a new app is set up at the next log-in.",
    submit="Reset",
    icon="phonelink_erase",
    done="{} sets up a new second factor at the next log-in.",
)
RUN_NOW = Action(
    name="run_now",
    model=PeriodicTask,
    service=scheduled.run_line,
    permission="django_celery_beat.change_periodictask",
    title="Run this job now?",
    description="A worker takes it at once. While it is at work already, nothing happens.",
    icon="play_arrow",
    in_row=True,
    done="{.name}: a worker takes it now.",
    next_page=lambda _line: reverse("admin:django_celery_beat_periodictask_changelist"),
)


@admin.register(User)
class UserAdmin(auth.UserAdmin, ActionsAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    object_actions = (RESET_SECOND_FACTOR,)


@admin.register(AccessAttempt)
class LockedLogInAdmin(axes.admin.AccessAttemptAdmin, ModelAdmin):
    """Failed log-ins that count towards a lock. Deleting a line lifts it."""

    empty_words = "Nobody has failed to log in lately."
    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    list_filter = (axes.admin.IsLockedOutFilter,)
    date_hierarchy = None
    # Without the library's own, which is for a setting that is not in use here and breaks.
    actions = ()


@admin.register(Group)
class GroupAdmin(auth.GroupAdmin, ModelAdmin):
    pass


class TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    pass


class PeriodicTaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # A person who may only look gets no fields.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, ActionsAdmin):
    """What runs by itself, and when."""

    form = PeriodicTaskForm
    # Theirs has a script inside the page, which our content security policy stops.
    change_form_template = None
    date_hierarchy = None
    list_display = ("name", "enabled", "scheduler", "last_started", "last_result", "last_duration")
    object_actions = (RUN_NOW,)
    extra_pages = {"preflight/": "preflight"}
    list_filter = ("enabled", "task")
    fieldsets = (
        section(None, "name", "regtask", "task", "enabled", "description"),
        section(
            "Schedule", "interval", "crontab", "crontab_translation", "start_time", "last_run_at", "one_off"
        ),
        section("Arguments", "args", "kwargs"),
        section("Execution", "expires", "expire_seconds", "priority"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        return scheduled.with_runs(super().get_queryset(request))

    @display(description="Last run")
    def last_started(self, line: PeriodicTask) -> Any:
        return scheduled.line_of(line).started_at or "—"

    @display(
        description="Result",
        label={"Done": "success", "Running": "info", "Late": "danger", "Failed": "danger"},
    )
    def last_result(self, line: PeriodicTask) -> str:
        job = scheduled.line_of(line)
        return "Late" if job.is_late else job.shown_state

    @display(description="Took")
    def last_duration(self, line: PeriodicTask) -> str:
        seconds = scheduled.line_of(line).seconds
        return "—" if seconds is None else f"{seconds:.1f} s"

    def preflight_view(self, request: HttpRequest) -> HttpResponse:
        """Is this installation ready for production? What was seen is shown for a while: looking costs Zoho calls."""
        seen = None if request.method == "POST" else cache.get(PREFLIGHT)
        if seen is None:
            seen = (preflight.look(), timezone.now())
            cache.set(PREFLIGHT, seen, PREFLIGHT_SECONDS)
        if request.method == "POST":
            return moved_to(request, reverse("admin:django_celery_beat_periodictask_preflight"))
        title = "Ready for production?"
        return self.page(request, "circletel/preflight.html", title, readiness=seen[0], seen_at=seen[1])

    def get_actions(self, request: HttpRequest) -> dict:
        """Whoever may only look at the schedule cannot switch it off or run it."""
        return super().get_actions(request) if self.has_change_permission(request) else {}


class TasksOfSchedule(ReadOnlyInline):
    model = PeriodicTask
    fields = ("name", "task", "enabled")
    show_change_link = True
    verbose_name_plural = "tasks on this schedule"


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):
    inlines = (TasksOfSchedule,)


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(beat.CrontabScheduleAdmin, ModelAdmin):
    inlines = (TasksOfSchedule,)
