"""How long calls take at the pace the budget allows in the background, and the words that say so."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from limits import RateLimitItemPerDay

from zoho_sync.connection.limits import Budget, reserve

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Forecast:
    """How long `calls` take at the pace the budget allows in the background."""

    calls: int
    left_today: int | None
    """Calls that background work may still make today; None where calls are not counted."""
    takes: timedelta

    @property
    def ends_today(self) -> bool:
        return self.left_today is None or self.calls <= self.left_today


def forecast(calls: int, budget: Budget) -> Forecast:
    """By the windows of the budget, less what is kept for people. Where nothing is counted: a second a call."""
    grants = {window: max(window.amount - reserve(window), 1) for window in budget.windows}
    day = next((window for window in grants if isinstance(window, RateLimitItemPerDay)), None)
    paces = [window.get_expiry() / amount for window, amount in grants.items() if window is not day]
    pace = max(paces, default=1.0)
    if day is None:
        return Forecast(calls, None, timedelta(seconds=calls * pace))
    left = max(dict(budget.left())[day] - reserve(day), 0)
    later = max(calls - left, 0)
    whole_days = math.ceil(later / grants[day])
    on_the_last = later - (whole_days - 1) * grants[day] if later else calls
    return Forecast(calls, left, whole_days * DAY + timedelta(seconds=on_the_last * pace))


def forecast_lines(seen: Forecast, budget: Budget, rest: str) -> Iterator[str]:
    """The end of a plan: the calls, when they are done, and what is left of the budget. `rest` says what becomes of
    the calls that today does not grant."""
    done = moment(timezone.now() + seen.takes)
    yield f"  {'calls needed':12}{seen.calls:>8}   {duration(seen.takes)}, done {done}"
    for window, left in budget.left():
        name = "quota left" if isinstance(window, RateLimitItemPerDay) else "this minute"
        yield f"  {name:12}{left:>8}   of {window.amount}; background work leaves the last ones to people"
    if not seen.ends_today:
        yield f"  Today's calls suffice for {seen.left_today}; {rest} on the following days."


def duration(takes: timedelta) -> str:
    minutes = takes.total_seconds() / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"about {minutes:.0f} minutes"
    return f"about {minutes / 60:.0f} hours" if minutes < 48 * 60 else f"about {minutes / 1440:.0f} days"


def moment(at: datetime) -> str:
    """A moment as people in South Africa write it."""
    local = timezone.localtime(at)
    same_day = local.date() == timezone.localdate()
    return f"at {local:%H:%M}" if same_day else f"on {date_format(local, 'j F')} at {local:%H:%M}"
