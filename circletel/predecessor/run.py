"""One run: who acts, one row at a time that is written whole or not at all, and the report of what became of each."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from circletel.core.errors import Refused
from circletel.predecessor.source import Row

_REASONS = {
    "product_business_key": "there is another product with this SKU, segment and provider here",
    "package_business_key": "there is another package with this SKU, segment and provider here",
    "package_one_live_version_per_variant": "another active package is the same variant (name, term, device, segment,"
    " provider): only one of them can be on sale",
    "package_validity_in_order": "valid_to does not lie after valid_from",
    "package_hardware_has_a_price": "the device is not included, and no column says what it costs the customer",
    "price_change_one_open_per_package": "the package has another open price change",
    "price_change_changes_the_price": "new_price: is the old price",
}


class Outcome(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass
class MigrationRun:
    """`approver` answers for what the predecessor had approved and published; None approves nothing.

    `refused` rows have reasons, `remarks` are on rows that came in. `left_out` are the columns, by table, whose
    content comes in nowhere. `written_packages` are those of this run: their price history came with them.
    """

    actor: User
    approver: User | None = None
    dry_run: bool = False
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    written_packages: set[UUID] = field(default_factory=set)

    def each(self, table: str, rows: Sequence[Row], write: Callable[[Row], Outcome]) -> None:
        """`write` every row in a transaction of its own; what is refused is noted, and the others go on."""
        counts = self.counts[table] = Counter()
        for row in rows:
            before = len(self.remarks)
            try:
                with transaction.atomic():
                    counts[write(row)] += 1
            except (Refused, IntegrityError) as error:
                del self.remarks[before:]
                self.refused.append(_line(table, row, _reason(error)))
                counts[Outcome.REFUSED] += 1

    def remark(self, table: str, row: Row, words: str) -> None:
        self.remarks.append(_line(table, row, words))

    @property
    def wrote_something(self) -> bool:
        return any(counts[Outcome.NEW] for counts in self.counts.values())

    @property
    def refused_rows(self) -> str:
        return "1 row was refused" if len(self.refused) == 1 else f"{len(self.refused)} rows were refused"

    def report(self) -> Iterator[str]:
        """What became of the rows, as lines of text."""
        yield "Nothing was written; this is what would be done:" if self.dry_run else "Brought in:"
        for table, counts in self.counts.items():
            yield f"  {table:22}" + ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
        for table, columns in self.left_out.items():
            yield f"  Columns of {table} that are left out: {', '.join(columns) or 'none'}"
        for title, lines in (("To know", self.remarks), ("Refused", self.refused)):
            if lines:
                yield f"{title}:"
                yield from (f"  {line}" for line in lines)


def _line(table: str, row: Row, words: str) -> str:
    name = next((row.values[name] for name in ("name", "sku", "slug") if row.values.get(name)), "")
    return f"{table} {row.id}{f' ({name})' if name else ''}: {words}"


def _reason(error: Refused | IntegrityError) -> str:
    if isinstance(error, Refused):
        return str(error)
    diagnosis = getattr(error.__cause__, "diag", None)
    violated = getattr(diagnosis, "constraint_name", "")
    return _REASONS.get(violated, f"PostgreSQL refused it: {getattr(diagnosis, 'message_primary', error)}")
