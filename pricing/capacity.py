"""Whether the calls that price moves need fit into Zoho's days, and on which day each would be made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from heapq import heappop, heappush

from django.conf import settings
from django.db.models import Count, F
from limits import RateLimitItemPerDay

from pricing.billing_days import in_months
from pricing.models import MoveState, PriceChangeStatus, PriceMove
from zoho_sync.connection.limits import reserve

# Read the subscription, change it, read back what is scheduled.
CALLS_TO_SCHEDULE = 3
# After the renewal: read the subscription, which confirms the move, then its first invoice, which proves it.
CALLS_TO_READ_BACK = 2
# A change that lands with a renewal can be scheduled once the renewal before it is through.
LEAD = timedelta(days=27)


def daily_quota() -> int:
    """Calls to Zoho Billing that background work may use in a day; the rest is kept for people."""
    quota: int = settings.ZOHO_BILLING_CALLS_PER_DAY
    return quota - reserve(RateLimitItemPerDay(quota))


@dataclass(frozen=True, order=True)
class Demand:
    """So many moves that can be scheduled from `opens_on` and must be before the renewal on `renewal_on`."""

    renewal_on: date
    opens_on: date
    change: str
    moves: int


@dataclass
class Day:
    """What one day's calls go to: moves scheduled, confirmed and proven, by change."""

    on: date
    scheduled: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    """Moves that could not be scheduled in time: their renewal bills the old price."""

    @property
    def calls(self) -> int:
        return CALLS_TO_SCHEDULE * self.scheduled.total() + CALLS_TO_READ_BACK * self.confirmed.total()


@dataclass(frozen=True)
class CallPlan:
    """Calls to Zoho Billing, and days at what background work is granted of a day's quota."""

    moves: int
    proof: int
    per_day: int
    days: int
    """Of the moves alone, when nothing else is called."""
    ready_on: date | None
    """The day the last move is in Zoho; None when there is nothing to move."""
    late: int
    """Moves that cannot be in Zoho before their renewal: that month would be billed at the old price."""

    @property
    def total(self) -> int:
        return self.moves + self.proof

    @property
    def fits(self) -> bool:
        return not self.late


def demands(today: date) -> list[Demand]:
    """What all published and effective changes still ask for. One query."""
    waiting = (
        PriceMove.objects.filter(
            state__in=(MoveState.PLANNED, MoveState.FAILED),
            to_undo=False,
            renewal_on__isnull=False,
            change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE),
        )
        .order_by()
        .values("renewal_on", "change", next_billing_on=F("subscription__next_billing_on"))
        .annotate(moves=Count("pk"))
    )
    found = []
    for one in waiting:
        assert one["renewal_on"] is not None  # the query says so
        opens_on = _opens_on(one["renewal_on"], one["next_billing_on"], today)
        found.append(Demand(max(one["renewal_on"], today), opens_on, str(one["change"]), one["moves"]))
    return found


def _opens_on(renewal_on: date, next_billing_on: date | None, today: date) -> date:
    """Today for what renews next on that very day, else the day after the renewal before it."""
    if next_billing_on is None or next_billing_on >= renewal_on:
        return today
    return max(today, renewal_on - LEAD)


def day_by_day(wanted: Iterable[Demand], today: date, quota: int | None = None) -> Iterator[Day]:
    """The days on which something is called: the soonest renewal is scheduled first, what is left reads back."""
    quota, carried = max(quota or daily_quota(), 1), 0
    arriving = sorted(wanted, key=lambda each: each.opens_on, reverse=True)
    scheduling, reading = list[tuple[date, str, int]](), list[tuple[date, str, int]]()
    day = today
    while arriving or scheduling or reading:
        now, left = Day(day), quota + carried
        while arriving and arriving[-1].opens_on <= day:
            one = arriving.pop()
            heappush(scheduling, (one.renewal_on, one.change, one.moves))
        for renewal_on, change, moves in _taken(scheduling, left, CALLS_TO_SCHEDULE, date.max):
            left -= moves * CALLS_TO_SCHEDULE
            now.scheduled[change] += moves
            if renewal_on <= day:
                now.late[change] += moves
            heappush(reading, (max(renewal_on, day + timedelta(days=1)), change, moves))
        if not scheduling:
            for _, change, moves in _taken(reading, left, CALLS_TO_READ_BACK, day):
                left -= moves * CALLS_TO_READ_BACK
                now.confirmed[change] += moves
        # A move is begun with what is left of a day and goes on with the next one's calls.
        carried = left if scheduling or (reading and reading[0][0] <= day) else 0
        if now.calls:
            yield now
        day += timedelta(days=1)


def _taken(
    heap: list[tuple[date, str, int]], calls: int, each: int, until: date
) -> Iterator[tuple[date, str, int]]:
    """What `calls` suffice for, taken off the heap up to that day; the part that does not fit stays."""
    while heap and heap[0][0] <= until and calls >= each:
        on, change, moves = heappop(heap)
        fits = min(moves, calls // each)
        calls -= fits * each
        if fits < moves:
            heappush(heap, (on, change, moves - fits))
        yield on, change, fits


def too_late(today: date, quota: int | None = None) -> Counter[str]:
    """Moves, by change, that the daily quota does not let be scheduled before their renewal. Empty when all fit."""
    found: Counter[str] = Counter()
    for day in day_by_day(demands(today), today, quota):
        found += day.late
    return found


def plan_calls(renewals: Mapping[date, int], others: Mapping[date, int], today: date) -> CallPlan:
    """`renewals` counts one change's moves by their day, `others` those of other changes that share the quota.

    A change at the end of a term lands on the very next renewal: a move can be sent in the month before it only,
    and the day after `today` at the earliest.
    """
    tomorrow, per_day = today + timedelta(days=1), max(daily_quota(), 1)
    wanted = [
        Demand(day, max(in_months(day, -1, day.day), tomorrow), change, moves)
        for change, counted in (("", others), ("this", renewals))
        for day, moves in counted.items()
        if day > today
    ]
    late, ready_on = sum(number for day, number in renewals.items() if day <= today), None
    for day in day_by_day(wanted, tomorrow, per_day):
        late += day.late["this"]
        if day.scheduled["this"]:
            ready_on = day.on
    moves = sum(renewals.values())
    calls = moves * CALLS_TO_SCHEDULE
    return CallPlan(calls, moves * CALLS_TO_READ_BACK, per_day, -(-calls // per_day), ready_on, late)
