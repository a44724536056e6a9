"""What is worth telling, looked up anew each time: a rule's causes now, and those that are not over yet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from redis.exceptions import RedisError

from circletel.core.jobs.scheduled import schedule
from zoho_sync.connection.breaker import Breaker
from zoho_sync.models import ProductIntegration, SyncStatus, System, ZohoSyncLog
from zoho_sync.operating import queue
from zoho_sync.operating.causes import OF_AN_OUTAGE, advice_on, parts
from zoho_sync.operating.models import AlertRule, Trigger

# A call that went wrong this recently is news, also when later ones went through.
RECENTLY = timedelta(minutes=15)
SYSTEM_NAMES = {**{str(system): system.label for system in System}, "accounts": "Zoho's accounts server"}


@dataclass(frozen=True)
class Found:
    cause: str
    title: str
    detail: str
    path: str


@dataclass(frozen=True)
class Sight:
    """`firing` open an alert; an open one whose cause is in `lasting` stays open."""

    firing: list[Found]
    lasting: set[str] = field(default_factory=set)


Look = Callable[[AlertRule, datetime], Sight | None]


def look(rule: AlertRule, now: datetime) -> Sight | None:
    """What `rule` finds; None when it cannot be known now, and everything stays as it is."""
    return LOOKS[Trigger(rule.trigger)](rule, now)


def _repeated_failure(rule: AlertRule, now: datetime) -> Sight:
    since = now - timedelta(hours=rule.window_hours)
    # Packages that share one Zoho record share its failure: it counts once.
    records = (
        queue.in_trouble()
        .order_by()
        .values("cause", "kind", "remote_key")
        .annotate(tries=Max(Greatest("retry_count", 1), filter=Q(last_retry_at__gte=since)))
    )
    failures: dict[str, int] = {}
    for record in records:
        # The one try that an outage costs a record is told by the breaker's alert.
        spared = 1 if parts(record["cause"])[1] in OF_AN_OUTAGE else 0
        tries = max((record["tries"] or 0) - spared, 0)
        failures[record["cause"]] = failures.get(record["cause"], 0) + tries
    page = reverse("admin:zoho_sync_productintegration_group")
    found = [
        Found(
            cause,
            f"{number} failures of one cause: {cause}",
            f"{advice_on(cause).words} {advice_on(cause).what_to_do}",
            f"{page}?{urlencode({'cause': cause})}",
        )
        for cause, number in failures.items()
        if number > rule.threshold
    ]
    return Sight(found, set(failures))


def _calls(classes: Iterable[str], title: str, detail: str) -> Look:
    """A look at the calls to Zoho that ended in one of these errors, by system."""

    def look_at_calls(rule: AlertRule, now: datetime) -> Sight:
        since = now - timedelta(hours=max(rule.window_hours, 24))
        systems = (
            ZohoSyncLog.objects.filter(at__gte=since)
            .order_by()
            .values("system")
            .annotate(
                wrong_at=Max("at", filter=Q(error_class__in=list(classes))),
                right_at=Max("at", filter=Q(error_class="", duration_ms__isnull=False)),
            )
        )
        path = reverse("admin:zoho_sync_zohosynclog_changelist")
        firing, lasting = [], set()
        for one in systems:
            if one["wrong_at"] is None:
                continue
            if one["wrong_at"] > now - RECENTLY:
                name = SYSTEM_NAMES.get(one["system"], one["system"])
                firing.append(
                    Found(
                        one["system"],
                        title.format(name),
                        detail,
                        f"{path}?{urlencode({'system': one['system']})}",
                    )
                )
            elif one["right_at"] is None or one["right_at"] < one["wrong_at"]:
                lasting.add(one["system"])
        return Sight(firing, lasting)

    return look_at_calls


def _breaker_open(_rule: AlertRule, _now: datetime) -> Sight | None:
    try:
        states = {system: Breaker(system).state() for system in System}
    except RedisError:
        return None
    home = reverse("admin:index")
    return Sight(
        [
            Found(str(system), f"Calls to {system.label} rest", state.reason, home)
            for system, state in states.items()
            if state.is_open
        ]
    )


def _job_missed(_rule: AlertRule, now: datetime) -> Sight:
    return Sight(
        [
            Found(
                job.name[:200],
                f"Scheduled job did not finish in time: {job.name}",
                f"It was due {timezone.localtime(job.due_at):%-d %b %Y, %H:%M}. Last run: {job.shown_state}."
                f" {job.detail}".strip(),
                reverse("admin:django_celery_beat_periodictask_changelist"),
            )
            for job in schedule(now)
            if job.is_late and job.due_at
        ]
    )


def _dead_growing(rule: AlertRule, now: datetime) -> Sight:
    since = now - timedelta(hours=rule.window_hours)
    number = ProductIntegration.objects.filter(status=SyncStatus.DEAD, last_retry_at__gte=since).aggregate(
        number=Count("pk")
    )["number"]
    if number <= rule.threshold:
        return Sight([])
    hours = f"{rule.window_hours} hour{'s' if rule.window_hours != 1 else ''}"
    path = reverse("admin:zoho_sync_productintegration_retry_queue")
    title = f"{number} more records need a person within {hours}"
    return Sight([Found("dead", title, "The retry queue groups them by cause.", path)])


LOOKS: dict[Trigger, Look] = {
    Trigger.REPEATED_FAILURE: _repeated_failure,
    Trigger.RATE_LIMITED: _calls(
        ["RateLimited"], "{} limits our calls", "Records are kept and sent when the limit allows."
    ),
    Trigger.NOT_AUTHORISED: _calls(
        ["NotAuthorised", "Misconfigured"],
        "{} refuses the connection",
        "Check the refresh token, its scopes and the settings. Records are kept.",
    ),
    Trigger.BREAKER_OPEN: _breaker_open,
    Trigger.JOB_MISSED: _job_missed,
    Trigger.DEAD_GROWING: _dead_growing,
}


def look_also(trigger: Trigger, how: Look) -> None:
    """An app that knows this one adds what it finds worth telling."""
    LOOKS[trigger] = how
