"""From the rows of a price list to deals: what each would make of a product, or every reason to refuse it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from catalogue.models import ColumnMapping, PriceListRow
from catalogue.pricelists.cells import TextDate
from catalogue.pricelists.record import Days, read_deal
from catalogue.pricelists.tables import Found, table_rows


def read_deals(
    content: bytes, mappings: Sequence[ColumnMapping], *, vat_rate: Decimal, markup: Decimal, found: Found
) -> list[PriceListRow]:
    """All deals of a workbook, in its order. Raises UnreadableWorkbook.

    What only the whole file shows is judged too: deal ids that come twice, columns that write dates in both
    orders, and deals that would bear the same name.
    """
    rows = table_rows(content, mappings, found)
    read = [read_deal(row, vat_rate=vat_rate, markup=markup) for row in rows]
    _decide_dates(read, mappings)
    deals = [deal for deal, _days in read]
    _refuse_duplicates(deals)
    _tell_names_apart(deal for deal in deals if not deal.reasons)
    return deals


def _refuse_duplicates(deals: Iterable[PriceListRow]) -> None:
    """Of two rows with one deal id nobody can say which is meant, so none of them counts."""
    same: dict[str, list[PriceListRow]] = defaultdict(list)
    for deal in deals:
        if deal.deal_id:
            same[deal.deal_id.upper()].append(deal)
    for deals_ in same.values():
        for deal in deals_ if len(deals_) > 1 else ():
            others = [_place(other, deal) for other in deals_ if other is not deal]
            shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
            deal.reasons.append(f"duplicate deal: {deal.deal_id} stands also in {shown}; leave one of them")


def _place(other: PriceListRow, beside: PriceListRow) -> str:
    return f"row {other.number}" + (f" of sheet “{other.sheet}”" if other.sheet != beside.sheet else "")


def _decide_dates(read: Sequence[tuple[PriceListRow, Days]], mappings: Iterable[ColumnMapping]) -> None:
    """Settle the dates typed as text by the order of the mapping, unless the column itself contradicts it."""
    orders: dict[int | None, bool] = {
        one.pk: one.date_order == ColumnMapping.DateOrder.MONTH_FIRST for one in mappings
    }
    contrary: dict[tuple[int | None, str], str] = {}
    for deal, found_days in read:
        for title, found in found_days.values():
            if isinstance(found, TextDate) and found.in_order(month_first=orders[deal.mapping_id]) is None:
                contrary.setdefault((deal.mapping_id, title), f"row {deal.number} has “{found.shown}”")
    for deal, found_days in read:
        days = {}
        for path, (title, found) in found_days.items():
            against = contrary.get((deal.mapping_id, title))
            day = _settled(deal, title, found, orders[deal.mapping_id], against)
            if day is not None:
                days[path] = title, day
        _put_dates(deal, days)


def _settled(
    deal: PriceListRow, title: str, found: date | TextDate, month_first: bool, against: str | None
) -> date | None:
    if not isinstance(found, TextDate):
        return found
    if found.may_mean_two and against is not None:
        deal.reasons.append(
            f"{title}: “{found.shown}” may be {_shown(found.day_first)} or {_shown(found.month_first)}: the column"
            f" writes dates in both orders ({against}); format the cell as a date"
        )
        return None
    return found.in_order(month_first=month_first) or found.in_order(month_first=not month_first)


def _put_dates(deal: PriceListRow, days: dict[str, tuple[str, date]]) -> None:
    """On sale for whole South African days; the end is the first instant after the last day."""
    begins, ends = days.get("valid_from"), days.get("valid_to")
    if begins:
        deal.content["valid_from"] = _midnight(begins[1])
    if ends:
        deal.content["valid_to"] = _midnight(ends[1] + timedelta(days=1))
    if begins and ends and ends[1] < begins[1]:
        deal.reasons.append(
            f"{ends[0]}: {_shown(ends[1])} lies before {begins[0]}, {_shown(begins[1])}: the dates are in the wrong order"
        )


def _midnight(day: date) -> str:
    instant = datetime.combine(day, time.min, timezone.get_default_timezone()).astimezone(UTC)
    return instant.isoformat().replace("+00:00", "Z")


def _shown(day: Any) -> str:
    return f"{day:%-d %B %Y}" if isinstance(day, date) else str(day)


def _tell_names_apart(deals: Iterable[PriceListRow]) -> None:
    """Deals of one name, term and device would be versions of one another: publishing one would archive the other."""
    same: dict[Any, list[PriceListRow]] = defaultdict(list)
    for deal in deals:
        same[_variant(deal)].append(deal)
    for deals_ in same.values():
        for deal in deals_ if len(deals_) > 1 else ():
            suffix = f" ({deal.deal_id})"
            deal.content["name"] = deal.content["name"][: 200 - len(suffix)] + suffix


def _variant(deal: PriceListRow) -> tuple[Any, ...]:
    parts = ("name", "contract_months", "hardware.model", "market_segment", "provider")
    return tuple(str(deal.content.get(part) or "").casefold() for part in parts)
