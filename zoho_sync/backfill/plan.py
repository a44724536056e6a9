"""The plan of a backfill in numbers: how many of what, and how many calls."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from zoho_sync.backfill.decision import Decision, Verdict
from zoho_sync.billing.exporter import calls_needed
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
