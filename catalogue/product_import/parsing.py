"""From the bytes of a file to rows of values, and to every error in it at once. Touches no database."""

import csv
import difflib
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from catalogue.product_import.columns import COLUMNS, Column, column_titled
from catalogue.product_import.values import tidy

Key = tuple[str, str, str]

LARGEST_FILE_MB = 25
_DELIMITERS = ",;\t"
_SHOWN = 60
_SAVE_AS = "In Excel: File, Save As, “CSV UTF-8 (Comma delimited)”"


@dataclass(frozen=True)
class RowError:
    """What is wrong in one cell. `row` is what a spreadsheet shows beside it; None is the file."""

    row: int | None
    column: str
    value: str
    expected: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"row {self.row}" if self.row else "", self.column) if part)
        found = f"“{self.value}”" if self.value else "empty"
        return (
            f"{place}: {found}, expected {self.expected}" if place else f"{found}, expected {self.expected}"
        )


@dataclass(frozen=True)
class ParsedRow:
    """A row without an error in itself: a value for each column of the file, by the column's own name."""

    number: int
    values: dict[str, Any]

    @property
    def key(self) -> Key:
        return business_key(*(self.values[name] for name in ("sku", "market_segment", "provider")))


@dataclass(frozen=True)
class ParsedFile:
    columns: tuple[Column, ...] = ()
    rows: list[ParsedRow] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def parse(data: bytes, columns: Sequence[Column] = COLUMNS) -> ParsedFile:
    """Read a CSV file: UTF-8 with or without BOM; comma, semicolon or tab. Never raises."""
    if error := _not_text(data):
        return ParsedFile(errors=[error])
    content = data.decode("utf-8-sig")
    records = _records(content, _delimiter(content, columns))
    number, header = next(records, (None, None))
    if number is None or header is None:
        expected = f"a header row with {_names(_required(columns))}, and rows below it"
        return ParsedFile(errors=[RowError(None, "", "", expected)])
    if isinstance(header, RowError):
        return ParsedFile(errors=[header])
    found, errors = _columns(number, _without_empty_end(header), columns)
    if errors:
        return ParsedFile(errors=errors)
    return _read_body(found, number, records)


def business_key(sku: str, segment: str, provider: str) -> Key:
    """What makes two rows, or a row and a product, the same: compared without regard to case."""
    return sku.upper(), segment, provider.upper()


def fit_to_show(value: str) -> str:
    """`value` short, on one line, and without characters that would steer a terminal."""
    steering = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown = "".join(" " if unicodedata.category(c) in steering else c for c in value[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"


def contradictions(number: int | None, values: Mapping[str, Any]) -> Iterator[RowError]:
    """What no cell shows by itself. About a column that is not in `values`, nothing is known."""
    price, promotion = values.get("price_incl_vat"), values.get("promo_price_incl_vat")
    if price is not None and promotion is not None and Decimal(promotion) >= Decimal(price):
        expected = f"an amount below the regular price, {Decimal(price):.2f}"
        yield RowError(number, "promo_price_incl_vat", f"{Decimal(promotion):.2f}", expected)
    if (
        (months := values.get("promo_months")) is not None
        and "promo_price_incl_vat" in values
        and promotion is None
    ):
        yield RowError(
            number, "promo_months", str(months), "to be empty, for there is no promo_price_incl_vat"
        )
    yield from _discount_contradiction(number, values)
    if values.get("hardware_included") and "hardware_model" in values and not values["hardware_model"]:
        yield RowError(number, "hardware_model", "", "a device, for hardware_included says yes")


def _discount_contradiction(number: int | None, values: Mapping[str, Any]) -> Iterator[RowError]:
    column = "discounted_installation_fee_incl_vat"
    discounted, fee = values.get(column), values.get("installation_fee_incl_vat")
    if discounted is None or "installation_fee_incl_vat" not in values:
        return
    if fee is None:
        yield RowError(
            number, column, f"{Decimal(discounted):.2f}", "to be empty, for there is no installation fee"
        )
    elif Decimal(discounted) > Decimal(fee):
        expected = f"an amount not above the installation fee, {Decimal(fee):.2f}"
        yield RowError(number, column, f"{Decimal(discounted):.2f}", expected)


def _not_text(data: bytes) -> RowError | None:
    if len(data) > LARGEST_FILE_MB * 1024 * 1024:
        megabytes = f"{len(data) / 1024 / 1024:.0f} MB"
        return RowError(
            None, "", megabytes, f"at most {LARGEST_FILE_MB} MB; divide the file and import its parts"
        )
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return RowError(None, "", "an Excel workbook", f"a CSV file. {_SAVE_AS}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        return RowError(None, "", "text in UTF-16 (“Unicode text”)", f"text in UTF-8. {_SAVE_AS}")
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a BOM the codec counts from behind it.
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, at) + 1
        return RowError(
            line, "", f"byte 0x{data[at]:02X} at position {at + 1} of the file", f"text in UTF-8. {_SAVE_AS}"
        )
    return None


def _records(content: str, delimiter: str) -> Iterator[tuple[int, list[str] | RowError]]:
    """Every record that is not blank, under the number a spreadsheet gives it."""
    number = 0
    try:
        for number, record in enumerate(_reader(content, delimiter), start=1):
            if any(tidy(cell) for cell in record):
                yield number, record
    except csv.Error as trouble:
        yield number + 1, RowError(number + 1, "", str(trouble), _expected_quotes(str(trouble)))


def _reader(content: str, delimiter: str) -> Iterator[list[str]]:
    # newline="" keeps line breaks inside quotes as they are, and knows those of Windows and old Macs.
    return csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)


def _expected_quotes(trouble: str) -> str:
    if "limit" in trouble:
        return f"cells of at most {csv.field_size_limit()} characters; is a quotation mark left open?"
    return 'quotation marks (") around a whole cell, each one opened also closed, and doubled inside it'


def _delimiter(content: str, columns: Sequence[Column]) -> str:
    """The one that makes most sense of the header; data rows may hold commas and semicolons of their own."""

    def understood(delimiter: str) -> int:
        first = next(_records(content, delimiter), None)
        if first is None or isinstance(first[1], RowError):
            return 0
        return sum(column_titled(title, columns) is not None for title in first[1])

    return max(_DELIMITERS, key=understood)


def _columns(
    number: int, header: list[str], columns: Sequence[Column]
) -> tuple[tuple[Column, ...], list[RowError]]:
    """The columns that the header names, or what is wrong with it."""
    errors: list[RowError] = []
    found: list[Column] = []
    for position, title in enumerate(header, start=1):
        column = column_titled(title, columns)
        if column is None:
            errors.append(
                RowError(
                    number, f"column {position}", fit_to_show(tidy(title)), _expected_title(title, columns)
                )
            )
        elif column in found:
            errors.append(RowError(number, column.name, fit_to_show(tidy(title)), "each column once"))
        else:
            found.append(column)
    errors += [
        RowError(number, column.name, "", f"a column of this name: {_names(_required(columns))} are required")
        for column in _required(columns)
        if column not in found
    ]
    return tuple(found), errors


def _expected_title(title: str, columns: Sequence[Column]) -> str:
    names = [column.name for column in columns]
    near = difflib.get_close_matches(tidy(title).casefold(), names, n=1, cutoff=0.7)
    return (f"{near[0]}, perhaps; " if near else "") + f"one of {_names(columns)}"


def _required(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.required]


def _read_body(
    columns: tuple[Column, ...], header_number: int, records: Iterator[tuple[int, list[str] | RowError]]
) -> ParsedFile:
    parsed = ParsedFile(columns)
    first_with: dict[Key, int] = {}
    number = header_number
    for number, record in records:
        if isinstance(record, RowError):
            parsed.errors.append(record)
            break
        values, errors = _read_row(columns, number, record)
        if (key := _key_of(values)) and (first := first_with.setdefault(key, number)) != number:
            expected = f"each SKU once per segment and provider, but row {first} has the same"
            errors.append(RowError(number, "sku", values["sku"], expected))
        parsed.errors.extend(errors)
        if not errors:
            parsed.rows.append(ParsedRow(number, values))
    if number == header_number:
        parsed.errors.append(RowError(None, "", "", "at least one row below the header"))
    return parsed


def _read_row(
    columns: tuple[Column, ...], number: int, record: list[str]
) -> tuple[dict[str, Any], list[RowError]]:
    """The values that could be read, and an error for each cell that could not."""
    cells = _without_empty_end(record, keep=len(columns))
    if len(cells) != len(columns):
        expected = f"{len(columns)} cells, as in the header; is a separator missing, or one too many?"
        return {}, [RowError(number, "", f"{len(cells)} cells", expected)]
    values: dict[str, Any] = {}
    errors: list[RowError] = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            values[column.name] = column.value(cell)
        except ValueError:
            errors.append(RowError(number, column.name, fit_to_show(cell.strip()), column.expected))
    return values, [*errors, *contradictions(number, values)]


def _key_of(values: dict[str, Any]) -> Key | None:
    parts = [values.get(name) for name in ("sku", "market_segment", "provider")]
    return business_key(*parts) if None not in parts else None  # type: ignore[arg-type]


def _without_empty_end(cells: list[str], keep: int = 0) -> list[str]:
    """Spreadsheets fill up rows with empty cells; those beyond `keep` say nothing."""
    end = len(cells)
    while end > keep and not tidy(cells[end - 1]):
        end -= 1
    return cells[:end]


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(column.name for column in columns)
