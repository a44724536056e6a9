"""Reading one cell. A reader takes tidied, non-empty text, and raises ValueError at what cannot be meant."""

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from catalogue.models import MarketSegment

Reader = Callable[[str], Any]

MOST_FEATURES = 50

# Pasted along from web pages and mail; nobody sees them, and a SKU or provider with one would be another SKU.
_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)

# A comma before exactly three digits can only be thousands, for money has at most two decimals. The same dot
# is refused: nobody here writes 1.299 for 1299, but a spreadsheet does write 899.125 for an unrounded 899.13.
_AMOUNT = re.compile(
    r"""(?:R|ZAR)?\ ?(?:
        (?P<plain>[0-9]+) (?:[.,](?P<plain_cents>[0-9]{1,2}))?
      | (?P<spaced>[0-9]{1,3}(?:\ [0-9]{3})+) (?:[.,](?P<spaced_cents>[0-9]{1,2}))?
      | (?P<english>[0-9]{1,3}(?:,[0-9]{3})+) (?:\.(?P<english_cents>[0-9]{1,2}))?
      | (?P<dotted>[0-9]{1,3}(?:\.[0-9]{3})+) ,(?P<dotted_cents>[0-9]{1,2})
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# Spreadsheets write 100.0 for 100. Three zeros would be a thousand to some, so they are refused.
_WHOLE = re.compile(r"([0-9]{1,10})(?:[.,]0{1,2})?")
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


def tidy(cell: str) -> str:
    """`cell` with every run of white space as one blank, and none around it; invisible marks are dropped."""
    return re.sub(r"\s+", " ", cell.translate(_INVISIBLE)).strip()


def holds_control_characters(cell: str) -> bool:
    return any(unicodedata.category(character) == "Cc" and character not in "\t\r\n" for character in cell)


def text(cell: str) -> str:
    return cell


def amount(cell: str) -> Decimal:
    """1299, 1299.5, 1 299,00, 1,299.00 or 1.299,00, with or without R. No sign, exponent or third decimal."""
    match = _AMOUNT.fullmatch(cell)
    if match is None:
        raise ValueError(cell)
    found = {name: part for name, part in match.groupdict().items() if part is not None}
    cents = next((part for name, part in found.items() if name.endswith("_cents")), "00")
    rand = next(part for name, part in found.items() if not name.endswith("_cents"))
    return Decimal(f"{re.sub('[^0-9]', '', rand)}.{cents:0<2}")


def price(cell: str) -> Decimal:
    if (value := amount(cell)) == 0:
        raise ValueError(cell)
    return value


def whole_number(cell: str) -> int:
    match = _WHOLE.fullmatch(cell)
    if match is None:
        raise ValueError(cell)
    return int(match[1])


def yes_or_no(cell: str) -> bool:
    if cell.casefold() not in _YES | _NO:
        raise ValueError(cell)
    return cell.casefold() in _YES


def segment(cell: str) -> str:
    known = {name.casefold(): value for value, label in MarketSegment.choices for name in (value, str(label))}
    if cell.casefold() not in known:
        raise ValueError(cell)
    return known[cell.casefold()]


def features(cell: str) -> list[str]:
    found = [feature for part in cell.split("|") if (feature := part.strip())]
    if len(found) > MOST_FEATURES:
        raise ValueError(cell)
    return found
