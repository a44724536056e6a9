"""Whether the moves of a price change fit into Zoho's calls, and by when. Pure but for what it is told of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from pricing.capacity import CALLS_TO_CONFIRM, CALLS_TO_PROVE, CALLS_TO_SCHEDULE, daily_quota
from pricing.cohorts import in_months

CALLS_PER_PROOF = CALLS_TO_CONFIRM + CALLS_TO_PROVE


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


def plan_calls(renewals: Mapping[date, int], others: Mapping[date, int], today: date) -> CallPlan:
    """`renewals` counts this change's moves by their day, `others` those of other changes that share the quota.

    A change at the end of a term lands on the very next renewal: a move can be sent in the month before it only,
    and the day after `today` at the earliest.
    """
    per_day = max(daily_quota(), 1)
    at, late, ready = Fraction(0), 0, None
    first = today + timedelta(days=1)
    for day in sorted({*renewals, *others}):
        if day <= today:
            continue
        opens = max(in_months(day, -1, day.day), first)
        at = max(at, Fraction((opens - first).days))
        others_calls = others.get(day, 0) * CALLS_TO_SCHEDULE
        wanted = renewals.get(day, 0)
        room = max(Fraction((day - first).days) - at, Fraction(0)) * per_day - others_calls
        possible = min(wanted, max(int(room // CALLS_TO_SCHEDULE), 0))
        late += wanted - possible
        at += Fraction(others_calls + wanted * CALLS_TO_SCHEDULE, per_day)
        if wanted:
            ready = first + timedelta(days=max(-(-at.numerator // at.denominator) - 1, 0))
    moves = sum(renewals.values())
    late += sum(number for day, number in renewals.items() if day <= today)
    calls = moves * CALLS_TO_SCHEDULE
    return CallPlan(
        moves=calls,
        proof=moves * CALLS_PER_PROOF,
        per_day=per_day,
        days=-(-calls // per_day),
        ready_on=ready,
        late=late,
    )
