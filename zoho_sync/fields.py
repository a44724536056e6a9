"""The rows that a mapping table is made of, and what follows from a table: payload, validation, wire form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.utils import timezone

from catalogue.models import ServicePackage, excluding_vat

# What needs no other form. Most values are of these types, and a catalogue has millions of them.
PLAIN = frozenset({str, int, bool})


class FieldType(Enum):
    """What Zoho holds in the field. The value is Zoho CRM's `data_type`."""

    TEXT = "text"
    TEXT_AREA = "textarea"
    INTEGER = "integer"
    AMOUNT = "currency"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "datetime"
    PICKLIST = "picklist"
    WEBSITE = "website"
    STRUCTURE = "structure"


class Drift(Enum):
    """What becomes of a value that somebody changed in Zoho. A setting may say otherwise for a field."""

    ASK = "ask"
    HEAL = "heal"
    REPORT = "report"


@dataclass(frozen=True)
class Terms:
    """What a payload depends on beside the package: the VAT rate and the settings of this installation."""

    vat_rate: Decimal
    prices_include_vat: bool = True
    crm_prefix: str = "ct_"
    billing_custom_fields: frozenset[str] = frozenset()
    crm_costs: bool = False
    base_url: str = ""
    """Where people reach this installation, without a slash at the end; empty when nobody said."""

    def amount(self, including_vat: Decimal) -> Decimal:
        """An amount as Zoho is to hold it: as quoted, or without VAT where the organisation adds it."""
        return including_vat if self.prices_include_vat else excluding_vat(including_vat, self.vat_rate)


@dataclass(frozen=True)
class Facts:
    """One package with the terms it is described under: what every row of a mapping reads."""

    package: ServicePackage
    terms: Terms
    key: str

    def amount(self, including_vat: Decimal | None) -> Decimal | None:
        return None if including_vat is None else self.terms.amount(including_vat)


@dataclass(frozen=True)
class Field:
    """One row: our value on the left, Zoho's field on the right, and the rules between them."""

    name: str
    source: str
    value: Callable[[Facts], Any]
    type: FieldType = FieldType.TEXT
    length: int | None = None
    required: bool = False
    unique: bool = False
    custom: bool = False
    drift: Drift = Drift.ASK
    adopts: str = ""
    """The product's own field that a value typed in Zoho may become, as a draft; empty where it cannot."""

    def problem(self, value: Any) -> str | None:
        """Why Zoho would refuse `value` here, in plain words; None when it would not."""
        if value is None or value == "":
            return f"{self.name} is required and empty: fill in {self.source}" if self.required else None
        if self.length is not None and isinstance(value, str) and len(value) > self.length:
            return f"{self.name} holds {self.length} characters, {self.source} has {len(value)}"
        return None


def payload(table: Iterable[Field], facts: Facts) -> dict[str, Any]:
    """What the record ought to say: {field: value}, in plain JSON values, amounts and dates as text."""
    return {field.name: plain(field.value(facts)) for field in table}


def problems(table: Iterable[Field], values: Mapping[str, Any]) -> list[str]:
    """Every reason why Zoho would refuse `values`; empty when it would take them."""
    found = (field.problem(values.get(field.name)) for field in table)
    return [problem for problem in found if problem]


def wire(table: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` as they travel: amounts as JSON numbers, also the prices inside structures."""
    types = {field.name: field.type for field in table}
    return {name: _on_the_wire(types.get(name), value) for name, value in values.items()}


def plain(value: Any) -> Any:
    """A value as it is hashed, stored and compared: two decimals, civil dates, instants with their offset."""
    if value is None or type(value) in PLAIN:
        return value
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        # Seconds and an offset, as CRM writes them; South Africa's, so that a reader sees local time.
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _on_the_wire(type: FieldType | None, value: Any) -> Any:
    if type is FieldType.AMOUNT and isinstance(value, str):
        # Two decimals survive a JSON number exactly: 899.99 is written as 899.99.
        return float(Decimal(value))
    if type is FieldType.STRUCTURE and isinstance(value, list):
        return [
            {key: float(item) if key == "price" else item for key, item in part.items()} for part in value
        ]
    return value
