"""How things stand between the catalogue and Zoho, counted: for the home page, the commands and the metrics."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone

from zoho_sync.models import OWED, Kind, ProductIntegration, SyncStatus, System, ZohoSyncLog


@dataclass(frozen=True)
class Tally:
    """How the records of one kind stand. Packages that share one Zoho record count once in `distinct`.

    It is known only where it was asked for, else 0.
    """

    kind: Kind
    in_step: int
    owed: int
    failed: int
    dead: int
    distinct: int

    @property
    def total(self) -> int:
        return self.in_step + self.owed + self.failed + self.dead


@dataclass(frozen=True)
class Standing:
    tallies: tuple[Tally, ...]
    next_due: datetime | None

    def of(self, system: System) -> Iterable[Tally]:
        return (tally for tally in self.tallies if tally.kind.system is system)

    def count(self, state: str, system: System | None = None) -> int:
        """How many records are `in_step`, `owed`, `failed` or `dead`, of one system or of both."""
        return sum(getattr(tally, state) for tally in self.tallies if system in (None, tally.kind.system))

    @property
    def is_in_step(self) -> bool:
        return all(tally.in_step == tally.total for tally in self.tallies)


def standing(*, distinct: bool = False) -> Standing:
    """The whole picture in one query. Counting the `distinct` ones too makes it several times slower."""
    numbers = {status.value: Count("id", filter=Q(status=status)) for status in SyncStatus}
    if distinct:
        numbers["distinct"] = Count("remote_key", distinct=True)
    rows: dict[str, dict[str, Any]] = {
        row["kind"]: dict(row)
        for row in ProductIntegration.objects.order_by()
        .values("kind")
        .annotate(
            due=Min("next_retry_at", filter=Q(status__in=OWED)),
            **numbers,
        )
    }
    tallies = tuple(
        Tally(
            kind=kind,
            in_step=row.get(SyncStatus.OK.value, 0),
            owed=row.get(SyncStatus.PENDING.value, 0),
            failed=row.get(SyncStatus.FAILED.value, 0),
            dead=row.get(SyncStatus.DEAD.value, 0),
            distinct=row.get("distinct", 0),
        )
        for kind in Kind
        for row in [rows.get(kind.value, {})]
    )
    return Standing(tallies, min((row["due"] for row in rows.values() if row["due"]), default=None))


def reasons(limit: int = 10) -> list[tuple[str, int]]:
    """Why records are failed or dead: (words, how many), the most frequent first."""
    rows = (
        ProductIntegration.objects.filter(status__in=(SyncStatus.FAILED, SyncStatus.DEAD))
        .order_by()
        .values("last_sync_error")
        .annotate(number=Count("id"))
        .order_by("-number")[:limit]
    )
    return [(row["last_sync_error"], row["number"]) for row in rows]


def waiting_for_another() -> int:
    """Owed records that cannot go because the record they need is dead."""
    dead = ProductIntegration.objects.filter(status=SyncStatus.DEAD, remote_id="")
    waiting = Q(pk__in=[])
    for kind in Kind:
        if kind.needs is not None:
            waiting |= Q(kind=kind, package__in=dead.filter(kind=kind.needs).values("package"))
    return ProductIntegration.objects.owed().filter(waiting).count()


def calls_since(since: datetime | None = None) -> dict[str, int]:
    """API calls by system (`crm`, `billing`, `accounts`), as logged."""
    logs = ZohoSyncLog.objects.filter(at__gte=since) if since else ZohoSyncLog.objects.all()
    return {
        row["system"]: row["number"] for row in logs.order_by().values("system").annotate(number=Count("id"))
    }


def age(of: datetime) -> float:
    """Seconds since `of`."""
    return (timezone.now() - of).total_seconds()
