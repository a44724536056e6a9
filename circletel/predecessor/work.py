"""What the steps of a move share: who acts, the report, and one row at a time that is written whole or not at all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from catalogue.legacy.source import Row
from catalogue.models import ServicePackage
from circletel.core.errors import Refused
from circletel.predecessor.report import Outcome, Report
from circletel.predecessor.tables import first_of

# Rows to one transaction: what was brought in before something fails stays.
CHUNK = 200
T = TypeVar("T")

_REASONS = {
    "product_business_key": "there is another product with this SKU, segment and provider here",
    "package_business_key": "there is another package with this SKU, segment and provider here",
    "package_one_live_version_per_variant": "another active package is the same variant (name, term, device, segment,"
    " provider): only one of them can be on sale",
    "package_validity_in_order": "valid_to: lies before valid_from",
    "price_change_one_open_per_package": "the package has another open price change",
    "price_change_changes_the_price": "new_price: is the old price",
}


@dataclass
class Move:
    """One move. `approver` answers for what the predecessor had approved and published; None approves nothing."""

    actor: User
    approver: User | None
    report: Report
    # Packages written in this run; their price history goes with them.
    fresh: dict[str, ServicePackage] = field(default_factory=dict)

    def each(self, table: str, rows: Sequence[Row], write: Callable[[Row], Outcome]) -> None:
        """`write` every row, some to a transaction; what it refuses is written down and the others go on."""
        for some in in_chunks(rows):
            with transaction.atomic():
                for row in some:
                    self._one(table, row, write)

    def _one(self, table: str, row: Row, write: Callable[[Row], Outcome]) -> None:
        try:
            with transaction.atomic():
                outcome = write(row)
        except Refused as refusal:
            self.report.refuse(table, row.id, name_in(row), *refusal.reasons)
        except ValueError as trouble:
            self.report.refuse(table, row.id, name_in(row), str(trouble))
        except IntegrityError as error:
            self.report.refuse(table, row.id, name_in(row), _in_words(error))
        else:
            self.report.took(table, outcome)

    def remark(self, table: str, row: Row, words: str) -> None:
        self.report.remark(table, row.id, name_in(row), words)


def name_in(row: Row) -> str:
    return str(first_of(row.values, "name", "sku", "slug") or "")


def in_chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while some := list(islice(remaining, CHUNK)):
        yield some


def _in_words(error: IntegrityError) -> str:
    diagnosis = getattr(error.__cause__, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None) or ""
    return (
        _REASONS.get(constraint) or f"PostgreSQL refused it: {getattr(diagnosis, 'message_primary', error)}"
    )
