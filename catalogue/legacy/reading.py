"""From a legacy row to values that the import's own columns accept, and to every reason why it cannot be one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from catalogue.legacy.fields import AMOUNTS, FIELDS, FIELDS_BY_NAME, NOT_ACTIVE, LegacyField
from catalogue.legacy.mapping import ColumnMapping
from catalogue.legacy.source import LegacyTrouble, Row
from catalogue.models import vat_rate_today
from catalogue.product_import import values as readers
from catalogue.product_import.parsing import Key, business_key, contradictions, fit_to_show

NO_COLUMN = "(no column)"
_PROMOTION = ("promo_price_incl_vat", "promo_months", "promo_from", "promo_to")


@dataclass(frozen=True)
class LegacyProblem:
    """Why a row cannot become a product. `column` is the legacy table's."""

    row: str
    column: str
    value: str
    expected: str


@dataclass(frozen=True)
class Options:
    """What a person says about a table. `defaults` are used where a row has nothing: {field: text of a cell}."""

    maps: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    sku_prefix: str = "LEGACY-"
    prices_exclude_vat: bool = False
    skip_inactive: bool = False

    def check(self) -> None:
        """Raises LegacyTrouble at a default that no import would take."""
        reasons = []
        for name, cell in self.defaults.items():
            if name not in FIELDS_BY_NAME:
                known = ", ".join(FIELDS_BY_NAME)
                reasons.append(f"--default {name}={cell}: there is no field {name}; fields are {known}")
            else:
                try:
                    FIELDS_BY_NAME[name].column.value(cell)
                except ValueError:
                    expected = FIELDS_BY_NAME[name].column.expected
                    reasons.append(f"--default {name}={cell}: expected {expected}")
        if reasons:
            raise LegacyTrouble(*reasons)


@dataclass
class ReadRow:
    """`values` by field name; `assumed` are those that the row itself does not say."""

    id: str
    row: dict[str, Any]
    is_active: bool
    values: dict[str, Any] = field(default_factory=dict)
    assumed: set[str] = field(default_factory=set)
    problems: list[LegacyProblem] = field(default_factory=list)

    @property
    def key(self) -> Key | None:
        parts = [self.values.get(name) for name in ("sku", "market_segment", "provider")]
        return business_key(*parts) if None not in parts else None  # type: ignore[arg-type]

    @property
    def said(self) -> dict[str, Any]:
        """{path in `product_content`: value}"""
        return {FIELDS_BY_NAME[name].column.path: value for name, value in self.values.items()}


class Reader:
    """Reads the rows of one table. `missing` are required fields that neither a column nor a default gives."""

    def __init__(self, mapping: ColumnMapping, options: Options) -> None:
        options.check()
        self.mapping, self.options = mapping, options
        self._vat = 1 + vat_rate_today() if options.prices_exclude_vat else None
        given = {*mapping.fields, *options.defaults, "sku"}
        self._fields = [one for one in FIELDS if one.name in given]
        self.missing = [one.name for one in FIELDS if one.column.required and one.name not in given]

    def read(self, row: Row) -> ReadRow:
        read = ReadRow(row.id, row.values, self._is_active(row))
        for one in self._fields:
            cell = self._cell(one, row, read)
            try:
                read.values[one.name] = one.column.value(cell)
            except ValueError:
                read.problems.append(self._problem(row, one.name, cell, one.column.expected))
        _drop_promotion_at_regular_price(read.values)
        for error in contradictions(0, read.values):
            read.problems.append(self._problem(row, error.column, error.value, error.expected))
        if problem := self._window_problem(row, read.values):
            read.problems.append(problem)
        return read

    def _cell(self, one: LegacyField, row: Row, read: ReadRow) -> str:
        column = self.mapping.fields.get(one.name)
        cell = one.to_cell(row.values.get(column)) if column else ""
        if self._vat and one.name in AMOUNTS:
            cell = _including_vat(cell, self._vat)
        if readers.tidy(cell):
            return cell
        if one.name == "sku":
            read.assumed.add("sku")
            return self.options.sku_prefix + row.id
        if one.name in self.options.defaults:
            read.assumed.add(one.name)
            return self.options.defaults[one.name]
        return cell

    def _is_active(self, row: Row) -> bool:
        said = row.values.get(self.mapping.active) if self.mapping.active else None
        return said is None or str(said).strip().casefold() not in NOT_ACTIVE

    def _window_problem(self, row: Row, values: Mapping[str, Any]) -> LegacyProblem | None:
        begins, ends = values.get("promo_from"), values.get("promo_to")
        if begins is None or ends is None or begins <= ends:
            return None
        return self._problem(row, "promo_to", str(ends), f"{begins} or later, the day the promotion begins")

    def _problem(self, row: Row, field: str, value: str, expected: str) -> LegacyProblem:
        column = self.mapping.fields.get(field, NO_COLUMN)
        return LegacyProblem(row.id, column, fit_to_show(value.strip()), expected)


def _including_vat(cell: str, factor: Decimal) -> str:
    try:
        excluding = Decimal(cell)
    except ArithmeticError:
        try:
            excluding = readers.amount(readers.tidy(cell))
        except ValueError:
            return cell
    if not excluding.is_finite():
        return cell
    return f"{(excluding * factor).quantize(Decimal('0.01'), ROUND_HALF_UP)}"


def _drop_promotion_at_regular_price(values: dict[str, Any]) -> None:
    price = values.get("price_incl_vat")
    if price is not None and values.get("promo_price_incl_vat") == price:
        values.update({name: None for name in _PROMOTION if name in values})
