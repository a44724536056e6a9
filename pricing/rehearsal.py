"""What will happen by itself in the coming days, day by day, as things stand. Reads, and writes nothing.

Each part yields its lines in order of days; they are merged.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from heapq import merge
from typing import NamedTuple

from pricing import applying, capacity
from pricing.models import MoveState, PriceChange, PriceChangeStatus, PriceMove
from pricing.notice import civil_day
from pricing.notices import owing


class Line(NamedTuple):
    """`number` of `kind` on that day; `kind` is a plural, fit for the last line of the rehearsal."""

    day: date
    kind: str
    text: str
    number: int = 1


STILL = (MoveState.PLANNED, MoveState.FAILED, MoveState.SCHEDULED)


def flips(now: datetime, days: int) -> Iterator[Line]:
    """Every price that takes effect, and what would stand in its way. Streams."""
    for change in applying.due(now + timedelta(days=days)).iterator(chunk_size=1000):
        problem = applying.misfit(change)
        move = f"R {change.old_price:>9} → R {change.new_price:>9}"
        line = f"{move}  {change.difference:>+9}  {change.package}"
        assert change.effective_date is not None  # only published changes are due
        yield Line(change.effective_date, "prices move", line)
        if problem:
            yield Line(change.effective_date, "would not", f"WOULD NOT: {problem}")


def moves(now: datetime, days: int) -> Iterator[Line]:
    """Every subscription that bills the new price for the first time. Streams."""
    today = civil_day(now)
    waiting = PriceMove.objects.filter(
        state__in=STILL,
        to_undo=False,
        renewal_on__range=(today, today + timedelta(days=days)),
        change__status__in=(PriceChangeStatus.PUBLISHED, PriceChangeStatus.EFFECTIVE),
    ).select_related("subscription", "change__package")
    for move in waiting.order_by("renewal_on", "pk").iterator(chunk_size=1000):
        assert move.renewal_on is not None  # the query says so
        yield Line(move.renewal_on, "subscriptions", f"moves {move}  {move.change.package}")


def calls(now: datetime, days: int) -> Iterator[Line]:
    """What Zoho Billing is asked each day for these moves, within the daily quota."""
    today = civil_day(now)
    last, late = today + timedelta(days=days), Counter[str]()
    for day in capacity.day_by_day(capacity.demands(today), today):
        if day.on > last:
            break
        late += day.late
        text = f"{day.calls} calls to Zoho Billing: {day.scheduled.total()} moves scheduled,"
        text += f" {day.confirmed.total()} confirmed and proven"
        yield Line(day.on, "calls", text, day.calls)
    for pk, number in late.items():
        change = PriceChange.objects.select_related("package").get(pk=pk)
        text = f"TOO LATE: {number} moves of {change} do not fit into {capacity.daily_quota()} calls a day"
        yield Line(last, "too late", text, number)


def notices(now: datetime, days: int) -> Iterator[Line]:
    """How many customers are to be told, by stage and package."""
    for one in owing.coming(now, civil_day(now) + timedelta(days=days)):
        text = f"{one.number:>6} notices  {one.stage}  {one.package}"
        yield Line(one.day, "notices", text, one.number)


def lines(now: datetime, days: int) -> Iterator[Line]:
    """All of it, merged by day."""
    return merge(*(part(now, days) for part in (flips, notices, moves, calls)), key=lambda line: line.day)
