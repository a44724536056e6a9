"""Is this value good for that field? Wrong types and too long texts are refused, never cut.

Zoho CRM API: "Insert Records" (field types), "Upsert Records" (INVALID_DATA and its details).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from typing import Any, NoReturn

from zoho_sync.sandbox.clock import crm_time, parse_time
from zoho_sync.sandbox.store import Document

from .envelope import ItemRefused, invalid_data

TEXT_TYPES = {"text", "textarea", "picklist", "phone", "website", "email", "profileimage"}
NUMBER_TYPES = {"double", "currency", "percent"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def accepted(field: Document, value: Any, path: str) -> Any:
    """The value as it is stored; None clears the field, and so does an empty text."""
    data_type = field["data_type"]
    if value is None or value == "":
        return None
    if data_type in TEXT_TYPES:
        return text(field, value, path)
    if data_type in NUMBER_TYPES:
        return number(field, value, path)
    if data_type in ("integer", "bigint"):
        return whole(field, value, path)
    if data_type == "boolean":
        return value if isinstance(value, bool) else refuse(field, path, "boolean")
    if data_type in ("date", "datetime"):
        return moment(field, value, path)
    if data_type == "multiselectpicklist":
        return value if isinstance(value, list) else refuse(field, path, "jsonarray")
    return reference(field, value, path)


def refuse(field: Document, path: str, expected: str) -> NoReturn:
    raise invalid_data(field["api_name"], path, expected_data_type=expected)


def too_long(field: Document, path: str) -> ItemRefused:
    return invalid_data(field["api_name"], path, maximum_length=field["length"])


def text(field: Document, value: Any, path: str) -> str:
    """A picklist takes values that are not on its list, as the API does."""
    if not isinstance(value, str):
        refuse(field, path, field["data_type"] if field["data_type"] == "email" else "text")
    if len(value) > field["length"]:
        raise too_long(field, path)
    if field["data_type"] == "email" and not EMAIL.fullmatch(value):
        refuse(field, path, "email")
    return value


def number(field: Document, value: Any, path: str) -> int | float:
    """`length` counts the digits before the point; those after it are rounded to the field's places."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        refuse(field, path, "double")
    amount = Decimal(str(value))
    if amount and amount.adjusted() + 1 > field["length"]:
        raise too_long(field, path)
    if field["decimal_place"] is None or isinstance(value, int):
        return value
    return float(amount.quantize(Decimal(1).scaleb(-field["decimal_place"]), rounding=ROUND_HALF_UP))


def whole(field: Document, value: Any, path: str) -> Any:
    """A long integer travels as a text of digits, an integer as a number."""
    if field["data_type"] == "bigint" and isinstance(value, str) and value.lstrip("-").isdecimal():
        digits = value
    elif isinstance(value, bool) or not isinstance(value, int):
        refuse(field, path, field["data_type"])
    else:
        digits = str(value)
    if len(digits.lstrip("-")) > field["length"]:
        raise too_long(field, path)
    return digits if field["data_type"] == "bigint" else value


def moment(field: Document, value: Any, path: str) -> str:
    if not isinstance(value, str):
        refuse(field, path, field["data_type"])
    if field["data_type"] == "datetime":
        instant = parse_time(value)
        return crm_time(instant) if instant else refuse(field, path, "datetime")
    try:
        return date.fromisoformat(value).isoformat() if len(value) == 10 else refuse(field, path, "date")
    except ValueError:
        return refuse(field, path, "date")


def reference(field: Document, value: Any, path: str) -> dict[str, Any]:
    """Another record: an object with its id, or the bare id."""
    if isinstance(value, str):
        value = {"id": value}
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        refuse(field, path, "jsonobject")
    return {"name": value.get("name"), "id": value["id"]}
