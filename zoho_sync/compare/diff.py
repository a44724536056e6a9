"""Do our value and Zoho's say the same? By the type that the mapping tables give. Pure.

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
        if field.type in TEXTS:
            return _same_text(field, ours, theirs)
        if field.type is FieldType.STRUCTURE:
            return _alike(ours, theirs)
        form = FORMS[field.type]
        return form(ours) == form(theirs)
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
    if field.type is FieldType.PICKLIST and yours == NOTHING_PICKED:
        yours = ""
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


def instant(value: Any) -> datetime | None:
    """A point in time from Zoho's text, to the second, in UTC; None for nothing. Raises ValueError."""
    if not value:
        return None
    read = datetime.fromisoformat(str(value))
    return read.replace(microsecond=0).astimezone(UTC)


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


def _number(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value))


def _flag(value: Any) -> bool:
    """A box that was never ticked is not there at all."""
    return str(value).strip().lower() in ("true", "1")


def _day(value: Any) -> str:
    return str(value or "")[:10]


TEXTS = {FieldType.TEXT, FieldType.TEXT_AREA, FieldType.WEBSITE, FieldType.PICKLIST}
# The form in which two values of a type are equal when they say the same.
FORMS: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.AMOUNT: cents,
    FieldType.INTEGER: _number,
    FieldType.BOOLEAN: _flag,
    FieldType.DATE: _day,
    FieldType.INSTANT: instant,
}
