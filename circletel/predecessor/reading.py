"""From a row of the predecessor to what the import says of a product, or to every reason why it cannot be one."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from catalogue.models import vat_rate_today
from catalogue.product_import.columns import Column
from catalogue.product_import.parsing import RowError, contradictions, fit_to_show
from circletel.core.errors import Refused
from circletel.predecessor.fields import AMOUNTS, FIELDS, READ_BESIDE
from circletel.predecessor.run import MigrationRun
from circletel.predecessor.source import Row, SourceError, Table

# Begins the SKU of a row that has none.
MADE_UP_SKU = "LEGACY-"
_PROMOTION = ("promo_price_incl_vat", "promo_months", "promo_from", "promo_to")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Options:
    """What a person says about the data. `defaults` are used where a row has nothing: {field: text of a cell}."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    prices_exclude_vat: bool = False

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--default",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help=f"for rows that have nothing there; once for each field. Fields: {', '.join(FIELDS)}",
        )
        parser.add_argument(
            "--prices-exclude-vat",
            action="store_true",
            help="its amounts are without VAT; today's rate is added",
        )

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> "Options":
        """The options as a command parsed them. Raises Refused at a default that no import would take."""
        defaults = {name: cell for name, _, cell in (one.partition("=") for one in arguments["default"])}
        for name, cell in defaults.items():
            if name not in FIELDS:
                raise SourceError(
                    f"--default {name}: there is no such field; fields are {', '.join(FIELDS)}."
                )
            read_cell(f"--default {name}", FIELDS[name].column, cell)
        return cls(defaults, arguments["prices_exclude_vat"])


class Reader:
    """Reads the rows of one table, and names in the report the columns that are not carried over."""

    def __init__(self, table: Table, options: Options, run: MigrationRun) -> None:
        self._table, self._options, self._run = table, options, run
        self._vat = 1 + vat_rate_today() if options.prices_exclude_vat else None
        read = {source.split(".")[0] for one in FIELDS.values() for source in one.sources} | READ_BESIDE
        run.left_out[table.name] = [column for column in table.columns if column not in read]

    def read(self, row: Row) -> dict[str, Any]:
        """{path in `product_content`: value}. Raises Refused with every reason why it cannot be a product."""
        values: dict[str, Any] = {}
        taken: dict[str, str] = {}
        reasons: list[str] = []
        for name in FIELDS:
            taken[name], cell = self._cell(name, row)
            try:
                values[name] = self._value(name, taken[name], cell)
            except Refused as refusal:
                reasons += refusal.reasons
        promotion = values.get("promo_price_incl_vat")
        if promotion is None or promotion == values.get("price_incl_vat"):
            # Neither is one, and months without it stand in rows that never had a promotion.
            values |= dict.fromkeys(_PROMOTION)
        for error in contradictions(0, values):
            reasons.append(str(replace(error, column=taken[error.column])))
        begins, ends = values.get("promo_from"), values.get("promo_to")
        if begins and ends and ends < begins:
            reasons.append(f"{taken['promo_to']}: {ends} lies before {begins}, the day the promotion begins")
        if reasons:
            raise Refused(*reasons)
        return {FIELDS[name].column.path: value for name, value in values.items()}

    def _cell(self, name: str, row: Row) -> tuple[str, str]:
        """The source that says something, and what it says; else the field and its default."""
        said = [
            (source, FIELDS[name].to_cell(value_at(row.values, source))) for source in FIELDS[name].sources
        ]
        filled = [(source, cell) for source, cell in said if cell.strip()]
        if filled:
            source, cell = filled[0]
            for other, another in filled[1:] if name in AMOUNTS else ():
                if another != cell:
                    self._remark(row, f"{other} says {another}; {source} was taken, {cell}")
            return source, cell
        cell = self._options.defaults.get(name, "")
        if name == "sku" and not cell:
            cell = f"{MADE_UP_SKU}{row.id}"
            self._remark(row, f"has no SKU: it gets {cell}")
        return (f"--default {name}" if cell else name), cell

    def _value(self, name: str, source: str, cell: str) -> Any:
        value = read_cell(source, FIELDS[name].column, cell)
        if self._vat and name in AMOUNTS and value is not None and source in FIELDS[name].sources:
            value = (value * self._vat).quantize(_CENT, ROUND_HALF_UP)
        return list(value) if isinstance(value, tuple) else value

    def _remark(self, row: Row, words: str) -> None:
        self._run.remark(self._table.name, row, words)


def value_at(values: Any, source: str) -> Any:
    """The value of a column, or with dots of a key of an object in it; None where there is none."""
    for part in source.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def read_cell(name: str, column: Column, cell: str) -> Any:
    """What the cell says to an import. Raises Refused with the name, the value and what was expected."""
    try:
        return column.value(cell)
    except ValueError:
        raise Refused(str(RowError(None, name, fit_to_show(cell.strip()), column.expected))) from None


def identity(value: Any) -> UUID:
    """Raises Refused."""
    try:
        return UUID(str(value))
    except ValueError:
        raise Refused(f"id: {value!r} is no UUID, and ids are kept") from None


def instant(name: str, value: Any) -> datetime | None:
    """Without a zone it is UTC, as the predecessor's server wrote it. Raises Refused."""
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(f"{name}: {value!r} is no instant") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
