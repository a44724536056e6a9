"""Do our value and Zoho's say the same? One comparator for each type in the mapping tables. Pure.

Nothing that a person would call the same may count as a difference: 899 and "899.00", one instant in two
zones, a line end or a trailing blank that Zoho drops, an empty text and no text, a text cut at Zoho's limit.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from zoho_sync.fields import Field, FieldType

CENT = Decimal("0.01")
# What Zoho's pick lists say where nothing was picked.
NOTHING_PICKED = "-None-"
# Values that the mapping adds to a payload beside its table: text by label, made by hand in Billing.
CUSTOM_FIELDS = Field("custom_fields", "custom fields", lambda facts: None, FieldType.STRUCTURE)


@dataclass(frozen=True)
class Difference:
    """One field of which Zoho says something else. Values as they came, fit to be shown."""

    field: Field
    ours: Any
    theirs: Any


def differences(
    table: Sequence[Field], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> list[Difference]:
    """Every field of ours in `table` that differs. What Zoho's answer leaves out (lists are thin) is not compared."""
    return [
        Difference(field, ours[field.name], theirs[field.name])
        for field in (*table, CUSTOM_FIELDS)
        if field.name in ours
        and field.name in theirs
        and ours[field.name] != theirs[field.name]
        and not same(field, ours[field.name], theirs[field.name])
    ]


def in_our_form(table: Sequence[Field], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """`theirs` as a payload of ours: our value where both say the same, Zoho's where they differ.

    What `theirs` leaves out is not in it.
    """
    told = {name: value for name, value in ours.items() if name in theirs}
    return told | {each.field.name: each.theirs for each in differences(table, ours, theirs)}


def same(field: Field, ours: Any, theirs: Any) -> bool:
    """Whether both say the same in a field of this type. Never raises: what cannot be read differs."""
    try:
        return COMPARATORS[field.type](field, ours, theirs)
    except (ArithmeticError, ValueError, TypeError):
        return False


def normal(value: Any) -> str:
    """A text as it is compared: composed, one kind of line end, no blanks at the end of lines or around it."""
    if value is None:
        return ""
    # A second carriage return is what a system leaves that makes line ends of what has some already.
    text = re.sub(r"\r*\n|\r", "\n", unicodedata.normalize("NFC", str(value)))
    return re.sub(r"[^\S\n]+(?=\n|\Z)", "", text).strip()


def cents(value: Any) -> Decimal | None:
    """An amount to the cent, half up; None for nothing. Raises ArithmeticError for what is no amount."""
    if value is None or value == "":
        return None
    return Decimal(str(value)).quantize(CENT, ROUND_HALF_UP)


def _same_text(field: Field, ours: Any, theirs: Any) -> bool:
    mine, yours = normal(ours), normal(theirs)
    if mine == yours or field.length is None or ours is None:
        return mine == yours
    # Zoho may cut what it was sent as it came, leading blanks counted, or after it took them off.
    return yours in _cut(str(ours), field.length) | _cut(mine, field.length)


def _cut(text: str, length: int) -> set[str]:
    """The text as Zoho may have cut it: by characters or by UTF-16 units. Empty when it fits."""
    units = text.encode("utf-16-le")
    if len(units) // 2 <= length:
        return set()
    return {normal(text[:length]), normal(units[: 2 * length].decode("utf-16-le", "ignore"))}


def _same_choice(field: Field, ours: Any, theirs: Any) -> bool:
    mine, yours = normal(ours), normal(theirs)
    yours = "" if yours == NOTHING_PICKED else yours
    return _same_text(field, mine, yours)


def _same_amount(_field: Field, ours: Any, theirs: Any) -> bool:
    return cents(ours) == cents(theirs)


def _same_number(_field: Field, ours: Any, theirs: Any) -> bool:
    mine, yours = (None if value in (None, "") else Decimal(str(value)) for value in (ours, theirs))
    return mine == yours


def _same_flag(_field: Field, ours: Any, theirs: Any) -> bool:
    # A box that was never ticked is not there at all.
    return _flag(ours) == _flag(theirs)


def _flag(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1")


def _same_date(_field: Field, ours: Any, theirs: Any) -> bool:
    return str(ours or "")[:10] == str(theirs or "")[:10]


def _same_instant(_field: Field, ours: Any, theirs: Any) -> bool:
    return instant(ours) == instant(theirs)


def instant(value: Any) -> datetime | None:
    """A point in time from Zoho's text, to the second, in UTC; None for nothing. Raises ValueError."""
    if not value:
        return None
    read = datetime.fromisoformat(str(value))
    return read.replace(microsecond=0).astimezone(UTC)


def _same_structure(_field: Field, ours: Any, theirs: Any) -> bool:
    return _alike(ours, theirs)


def _alike(ours: Any, theirs: Any) -> bool:
    """Only what we say is looked for: Zoho adds names and ids of its own to whatever is nested."""
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(_alike(ours[name], theirs.get(name)) for name in ours)
    if isinstance(ours, list | tuple):
        if not isinstance(theirs, list | tuple) or len(theirs) < len(ours):
            return not ours and theirs in (None, "")
        labelled = all(isinstance(item, Mapping) and "label" in item for item in (*ours, *theirs))
        if not labelled and len(theirs) != len(ours):
            return False
        return all(any(_alike(item, other) for other in theirs) for item in ours)
    if ours == theirs or normal(ours) == normal(theirs):
        return True
    try:
        return cents(ours) == cents(theirs)
    except ArithmeticError:
        return False


COMPARATORS: dict[FieldType, Callable[[Field, Any, Any], bool]] = {
    FieldType.TEXT: _same_text,
    FieldType.TEXT_AREA: _same_text,
    FieldType.WEBSITE: _same_text,
    FieldType.PICKLIST: _same_choice,
    FieldType.AMOUNT: _same_amount,
    FieldType.INTEGER: _same_number,
    FieldType.BOOLEAN: _same_flag,
    FieldType.DATE: _same_date,
    FieldType.INSTANT: _same_instant,
    FieldType.STRUCTURE: _same_structure,
}
