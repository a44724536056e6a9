"""How the notices of a change stand: per stage how many, in which state, first and last accepted."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Min

from pricing.models import TOLD, UNDELIVERED, NoticeState, PriceNotice


@dataclass
class StageStanding:
    """One stage of one change. Times are the provider's acceptance; None while nothing was accepted."""

    code: str
    name: str
    first_accepted_at: datetime | None = None
    last_accepted_at: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def needed(self) -> int:
        return sum(number for state, number in self.counts.items() if state != NoticeState.NOT_NEEDED)

    @property
    def told(self) -> int:
        return sum(self.counts.get(state, 0) for state in TOLD)

    @property
    def undelivered(self) -> int:
        return sum(self.counts.get(state, 0) for state in UNDELIVERED)

    @property
    def waiting(self) -> int:
        return self.counts.get(NoticeState.OWED, 0)


def standing_of(change_id: UUID) -> list[StageStanding]:
    """In the order in which they are due. One query."""
    rows = (
        PriceNotice.objects.filter(change=change_id)
        .order_by()
        .values("stage", "stage__name", "state")
        .annotate(number=Count("pk"), first=Min("accepted_at"), last=Max("accepted_at"), due=Min("due_on"))
        .order_by("due", "stage")
    )
    stages: dict[str, StageStanding] = {}
    for row in rows:
        one = stages.setdefault(row["stage"], StageStanding(row["stage"], row["stage__name"]))
        one.counts[row["state"]] = row["number"]
        one.first_accepted_at = min(filter(None, (one.first_accepted_at, row["first"])), default=None)
        one.last_accepted_at = max(filter(None, (one.last_accepted_at, row["last"])), default=None)
    return list(stages.values())
