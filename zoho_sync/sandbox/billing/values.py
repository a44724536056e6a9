"""Reading request bodies: each family lists what it takes, and everything else is passed over.

So `status` or `currency_code` in the body of a plan changes nothing, without a word about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from typing import Any

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from .envelope import NO_SUCH_CUSTOM_FIELD, TOO_LONG, invalid, refusal


@dataclass(frozen=True)
class Field:
    """One key of a request. `default` is what an unset one comes back as."""

    name: str
    read: Callable[[Any], Any]
    default: Any = ""
    most: int | None = None
    required: bool = False


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def number(value: Any) -> float | int:
    """An amount, not below zero, in cents at the finest."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise ValueError
    return (
        value
        if isinstance(value, int)
        else float(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))
    )


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def positive(value: Any) -> int:
    return whole(value) or fail()


def fail() -> Any:
    raise ValueError


def flag(value: Any) -> bool:
    return value if isinstance(value, bool) else fail()


def one_of(*allowed: str) -> Callable[[Any], str]:
    return lambda value: value if value in allowed else fail()


def objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError
    return value


def code(value: Any) -> str:
    """A plan or add-on code: no blanks in it. Zoho Billing help: "Creating plans"."""
    return value if isinstance(value, str) and value and not any(c.isspace() for c in value) else fail()


def read(body: Document, fields: tuple[Field, ...]) -> Document:
    """The values of the fields that were sent. What is required has to be there, on every call."""
    values = {}
    for field in fields:
        if field.name not in body:
            if field.required:
                raise invalid(field.name)
            continue
        try:
            value = field.read(body[field.name])
        except ValueError:
            raise invalid(field.name) from None
        if field.required and value == "":
            raise invalid(field.name)
        if field.most is not None and len(value) > field.most:
            raise refusal(
                TOO_LONG, f"Please ensure that the {field.name} has less than {field.most + 1} characters."
            )
        values[field.name] = value
    return values


def blank(fields: tuple[Field, ...]) -> Document:
    """What a record holds before anything was said about it."""
    return {field.name: field.default for field in fields}


def check_tax(state: State, values: Document) -> None:
    """The tax must exist; no tax is an empty id."""
    if values.get("tax_id") and state.billing_taxes.get(values["tax_id"]) is None:
        raise invalid("tax_id")


def tax_told(state: State, tax_id: str) -> Document:
    """What records say about their tax beside its id."""
    tax = state.billing_taxes.get(tax_id) if tax_id else None
    names = ("tax_name", "tax_percentage", "tax_type")
    return {name: tax[name] if tax else "" for name in names}


def custom_values(state: State, entity: str, kept: Document, sent: list[Document]) -> Document:
    """The custom values by field id: those kept, and over them those sent. Fields have to be defined before."""
    known = {str(field["label"]): field for field in state.billing_custom_fields.having("entity", entity)}
    values = dict(kept)
    for each in sent:
        field = known.get(str(each.get("label")))
        if field is None:
            raise refusal(NO_SUCH_CUSTOM_FIELD, f"Invalid value passed for custom field: {each.get('label')}")
        values[field["customfield_id"]] = each.get("value", "")
    return values


def custom_fields_told(state: State, entity: str, values: Document) -> list[Document]:
    """The custom fields that have a value, as answers list them."""
    told = []
    for index, field in enumerate(state.billing_custom_fields.having("entity", entity), start=1):
        value = values.get(field["customfield_id"], "")
        if value != "":
            told.append(
                {
                    "customfield_id": field["customfield_id"],
                    "label": field["label"],
                    "placeholder": "cf_" + field["label"].lower().replace(" ", "_"),
                    "data_type": "string",
                    "index": index,
                    "is_active": True,
                    "show_on_pdf": False,
                    "show_in_all_pdf": False,
                    "value": value,
                    "value_formatted": str(value),
                }
            )
    return told
