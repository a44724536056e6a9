"""The plan of a backfill in numbers: how many of what, how many calls, and when they will be done."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from limits import RateLimitItem, RateLimitItemPerDay

from zoho_sync.backfill.decision import Decision, Verdict
from zoho_sync.connection.limits import Budget, reserve
from zoho_sync.crm.client import PER_UPSERT
from zoho_sync.models import Kind, System

DAY = timedelta(days=1)


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
            self.calls += billing_calls(decision)
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


def billing_calls(decision: Decision) -> int:
    """Content and status travel apart: a create or an update, and a mark-as call where the status differs."""
    inactive = decision.record.payload.get("status") == "inactive"
    if decision.verdict is Verdict.CREATE:
        return 1 + inactive
    return bool(set(decision.differs) - {"status"}) + ("status" in decision.differs)


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
    paces = [seconds_a_call(window, amount) for window, amount in grants.items() if window is not day]
    pace = max(paces, default=1.0)
    if day is None:
        return Forecast(calls, None, timedelta(seconds=calls * pace))
    left = max(dict(budget.left())[day] - reserve(day), 0)
    later = max(calls - left, 0)
    whole_days = math.ceil(later / grants[day])
    on_the_last = later - (whole_days - 1) * grants[day] if later else calls
    return Forecast(calls, left, whole_days * DAY + timedelta(seconds=on_the_last * pace))


def seconds_a_call(window: RateLimitItem, amount: int) -> float:
    return window.get_expiry() / amount
