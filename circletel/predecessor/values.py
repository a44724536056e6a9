"""Single values of the predecessor's rows. Each function raises ValueError with words for the person who reads it."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from catalogue.legacy.cells import CIVIL

_MOST = Decimal("99999999.99")


def identity(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise ValueError(f"id: {value!r} is no UUID, and ids are kept") from None


def instant(name: str, value: Any) -> datetime | None:
    """An instant; without a zone it is UTC, as the predecessor's server wrote it."""
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name}: {value!r} is no instant") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day(name: str, value: Any) -> date | None:
    """A civil day of South Africa."""
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name}: {value!r} is no day") from None
    return (found.astimezone(CIVIL) if found.tzinfo else found).date()


def rand(name: str, value: Any) -> Decimal:
    """An amount above 0 without parts of a cent."""
    try:
        amount = Decimal(str(value))
        cents = amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        raise ValueError(f"{name}: {value!r} is no amount") from None
    if not 0 < amount <= _MOST:
        raise ValueError(f"{name}: R {value} is not above 0 and at most R {_MOST}")
    if cents != amount:
        raise ValueError(f"{name}: R {value} has parts of a cent")
    return cents


def text(value: Any) -> str:
    return "" if value is None else str(value).strip()
