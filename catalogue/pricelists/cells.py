"""What one cell says. A reader raises BadCell, whose text says what was expected."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from catalogue.models.vat import CENT
from catalogue.product_import import values
from catalogue.product_import.parsing import fit_to_show

AMOUNT = "an amount in rand, such as 1299 or R1,299.00"
MOST = Decimal("99999999.99")
# Spreadsheets compute in binary: 264.99999999999994 is R 265.00, but 264.995 is an amount nobody can pay.
NOISE = Decimal("0.000001")
NOTHING = {"", "-", "–", "r -", "r-", "none", "n/a", "na", "nil"}
_ZERO = re.compile(r"0+(?:\.0+)?\s*(?:min|mins|minutes|sms|kb|mb|gb|tb)?", re.IGNORECASE)
_MONTHS = re.compile(r"(\d{1,3})\s*-?\s*(?:m|mth|mths|months?)?(?:\s+contract)?", re.IGNORECASE)
_FEE = re.compile(
    r"(.*?\d)\s*(?:upfront|install(?:ation)?|once[- ]?off|\([^)]*\))?\s*(?:\([^)]*\))?", re.IGNORECASE
)
_SPEED = re.compile(r"(\d{1,6})(?:\s*/\s*(\d{1,6}))?\s*(?:mbps|mbit/s|mb/s)?", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T]00:00(?::00)?)?")
_NUMERIC = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{2}|\d{4})(?:[ T]00:00(?::00)?)?")
_NAMED = re.compile(r"(\d{1,2})[ -]([a-z]{3,9})[ ,-]+(\d{4})", re.IGNORECASE)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class BadCell(ValueError):
    """`str()` names what was found and what was expected."""

    def __init__(self, cell: Any, expected: str) -> None:
        found = f"“{fit_to_show(text(cell))}”" if text(cell) else "empty"
        super().__init__(f"{found}, expected {expected}")


@dataclass(frozen=True, slots=True)
class TextDate:
    """A date typed as text, with both ways to read it; None where one makes no date."""

    shown: str
    month_first: date | None
    day_first: date | None

    @property
    def may_mean_two(self) -> bool:
        return None not in (self.month_first, self.day_first) and self.month_first != self.day_first

    def in_order(self, *, month_first: bool) -> date | None:
        return self.month_first if month_first else self.day_first


def text(cell: Any) -> str:
    """The cell as a person sees it, tidied: 24.0 as 24, a date as 2025-02-01."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ")
    return _tidied(cell if isinstance(cell, str) else str(cell))[0]


@lru_cache(maxsize=20_000)
def _tidied(cell: str) -> tuple[str, bool]:
    """The text tidied, and whether it holds control characters. A list says the same words in thousands of cells."""
    return values.tidy(cell), values.holds_control_characters(cell)


def words(cell: Any, longest: int) -> str:
    """Text that may be kept; "" when the cell says there is nothing."""
    said = text(cell)
    if isinstance(cell, str) and _tidied(cell)[1]:
        raise BadCell(cell, "text without control characters")
    if len(said) > longest:
        raise BadCell(cell, f"at most {longest} characters, not {len(said)}")
    return "" if is_nothing(said) else said


def is_nothing(said: str) -> bool:
    """Empty, a dash, None, or a quantity of zero such as 0min."""
    return said.casefold() in NOTHING or _ZERO.fullmatch(said) is not None


def amount(cell: Any, *, refuse_text: bool) -> Decimal | None:
    """An amount as it stands, unrounded; None when the cell is empty. Never negative."""
    if isinstance(cell, str):
        said = text(cell)
        if said.casefold() in NOTHING:
            return None
        if refuse_text:
            raise BadCell(cell, f"{AMOUNT}, as a number and not as text")
        try:
            found = values.amount(said)
        except ValueError:
            raise BadCell(cell, AMOUNT) from None
    else:
        found = _number(cell, AMOUNT)
    if not 0 <= found <= MOST:
        raise BadCell(cell, f"{AMOUNT}; at least 0 and at most {MOST}")
    return found


def cents(cell: Any, found: Decimal) -> Decimal:
    """`found` to the cent; refused when it has more than two decimals."""
    rounded = found.quantize(CENT)
    if abs(rounded - found) > NOISE:
        raise BadCell(cell, f"{AMOUNT}, with at most two decimals")
    return rounded


def fee(cell: Any, *, refuse_text: bool) -> Decimal | None:
    """An amount that people comment on: `R900 upfront`, `R450 (50% off)`, `FREE installation`."""
    if isinstance(cell, str) and not refuse_text:
        said = text(cell)
        if said.casefold().startswith("free"):
            return Decimal("0.00")
        if match := _FEE.fullmatch(said):
            return amount(match[1], refuse_text=False)
    return amount(cell, refuse_text=refuse_text)


def months(cell: Any, *, refuse_text: bool) -> int:
    """A contract term from 1 to 120 months; month to month is 1."""
    expected = "a contract term in whole months, from 1 to 120"
    if isinstance(cell, str):
        said = text(cell)
        if said and refuse_text:
            raise BadCell(cell, f"{expected}, as a number and not as text")
        if said.casefold().replace("-", " ") == "month to month":
            return 1
        match = _MONTHS.fullmatch(said.removesuffix(".0"))
        found = int(match[1]) if match else 0
    else:
        number = _number(cell, expected)
        found = int(number) if number == number.to_integral_value() else 0
    if not 1 <= found <= 120:
        raise BadCell(cell, expected)
    return found


def speed(cell: Any) -> tuple[int | None, int | None]:
    """Down and up in Mbit/s from `50/20 Mbps` or `35 Mbps`; nothing where none is promised."""
    said = text(cell)
    if said.casefold() in NOTHING:
        return None, None
    match = _SPEED.fullmatch(said)
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise BadCell(cell, "a speed such as 50/20 Mbps or 35 Mbps, or empty")
    return int(match[1]), int(match[2]) if match[2] else None


def quantity(cell: Any) -> int | str:
    """How many: 500 from `500min`; words such as Unlimited stay words; 0 for nothing."""
    said = text(cell)
    if is_nothing(said):
        return 0
    match = re.match(r"(\d{1,9})(?:\.0+)?\s*(?:min|mins|minutes|sms|smses)?$", said, re.IGNORECASE)
    return int(match[1]) if match else words(cell, 100)


def data_limit(cell: Any) -> str:
    """`0.0GB + 1TB` as `1TB`, `60.0GB` as `60GB`; "" when no data is included."""
    parts = (re.sub(r"(\d)\.0+(?=\s*[KMGT]B)", r"\1", part) for part in text(cell).split(" + "))
    return words(" + ".join(part for part in parts if not is_nothing(part)), 60)


def day(cell: Any) -> date | TextDate | None:
    """A civil day; a date typed in numbers comes back undecided between its two orders. Empty is None."""
    expected = "a date such as 2025-11-07"
    if isinstance(cell, datetime):
        found: date | TextDate | None = cell.date()
    elif isinstance(cell, date):
        found = cell
    elif isinstance(cell, str):
        said = text(cell)
        found = None if said.casefold() in NOTHING else _typed_day(said)
        if found is None and said.casefold() not in NOTHING:
            raise BadCell(cell, expected)
    else:
        raise BadCell(cell, f"{expected}, not a number: format the cell as a date")
    if isinstance(found, date) and not 2000 <= found.year <= 2100:
        raise BadCell(cell, f"{expected}, between the years 2000 and 2100")
    return found


def _typed_day(said: str) -> date | TextDate | None:
    if match := _ISO.fullmatch(said):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if (match := _NAMED.fullmatch(said)) and match[2][:3].lower() in _NAMES:
        return _date(int(match[3]), _NAMES.index(match[2][:3].lower()) + 1, int(match[1]))
    match = _NUMERIC.fullmatch(said)
    if match is None or len(match[3]) != 4:
        return None
    first, second, year = int(match[1]), int(match[2]), int(match[3])
    month_first, day_first = _date(year, first, second), _date(year, second, first)
    if month_first is None and day_first is None:
        return None
    return TextDate(said, month_first, day_first)


def _date(year: int, month: int, day_: int) -> date | None:
    try:
        return date(year, month, day_)
    except ValueError:
        return None


def _number(cell: Any, expected: str) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise BadCell(cell, expected)
    try:
        # Through its shortest text, so that 520.87 is not 520.870000000000004547.
        number = Decimal(repr(cell))
    except InvalidOperation:
        raise BadCell(cell, expected) from None
    if not number.is_finite():
        raise BadCell(cell, expected)
    return number
