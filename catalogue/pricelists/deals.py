"""From the rows of a price list to deals: what each would make of a product, or every reason to refuse it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from catalogue.models import ColumnMapping
from catalogue.pricelists.cells import TextDate
from catalogue.pricelists.content import product_parts
from catalogue.pricelists.record import Record, read_record
from catalogue.pricelists.tables import Found, TableRow, table_rows


@dataclass(slots=True)
class Deal:
    """One row, read. `content` is what it says of the product, as `product_content` writes it; empty when refused."""

    mapping_id: int
    sheet: str
    number: int
    deal_id: str
    name: str
    content: dict[str, Any] = field(default_factory=dict)
    listed_price: Decimal | None = None
    stock: str = ""
    details: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """As it is kept with the row."""
        price = None if self.listed_price is None else f"{self.listed_price:.2f}"
        return {"content": self.content, "listed_price": price, "stock": self.stock, "details": self.details}


def read_deals(
    content: bytes, mappings: Sequence[ColumnMapping], *, vat_rate: Decimal, markup: Decimal, found: Found
) -> list[Deal]:
    """All deals of a workbook, in its order. Raises UnreadableWorkbook.

    What only the whole file shows is judged too: deal ids that come twice, columns that write dates in both
    orders, and deals that would bear the same name.
    """
    by_id = {mapping.pk: mapping for mapping in mappings}
    rows: Iterable[TableRow] = table_rows(content, mappings, found)
    records = [read_record(row, vat_rate=vat_rate) for row in rows]
    _decide_dates(records, by_id)
    _refuse_duplicates(records)
    deals = [_deal(record, by_id[record.mapping_id], markup) for record in records]
    _tell_names_apart(deals)
    return deals


def _deal(record: Record, mapping: ColumnMapping, markup: Decimal) -> Deal:
    deal = Deal(
        mapping_id=record.mapping_id,
        sheet=record.sheet,
        number=record.number,
        deal_id=record.deal_id,
        name=record.name,
        listed_price=record.listed_price,
        stock=record.stock,
        details=record.details,
        reasons=record.reasons,
    )
    if not deal.reasons:
        deal.content = product_parts(record, mapping, markup)
    return deal


def _refuse_duplicates(records: Iterable[Record]) -> None:
    """Of two rows with one deal id nobody can say which is meant, so none of them counts."""
    same: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.deal_id:
            same[record.deal_id.upper()].append(record)
    for records_ in same.values():
        for record in records_ if len(records_) > 1 else ():
            others = [_place(other, record) for other in records_ if other is not record]
            shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
            record.reasons.append(
                f"duplicate deal: {record.deal_id} stands also in {shown}; leave one of them"
            )


def _place(other: Record, beside: Record) -> str:
    return f"row {other.number}" + (f" of sheet “{other.sheet}”" if other.sheet != beside.sheet else "")


def _decide_dates(records: Sequence[Record], mappings: dict[int, ColumnMapping]) -> None:
    """Settle the dates typed as text by the order of the mapping, unless the column itself contradicts it."""
    contrary: dict[tuple[int, str], tuple[int, str]] = {}
    for record, title, typed in _typed_dates(records):
        order = mappings[record.mapping_id].date_order
        expected = typed.month_first if order == ColumnMapping.DateOrder.MONTH_FIRST else typed.day_first
        if expected is None:
            contrary.setdefault((record.mapping_id, title), (record.number, typed.shown))
    for record, title, typed in _typed_dates(records):
        order = mappings[record.mapping_id].date_order
        against = contrary.get((record.mapping_id, title))
        _settle(record, title, typed, order == ColumnMapping.DateOrder.MONTH_FIRST, against)
    for record in records:
        begins, ends = record.dates.get("offered_from"), record.dates.get("offered_to")
        if begins and ends and ends[1] < begins[1]:  # type: ignore[operator]
            record.reasons.append(
                f"{ends[0]}: {_shown(ends[1])} lies before {begins[0]}, {_shown(begins[1])}: the dates are in the wrong order"
            )


def _typed_dates(records: Iterable[Record]) -> Iterator[tuple[Record, str, TextDate]]:
    for record in records:
        for title, found in list(record.dates.values()):
            if isinstance(found, TextDate):
                yield record, title, found


def _settle(
    record: Record, title: str, typed: TextDate, month_first: bool, against: tuple[int, str] | None
) -> None:
    both = typed.month_first is not None and typed.day_first is not None
    if both and typed.month_first != typed.day_first and against is not None:
        record.reasons.append(
            f"{title}: “{typed.shown}” may be {_shown(typed.day_first)} or {_shown(typed.month_first)}: the column"
            f" writes dates in both orders (row {against[0]} has “{against[1]}”); format the cell as a date"
        )
        settled = None
    elif month_first:
        settled = typed.month_first or typed.day_first
    else:
        settled = typed.day_first or typed.month_first
    for field_, (name, found) in list(record.dates.items()):
        if found is typed:
            if settled is None:
                del record.dates[field_]
            else:
                record.dates[field_] = name, settled


def _shown(day: Any) -> str:
    return f"{day:%-d %B %Y}" if isinstance(day, date) else str(day)


def _tell_names_apart(deals: Iterable[Deal]) -> None:
    """Deals of one name, term and device would be versions of one another: publishing one would archive the other."""
    same: dict[Any, list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.content:
            same[_variant(deal)].append(deal)
    for deals_ in same.values():
        for deal in deals_ if len(deals_) > 1 else ():
            suffix = f" ({deal.deal_id})"
            deal.name = deal.content["name"] = deal.content["name"][: 200 - len(suffix)] + suffix


def _variant(deal: Deal) -> tuple[Any, ...]:
    parts = ("name", "contract_months", "hardware.model", "market_segment", "provider")
    return tuple(str(deal.content.get(part) or "").casefold() for part in parts)
