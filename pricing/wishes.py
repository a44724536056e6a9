"""What a person asks for in a draft, how it gets into one, and how the audit trail shows it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from circletel.core.errors import NotReady
from pricing.models import PriceChange


@dataclass(frozen=True)
class Wish:
    """What a person asks for in a draft. `effective_date` may wait until publication."""

    new_price: Decimal
    reason: str
    effective_date: date | None = None
    customer_message: str = ""
    notes: str = ""


def fill_in(change: PriceChange, wish: Wish) -> None:
    """Take the wish over. Raises NotReady with everything that is wrong with it."""
    change.old_price = change.package.price
    for name in ("new_price", "effective_date"):
        setattr(change, name, getattr(wish, name))
    for name in ("reason", "customer_message", "notes"):
        setattr(change, name, getattr(wish, name).strip())
    try:
        change.clean_fields(exclude=["package", "created_by", "changed_by"])
        change.validate_constraints()
    except ValidationError as error:
        raise NotReady(*_sentences(error)) from None


def _sentences(error: ValidationError) -> list[str]:
    return [
        text if field == "__all__" else f"{field.replace('_', ' ')}: {text}"
        for field, texts in error.message_dict.items()
        for text in texts
    ]


def content_of(change: PriceChange) -> dict[str, Any]:
    names = ("new_price", "effective_date", "reason", "customer_message", "notes")
    return {name: _plain(getattr(change, name)) for name in names}


def wish_shown(before: dict[str, Any], wish: Wish) -> dict[str, list[Any]]:
    """{field: [before, after]} of what the wish changes; nothing and empty text are the same."""
    after = {name: _plain(value) for name, value in vars(wish).items()}
    return {
        name: [before.get(name), value]
        for name, value in after.items()
        if (value or "") != (before.get(name) or "")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value
