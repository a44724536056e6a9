"""Zoho Billing's export of subscriptions, CSV or XLSX: from its bytes to rows, with each refused row and its reason.

Which columns an export has is chosen by whoever exports, and no document lists their titles: columns are found by the
titles in `FIELDS`, without regard to capitals, blanks and punctuation, and what is not found is asked for. Touches no
database.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from dateutil.parser import parse as parse_date
from django.utils import timezone

from catalogue.pricelists.tables import UnreadableWorkbook, sheets
from catalogue.product_import.parsing import fit_to_show
from catalogue.product_import.values import amount, tidy, whole_number
from circletel.core.errors import Refused

LARGEST_FILE_MB = 60
DELIMITERS = ",;\t"
CENT = Decimal("0.01")
HOW_TO_EXPORT = (
    "export again and open the file in no spreadsheet in between, or import it there with this column as text"
)
# A number of more digits than that is not kept exactly by a spreadsheet.
EXACT_DIGITS = 15
NO_TIME = datetime(2000, 1, 1)  # noqa: DTZ001  (the organisation's, as the cell has it)


class DateOrder(StrEnum):
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class UnreadableExport(Refused):
    """The file as a whole cannot be used; nothing of it was."""


@dataclass(frozen=True)
class Field:
    """One thing that is known of a subscription. `titles` are what Zoho and people call its column."""

    name: str
    label: str
    kind: str
    titles: tuple[str, ...]
    required: bool = False


FIELDS = (
    Field("subscription_id", "Subscription id", "id", ("Subscription ID", "Subscription Id#"), required=True),
    Field(
        "number",
        "Subscription number",
        "text",
        ("Subscription Number", "Subscription#", "Subscription No", "Subscription Num"),
    ),
    Field("customer_id", "Customer id", "id", ("Customer ID",), required=True),
    Field("customer_name", "Customer name", "text", ("Customer Name", "Display Name", "Customer")),
    Field(
        "customer_email",
        "E-mail address",
        "text",
        ("Email", "Customer Email", "Email ID", "Email Address", "Customer Email ID"),
    ),
    Field("status", "Status", "status", ("Status", "Subscription Status"), required=True),
    Field("plan_code", "Plan code", "text", ("Plan Code", "Plan SKU"), required=True),
    Field(
        "plan_price",
        "Price of one plan unit",
        "amount",
        (
            "Plan Price",
            "Price",
            "Unit Price",
            "Plan Unit Price",
            "Plan Rate",
            "Recurring Price",
            "Item Price",
        ),
        required=True,
    ),
    Field("quantity", "Units", "count", ("Quantity", "Plan Quantity", "Qty", "Units")),
    Field("amount", "Amount a term", "amount", ("Amount", "Total", "Subscription Amount"), required=True),
    Field("currency_code", "Currency", "text", ("Currency Code", "Currency")),
    Field(
        "created_at",
        "Made on",
        "instant",
        ("Created Time", "Created At", "Created On", "Created Date", "Creation Date"),
        required=True,
    ),
    Field(
        "activated_on",
        "Began on",
        "day",
        ("Activated On", "Activated At", "Activation Date", "Activated Date", "Start Date", "Starts On"),
    ),
    Field(
        "current_term_starts_on",
        "Term began on",
        "day",
        ("Current Term Starts At", "Current Term Starts On", "Current Term Start Date", "Current Term Start"),
    ),
    Field(
        "current_term_ends_on",
        "Term ends on",
        "day",
        ("Current Term Ends At", "Current Term Ends On", "Current Term End Date", "Current Term End"),
    ),
    Field(
        "next_billing_on",
        "Next billing date",
        "day",
        ("Next Billing Date", "Next Billing At", "Next Billing On", "Next Billing", "Next Renewal Date"),
        required=True,
    ),
    Field("coupon_code", "Coupon", "text", ("Coupon Code", "Coupon")),
    Field("addon_code", "Add-on", "text", ("Addon Code", "Add-on Code", "Addon SKU")),
    Field("addon_price", "Price of the add-on", "amount", ("Addon Price", "Addon Rate", "Addon Unit Price")),
    Field("addon_quantity", "Units of the add-on", "count", ("Addon Quantity", "Addon Qty")),
)
BY_NAME = {each.name: each for each in FIELDS}
# What may differ between the rows of one subscription: an export with add-ons has a row for each of them.
OF_AN_ADDON = ("addon_code", "addon_price", "addon_quantity")


@dataclass(frozen=True)
class RefusedRow:
    """A row that is not taken, by the number that a spreadsheet shows, and why."""

    number: int
    subscription: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.number}{f' ({self.subscription})' if self.subscription else ''}: {self.reason}"


@dataclass(frozen=True)
class ExportedRow:
    """A subscription as the file has it; `values` by the names of `FIELDS`, None for an empty cell.

    `addons` is None where the file has no columns for them.
    """

    number: int
    values: dict[str, Any]
    addons: list[dict[str, Any]] | None = None

    @property
    def subscription_id(self) -> str:
        return str(self.values["subscription_id"])


@dataclass
class ExportFile:
    """An opened export. `columns` is {name of the field: index}; `missing` are required fields without a column.

    `date_order` is None where the file's own dates allow both readings: then it has to be asked for.
    """

    content: bytes
    titles: list[str]
    columns: dict[str, int]
    date_order: DateOrder | None
    has_numeric_dates: bool
    refused: list[RefusedRow] = field(default_factory=list)

    @property
    def missing(self) -> list[Field]:
        return [each for each in FIELDS if each.required and each.name not in self.columns]

    @property
    def unused(self) -> list[str]:
        taken = set(self.columns.values())
        return [title for index, title in enumerate(self.titles) if index not in taken and title]

    @property
    def asks_for_date_order(self) -> bool:
        return self.has_numeric_dates and self.date_order is None

    @property
    def mapping(self) -> dict[str, str]:
        """{name of the field: title of its column}."""
        return {name: self.titles[index] for name, index in self.columns.items()}

    def rows(self) -> Iterator[ExportedRow]:
        """Every subscription that can be taken, as it is read; what is refused is added to `refused` meanwhile.

        The rows of one subscription that differ in their add-on alone are one, where they follow each other.
        """
        assert not self.missing  # the page and the command ask first
        seen: set[str] = set()
        pending: ExportedRow | None = None
        self.refused.clear()
        for number, cells in _body(self.content):
            row = self._read(number, cells)
            if row is None:
                continue
            if pending is not None and _is_next_addon(pending, row):
                pending.addons.extend(row.addons or [])  # type: ignore[union-attr]
                continue
            if row.subscription_id in seen:
                self._refuse(number, row.subscription_id, "stands in the file a second time: each one once")
                continue
            seen.add(row.subscription_id)
            if pending is not None:
                yield pending
            pending = row
        if pending is not None:
            yield pending

    def _read(self, number: int, cells: Sequence[Any]) -> ExportedRow | None:
        values: dict[str, Any] = {}
        shown = ""
        for name, index in self.columns.items():
            cell = cells[index] if index < len(cells) else ""
            try:
                values[name] = self._value(BY_NAME[name], cell)
            except ValueError as wrong:
                title, text = self.titles[index], fit_to_show(str(cell))
                self._refuse(number, shown, f"{title} is {f'“{text}”' if text else 'empty'}: {wrong}")
                return None
            if name == "subscription_id":
                shown = values[name]
        addon = {name: values.pop(name, None) for name in OF_AN_ADDON}
        addons = None
        if "addon_code" in self.columns:
            addons = [_addon(addon)] if addon["addon_code"] else []
        return ExportedRow(number, values, addons)

    def _value(self, wanted: Field, cell: Any) -> Any:
        """Raises ValueError with what is expected, fit for a person."""
        text = tidy(cell) if isinstance(cell, str) else cell
        if text in ("", None):
            if wanted.required and wanted.name != "next_billing_on":
                raise ValueError("expected is a value")
            return "" if wanted.kind in ("text", "status") else None
        match wanted.kind:
            case "id":
                return _id(text)
            case "amount":
                return _amount(text)
            case "count":
                return _count(text)
            case "day":
                moment = _moment(text, self.date_order)
                return timezone.localdate(moment) if isinstance(moment, datetime) else moment
            case "instant":
                return _moment(text, self.date_order)
            case "status":
                return re.sub(r"[\s-]+", "_", str(text).casefold())
        return str(text)

    def _refuse(self, number: int, subscription: str, reason: str) -> None:
        self.refused.append(RefusedRow(number, subscription, reason))


def open_export(
    content: bytes, *, mapping: Mapping[str, str] | None = None, date_order: DateOrder | None = None
) -> ExportFile:
    """Find the columns and the order of day and month. Raises UnreadableExport.

    `mapping` is {name of the field: title of its column} and goes before the usual titles; `date_order` is what a
    person answered.
    """
    try:
        titles = [tidy(str(cell)) for cell in _header(content)]
    except UnreadableWorkbook as trouble:
        raise UnreadableExport(*trouble.reasons) from trouble
    columns = _columns(titles, mapping or {})
    found = _date_orders(content, [columns[each.name] for each in FIELDS if _is_date(each, columns)])
    if len(found) > 1:
        raise UnreadableExport(
            "some dates of the file can only be day/month/year and others only month/day/year: export it again with"
            " one format of dates for the whole file"
        )
    return ExportFile(
        content,
        titles,
        columns,
        date_order=next(iter(found), date_order),
        has_numeric_dates=found is not NO_NUMERIC_DATES,
    )


NO_NUMERIC_DATES: frozenset[DateOrder] = frozenset()


def _header(content: bytes) -> list[Any]:
    for _, cells in _records(content):
        return cells
    raise UnreadableExport("the file is empty: export the subscriptions again")


def _body(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    records = _records(content)
    next(records, None)
    return records


def _records(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Every row that is not blank, with its number. Of a workbook the first sheet that has rows."""
    if len(content) > LARGEST_FILE_MB * 1024 * 1024:
        raise UnreadableExport(
            f"the file has {len(content) / 1024 / 1024:.0f} MB; at most {LARGEST_FILE_MB} MB are read:"
            " export it in parts"
        )
    rows = _sheet(content) if content.startswith((b"PK", b"\xd0\xcf")) else _csv(content)
    for number, cells in rows:
        if any(cell not in ("", None) for cell in cells):
            yield number, cells


def _sheet(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    for _name, rows in sheets(content):
        yield from rows
        return


def _csv(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise UnreadableExport(
            f"the file is no text in UTF-8 (byte {trouble.start + 1}): export it again as CSV or XLSX"
        ) from trouble
    lines = io.StringIO(text, newline="")
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(DELIMITERS, key=first.count)
    try:
        yield from enumerate(csv.reader(lines, delimiter=delimiter, strict=True), start=1)
    except csv.Error as trouble:
        raise UnreadableExport(f"the file cannot be read as CSV ({trouble}): export it again") from trouble


def _columns(titles: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """{name of the field: index}. Raises UnreadableExport for a title that stands there twice and is meant."""
    places: dict[str, list[int]] = {}
    for index, title in enumerate(titles):
        places.setdefault(same_title(title), []).append(index)
    found: dict[str, int] = {}
    for each in FIELDS:
        own = [mapping[each.name]] if mapping.get(each.name) else list(each.titles)
        at = next((places[same_title(one)] for one in own if same_title(one) in places), [])
        if len(at) > 1:
            raise UnreadableExport(
                f"the column “{titles[at[0]]}” stands there twice: which one counts? Leave one out"
            )
        if at and at[0] not in found.values():
            found[each.name] = at[0]
    return found


def same_title(title: str) -> str:
    """`title` without regard to capitals, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", title.casefold())


def _is_date(each: Field, columns: Mapping[str, int]) -> bool:
    return each.kind in ("day", "instant") and each.name in columns


_SLASHED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b(.*)", re.DOTALL)


def _date_orders(content: bytes, columns: Sequence[int]) -> frozenset[DateOrder]:
    """The orders that some date of the file demands; NO_NUMERIC_DATES itself where none has the form 1/2/2027."""
    has_any, found = False, set()
    for _, cells in _body(content):
        for index in columns:
            cell = cells[index] if index < len(cells) else ""
            match = _SLASHED.fullmatch(tidy(cell)) if isinstance(cell, str) else None
            if match is None:
                continue
            has_any = True
            first, second = int(match[1]), int(match[2])
            if first > 12 >= second:
                found.add(DateOrder.DAY_FIRST)
            elif second > 12 >= first:
                found.add(DateOrder.MONTH_FIRST)
    return frozenset(found) if has_any else NO_NUMERIC_DATES


def _id(cell: Any) -> str:
    text = f"{cell:.0f}" if isinstance(cell, float) else str(cell)
    if (isinstance(cell, float) and len(text) > EXACT_DIGITS) or re.fullmatch(r"[\d.,]+[eE]\+?\d+", text):
        raise ValueError(f"a spreadsheet turned this id into a number and lost digits; {HOW_TO_EXPORT}")
    if not re.fullmatch(r"\d{1,30}", text):
        raise ValueError("expected is an id of Zoho, digits only")
    return text


def _amount(cell: Any) -> Decimal:
    try:
        if isinstance(cell, float):
            return Decimal(str(cell)).quantize(CENT, ROUND_HALF_UP)
        return amount(str(cell))
    except ValueError:
        raise ValueError("expected is an amount such as 799, 799.00 or R 1 299,00") from None


def _count(cell: Any) -> int:
    try:
        number = whole_number(f"{cell:g}" if isinstance(cell, float) else str(cell))
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError("expected is a whole number of 1 or more")
    return number


def _moment(cell: Any, order: DateOrder | None) -> date | datetime:
    """A day, or an instant where the cell has a time; without a zone it is the organisation's."""
    if isinstance(cell, datetime):
        return _in_zone(cell) if cell.time() != time() else cell.date()
    if isinstance(cell, date):
        return cell
    text = str(cell)
    try:
        if re.match(r"\d{4}-\d\d-\d\d", text):
            moment = datetime.fromisoformat(text)
        elif re.search(r"\d{4}", text):
            moment = parse_date(text, dayfirst=order is not DateOrder.MONTH_FIRST, default=NO_TIME)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            "expected is a date such as 2027-03-01 or 01 Mar 2027, with or without a time"
        ) from None
    return _in_zone(moment) if ":" in text else moment.date()


def _in_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.get_default_timezone())
    return moment.astimezone(UTC)


def _addon(values: Mapping[str, Any]) -> dict[str, Any]:
    price = values["addon_price"]
    return {
        "code": values["addon_code"],
        "price": None if price is None else str(price),
        "quantity": values["addon_quantity"] or 1,
    }


def _is_next_addon(before: ExportedRow, row: ExportedRow) -> bool:
    """Whether it is the same subscription with its next add-on."""
    return bool(before.addons) and bool(row.addons) and before.values == row.values
