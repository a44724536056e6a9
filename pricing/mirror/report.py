"""What a pull says: its plan before anything is read, its words and its JSON. Exit codes are those of a backfill."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from pricing.mirror.reading import Verdict
from zoho_sync.backfill.report import Ending
from zoho_sync.billing.calls import PER_PAGE
from zoho_sync.compare.forecast import Forecast, duration, forecast, forecast_lines
from zoho_sync.connection.limits import Budget

WORDS = {
    Verdict.NEW: "to be read for the first time",
    Verdict.CHANGED: "to be read again",
    Verdict.RENEWED: "renewed; the list says all of it",
    Verdict.SAME: "nothing to do",
    Verdict.ENDED: "ended; the list says all of it",
    Verdict.PASSED_OVER: "ended before they were ever seen",
}


@dataclass
class PullReport:
    """`calls` is what this run made; `owed` what is still to be read; `problems` say which could not be, and why."""

    counts: dict[str, int] = field(default_factory=dict)
    vanished: int = 0
    forecast: Forecast | None = None
    calls: int = 0
    read: int = 0
    gone: int = 0
    owed: int = 0
    problems: list[str] = field(default_factory=list)
    ending: Ending = Ending.IN_STEP
    words: str = ""
    began_at: datetime = field(default_factory=timezone.now)

    def as_json(self) -> dict[str, Any]:
        seen = self.forecast
        return {
            "began_at": self.began_at.isoformat(),
            "ended_at": timezone.now().isoformat(),
            "plan": {
                **{verdict.value: self.counts.get(verdict.value, 0) for verdict in Verdict},
                "vanished": self.vanished,
                "calls_needed": seen.calls if seen else None,
                "seconds_needed": round(seen.takes.total_seconds()) if seen else None,
                "calls_left_today": seen.left_today if seen else None,
            },
            "read": self.read,
            "gone": self.gone,
            "still_owed": self.owed,
            "problems": self.problems,
            "calls_used": self.calls,
            "ending": self.ending.name.lower(),
            "exit_code": int(self.ending),
            "words": self.words,
        }


def before_listing(known: int, budget: Budget) -> str:
    """What reading the lists takes, by what is known."""
    pages = max(1, math.ceil(known / PER_PAGE))
    calls = 2 * pages
    takes = duration(forecast(calls, budget).takes)
    return (
        f"{known} subscriptions are known. Subscriptions and customers are listed first, {PER_PAGE} a call:"
        f" about {calls} call{'s' if calls != 1 else ''}, {takes}."
    )


def plan_lines(report: PullReport, budget: Budget) -> Iterator[str]:
    seen = report.forecast
    assert seen is not None  # the plan was made
    yield f"Zoho Billing lists {sum(report.counts.values())} subscriptions. The plan:"
    for verdict, words in WORDS.items():
        yield f"  {verdict.replace('_', ' '):12}{report.counts.get(verdict.value, 0):>8}   {words}"
    yield f"  {'vanished':12}{report.vanished:>8}   not listed any more; each is asked for by itself"
    yield from forecast_lines(seen, budget, "the nightly pull goes on")
