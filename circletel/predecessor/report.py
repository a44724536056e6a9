"""What became of each row of the predecessor, as plain data and as text."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

# A terminal is no place for more; --json has them all.
MOST_SHOWN = 200


class Outcome(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Line:
    """One row. `words` say why it was refused, or what somebody ought to know of it."""

    table: str
    id: str
    name: str
    words: str

    def __str__(self) -> str:
        return (
            f"{self.table} {self.id} ({self.name}): {self.words}"
            if self.name
            else f"{self.table} {self.id}: {self.words}"
        )


@dataclass
class Report:
    """Counts by table; `refused` rows with reasons, and `remarks` on rows that came in."""

    dry_run: bool = False
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    refused: list[Line] = field(default_factory=list)
    remarks: list[Line] = field(default_factory=list)
    unknown_columns: dict[str, list[str]] = field(default_factory=dict)
    missing_tables: list[str] = field(default_factory=list)
    zoho_ids: Counter[str] = field(default_factory=Counter)

    def took(self, table: str, outcome: Outcome) -> None:
        self.counts.setdefault(table, Counter())[outcome] += 1

    def refuse(self, table: str, id: str, name: str, *reasons: str) -> None:
        self.took(table, Outcome.REFUSED)
        self.refused.append(Line(table, id, name, "; ".join(reasons)))

    def remark(self, table: str, id: str, name: str, words: str) -> None:
        self.remarks.append(Line(table, id, name, words))

    @property
    def wrote_something(self) -> bool:
        return any(counts[Outcome.NEW] for counts in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "dry_run": self.dry_run,
            "tables": {
                table: {outcome.value: counts[outcome] for outcome in Outcome}
                for table, counts in self.counts.items()
            },
            "zoho_ids": dict(self.zoho_ids),
            "refused": [asdict(line) for line in self.refused],
            "remarks": [asdict(line) for line in self.remarks],
            "unknown_columns": self.unknown_columns,
            "missing_tables": self.missing_tables,
        }

    def as_text(self) -> str:
        lines = ["Nothing was written; this is what would be done." if self.dry_run else "Brought in:"]
        for table, counts in self.counts.items():
            lines.append(f"  {table:22}" + ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome))
        if self.zoho_ids:
            kept = ", ".join(f"{number} {kind}" for kind, number in sorted(self.zoho_ids.items()))
            lines.append(f"  Zoho ids kept: {kept}; run backfill_zoho all to compare them with Zoho")
        lines += [f"  The predecessor has no table {name}." for name in self.missing_tables]
        lines += [
            f"  {table}: not understood: {', '.join(names)}" for table, names in self.unknown_columns.items()
        ]
        lines += _some("To know", self.remarks) + _some("Refused", self.refused)
        return "\n".join(lines)


def _some(title: str, lines: list[Line]) -> list[str]:
    if not lines:
        return []
    more = len(lines) - MOST_SHOWN
    shown = [f"{title}:", *(f"  {line}" for line in lines[:MOST_SHOWN])]
    return [*shown, f"  and {more} more: --json has them all"] if more > 0 else shown
