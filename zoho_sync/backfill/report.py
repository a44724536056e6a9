"""What a backfill says: its exit code, its words and its JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.utils import timezone

from zoho_sync.backfill.plan import Doubt, Plan
from zoho_sync.compare.forecast import Forecast, forecast_lines
from zoho_sync.connection.limits import Budget
from zoho_sync.models import System


class Ending(IntEnum):
    """How it ended; the value is the exit code of the command."""

    IN_STEP = 0
    """Everything asked for is in step; of a dry run, that there is nothing to do."""
    NOT_POSSIBLE = 1
    """Nothing or not all could be looked at: a wrong setting, an unknown SKU, Zoho refused the connection."""
    NEEDS_PERSON = 3
    """All that could be sent was sent; some records need a person."""
    LATER = 4
    """Calls are used up for now, or Zoho rests: the rest is owed and goes by itself."""
    DIFFERS = 5
    """A dry run or a comparison found something to do."""
    INTERRUPTED = 130
    """Ctrl-C: the rest is owed and goes by itself."""


@dataclass
class SystemReport:
    """One system's part. `states` counts its rows in scope afterwards, by status."""

    system: System
    plan: Plan | None = None
    held: int | None = None
    forecast: Forecast | None = None
    states: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    ending: Ending = Ending.IN_STEP
    words: str = ""

    def as_json(self) -> dict[str, Any]:
        seen = self.forecast
        return {
            "plan": self.plan.as_json() if self.plan else None,
            "records_in_zoho": self.held,
            "seconds_needed": round(seen.takes.total_seconds()) if seen else None,
            "calls_left_today": seen.left_today if seen else None,
            "states": self.states,
            "calls_used": self.calls,
            "ending": self.ending.name.lower(),
            "words": self.words,
        }


@dataclass
class Report:
    systems: list[SystemReport] = field(default_factory=list)
    began_at: datetime = field(default_factory=timezone.now)

    @property
    def ending(self) -> Ending:
        """The one that asks most of whoever reads it."""
        endings = {part.ending for part in self.systems}
        worst_first = (
            Ending.INTERRUPTED,
            Ending.NOT_POSSIBLE,
            Ending.NEEDS_PERSON,
            Ending.LATER,
            Ending.DIFFERS,
        )
        return next((ending for ending in worst_first if ending in endings), Ending.IN_STEP)

    def as_json(self) -> dict[str, Any]:
        return {
            "began_at": self.began_at.isoformat(),
            "ended_at": timezone.now().isoformat(),
            "ending": self.ending.name.lower(),
            "exit_code": int(self.ending),
            "systems": {part.system.value: part.as_json() for part in self.systems},
        }


def in_words(report: Report) -> str:
    """In a line for each system: how it ended, and what that means."""
    return "; ".join(
        f"{part.system.label}: {part.ending.name.lower().replace('_', ' ')}, {part.calls} calls. {part.words}".strip()
        for part in report.systems
    )


def plan_lines(part: SystemReport, budget: Budget) -> Iterator[str]:
    """The plan as a table."""
    plan, seen = part.plan, part.forecast
    assert plan is not None  # it was made
    assert seen is not None
    yield f"{part.system.label} holds {records(part.held or 0)}. The plan:"
    for verdict, what in (
        ("create", "to be made"),
        ("update", "to be changed"),
        ("adopt", f"known from now on, {plan.adopted_and_changed} of them to be changed"),
        ("in_step", "nothing to do"),
        ("ambiguous", "for a person to decide"),
        ("refused", "Zoho would refuse them"),
    ):
        yield f"  {verdict.replace('_', ' '):12}{plan.counts[verdict]:>8}   {what}"
    yield from forecast_lines(seen, budget, "the rest goes by itself")
    yield from doubt_lines("for a person to decide", plan.ambiguous)
    yield from doubt_lines("refused", plan.refused)


def doubt_lines(title: str, doubts: list[Doubt]) -> Iterator[str]:
    if doubts:
        yield f"  {title}:"
    for doubt in doubts:
        yield f"    {doubt.kind} {doubt.key}: {doubt.words}"


def records(count: int) -> str:
    return f"{count} record{'' if count == 1 else 's'}"
