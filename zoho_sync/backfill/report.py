"""What a backfill says: its plan in numbers, its exit code, its words and its JSON."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.utils import timezone

from zoho_sync.backfill.decision import Decision, Verdict
from zoho_sync.billing.exporter import calls_needed
from zoho_sync.compare.forecast import Forecast, forecast_lines
from zoho_sync.connection.limits import Budget
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.models import Kind, System


@dataclass(frozen=True)
class Doubt:
    """A record that needs a person, or that `--verify` found different; `words` say why or in which fields."""

    kind: str
    key: str
    sku: str
    words: str


@dataclass
class Plan:
    """Counts of Zoho records, so a Billing product that packages share counts once."""

    system: System
    counts: Counter[str] = field(default_factory=Counter)
    adopted_and_changed: int = 0
    calls: int = 0
    """What it takes beyond reading; CRM takes a hundred records a call."""
    ambiguous: list[Doubt] = field(default_factory=list)
    refused: list[Doubt] = field(default_factory=list)
    differing: list[Doubt] = field(default_factory=list)
    _lines: set[str] = field(default_factory=set)
    _to_crm: Counter[str] = field(default_factory=Counter)

    def take(self, decisions: Iterable[Decision], *, keep_differences: bool) -> None:
        for decision in decisions:
            if decision.record.kind is Kind.BILLING_PRODUCT:
                if decision.record.key in self._lines:
                    continue
                self._lines.add(decision.record.key)
            self._take(decision, keep_differences)

    def _take(self, decision: Decision, keep_differences: bool) -> None:
        self.counts[decision.verdict] += 1
        record = decision.record
        words = "; ".join(decision.reasons) or ", ".join(decision.differs)
        doubt = Doubt(record.kind.value, record.key, decision.sku, words)
        if decision.verdict is Verdict.AMBIGUOUS:
            self.ambiguous.append(doubt)
        if decision.verdict is Verdict.REFUSED:
            self.refused.append(doubt)
        if keep_differences and decision.differs:
            self.differing.append(doubt)
        if decision.sends:
            self.adopted_and_changed += decision.verdict is Verdict.ADOPT
            self._count_calls(decision)

    def _count_calls(self, decision: Decision) -> None:
        if self.system is System.BILLING:
            # Content and status travel apart: a create or an update, and a mark-as call where the status differs.
            payload = decision.record.payload
            known = None if decision.verdict is Verdict.CREATE else {**payload, **(decision.theirs or {})}
            self.calls += calls_needed(known, payload)
            return
        self._to_crm["by id" if decision.verdict is Verdict.ADOPT else "by key"] += 1
        self.calls = sum(math.ceil(records / PER_UPSERT) for records in self._to_crm.values())

    @property
    def has_work(self) -> bool:
        """Something would be written, here or in Zoho."""
        return any(self.counts[verdict] for verdict in (Verdict.CREATE, Verdict.UPDATE, Verdict.ADOPT))

    def as_json(self) -> dict[str, Any]:
        return {
            **{verdict.value: self.counts[verdict] for verdict in Verdict},
            "adopted_and_changed": self.adopted_and_changed,
            "calls_needed": self.calls,
            **{
                f"{name}_records": [asdict(doubt) for doubt in getattr(self, name)]
                for name in ("ambiguous", "refused", "differing")
            },
        }


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


WORST_FIRST = (
    *(Ending.INTERRUPTED, Ending.NOT_POSSIBLE, Ending.NEEDS_PERSON),
    *(Ending.LATER, Ending.DIFFERS, Ending.IN_STEP),
)


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

    def end(self, ending: Ending, words: str) -> None:
        self.ending, self.words = ending, words

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
        endings = [part.ending for part in self.systems] or [Ending.IN_STEP]
        return min(endings, key=WORST_FIRST.index)

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
