"""The figures of a run, for people and as JSON."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from torture.records import Outcome, Records, percentile


@dataclass
class Report:
    seed: int
    seconds: float
    requests: list[dict[str, Any]]
    deeds: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    calls: dict[str, int]
    packages: int
    records: int
    settled_after: float
    sent_by_hand: int
    reconciliation: dict[str, Any]
    jobs: dict[str, int]
    complaints: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return 1 if self.complaints else 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": not self.complaints}


def request_figures(records: Records, seconds: float) -> list[dict[str, Any]]:
    """One line for each kind of caller; times in milliseconds, of answered requests."""
    lines = []
    for who in sorted({each.who for each in records.requests}):
        theirs = [each for each in records.requests if each.who == who]
        times = [each.seconds * 1000 for each in theirs if 0 < each.status < 500]
        lines.append(
            {
                "who": who,
                "requests": len(theirs),
                "per_second": round(len(theirs) / seconds, 1),
                "p50_ms": round(percentile(times, 50)),
                "p99_ms": round(percentile(times, 99)),
                "5xx": sum(each.status >= 500 for each in theirs),
                "unanswered": sum(each.status == 0 for each in theirs),
            }
        )
    return lines


def deed_figures(records: Records) -> list[dict[str, Any]]:
    counted = Counter((each.name, each.outcome) for each in records.deeds)
    names = sorted({each.name for each in records.deeds})
    return [{"deed": name, **{str(one): counted[name, one] for one in Outcome}} for name in names]


def fault_figures(records: Records) -> list[dict[str, Any]]:
    """How often, and how long each took from being mended until it did its work again."""
    lines = []
    for name in sorted({each.name for each in records.faults}):
        these = [each for each in records.faults if each.name == name]
        times = [
            each.recovered - each.ended
            for each in these
            if each.recovered is not None and each.ended is not None
        ]
        lines.append(
            {
                "fault": name,
                "times": len(these),
                "recovery_p50_s": round(percentile(times, 50), 1) if times else None,
                "recovery_worst_s": round(max(times), 1) if times else None,
            }
        )
    return lines


def table(lines: list[dict[str, Any]]) -> str:
    if not lines:
        return "  (nothing)"
    cells = [[str(name) for name in lines[0]]]
    cells += [["-" if value is None else str(value) for value in line.values()] for line in lines]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def words_of(report: Report) -> str:
    parts = [
        f"Seed {report.seed}, {report.seconds:.0f} s of traffic, {len(report.faults)} kinds of fault.",
        f"Requests\n{table(report.requests)}",
        f"Deeds\n{table(report.deeds)}",
        f"Faults\n{table(report.faults)}",
        f"Zoho: {report.packages} packages, {report.records} records, calls {report.calls}; everything in step "
        f"{report.settled_after:.0f} s after the last fault, {report.sent_by_hand} records sent again by hand.",
        f"Jobs: {report.jobs}. Reconciliation: {report.reconciliation}.",
    ]
    if report.complaints:
        parts.append(
            f"{len(report.complaints)} COMPLAINTS\n" + "\n".join(f"  {each}" for each in report.complaints)
        )
    else:
        parts.append("Nothing lost, nothing doubled, nothing wrong.")
    return "\n\n".join(parts)
