"""How things stand between the catalogue and Zoho, counted: for the home page, the commands and the metrics."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min, OuterRef, Q

from zoho_sync.models import OWED, TROUBLE, Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog

STATES = {
    "in_step": SyncStatus.OK,
    "owed": SyncStatus.PENDING,
    "failed": SyncStatus.FAILED,
    "dead": SyncStatus.DEAD,
}


@dataclass(frozen=True)
class Tally:
    """How the records of one kind stand. Packages that share one Zoho record count once in `distinct`.

    It is known only where it was asked for, else 0. `due` is when the next of them is to be tried.
    """

    kind: Kind
    in_step: int = 0
    owed: int = 0
    failed: int = 0
    dead: int = 0
    distinct: int = 0
    due: datetime | None = None

    @property
    def total(self) -> int:
        return self.in_step + self.owed + self.failed + self.dead


@dataclass(frozen=True)
class Standing:
    tallies: tuple[Tally, ...]

    @property
    def next_due(self) -> datetime | None:
        return min((tally.due for tally in self.tallies if tally.due), default=None)

    def of(self, system: System) -> Iterable[Tally]:
        return (tally for tally in self.tallies if tally.kind.system is system)

    def count(self, state: str, system: System | None = None) -> int:
        """How many records are in one of STATES, of one system or of both."""
        return sum(getattr(tally, state) for tally in self.tallies if system in (None, tally.kind.system))

    @property
    def is_in_step(self) -> bool:
        return all(tally.in_step == tally.total for tally in self.tallies)


def standing(*, distinct: bool = False) -> Standing:
    """The whole picture in one query. Counting the `distinct` ones too makes it several times slower."""
    numbers = {state: Count("id", filter=Q(status=status)) for state, status in STATES.items()}
    if distinct:
        numbers["distinct"] = Count("remote_key", distinct=True)
    due = Min("next_retry_at", filter=Q(status__in=OWED))
    rows = ProductIntegration.objects.order_by().values("kind").annotate(due=due, **numbers)
    counted = {row["kind"]: row for row in rows}
    return Standing(tuple(Tally(**(counted.get(kind, {}) | {"kind": kind})) for kind in Kind))


def reasons(limit: int = 10) -> list[tuple[str, int]]:
    """Why records are failed or dead: (words, how many), the most frequent first."""
    rows = ProductIntegration.objects.filter(status__in=TROUBLE).order_by().values("last_sync_error")
    counted = rows.annotate(number=Count("id")).order_by("-number")
    return list(counted.values_list("last_sync_error", "number")[:limit])


def waits_for_another() -> Q:
    """The condition of a record that cannot go because the record it needs is dead."""
    waits = Q(pk__in=[])
    for kind in Kind:
        if kind.needs is not None:
            dead = ProductIntegration.objects.filter(
                package=OuterRef("package"), kind=kind.needs, status=SyncStatus.DEAD, remote_id=""
            )
            waits |= Q(Q(kind=kind), Exists(dead))
    return waits


def waiting_for_another() -> int:
    """How many owed records cannot go because the record they need is dead."""
    return ProductIntegration.objects.owed().filter(waits_for_another()).count()


def calls_since(since: datetime | None = None) -> dict[str, int]:
    """API calls by system (`crm`, `billing`, `accounts`), as logged."""
    logs = ZohoSyncLog.objects.filter(at__gte=since) if since else ZohoSyncLog.objects.all()
    return dict(logs.order_by().values("system").annotate(number=Count("id")).values_list("system", "number"))
