"""A price held for a while: what a customer was quoted, signed, so that a later order can be held to it.

Nothing is stored. The token says which price of which package, and until when; whoever has it can have it checked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from uuid import UUID

from django.core import signing

from catalogue.models import ServicePackage, vat_rate_at
from circletel.core.rest.problems import Problem
from pricing.models import PriceChange, PriceChangeStatus
from pricing.rule import price_for_customer

SALT = "pricing.price_lock"
LOCK_LASTS = timedelta(minutes=60)


class LockRefused(Problem):
    """A token that holds no price; the text is fit for people."""


class Forged(LockRefused):
    status_code = HTTPStatus.BAD_REQUEST
    type = "urn:circletel:problem:price-lock-forged"
    title = "The token was not given out here"


class Expired(LockRefused):
    status_code = HTTPStatus.GONE
    type = "urn:circletel:problem:price-lock-expired"
    title = "The price is not held any more"


class Withdrawn(LockRefused):
    """The price was taken back, or the package is not on sale any more."""

    status_code = HTTPStatus.CONFLICT
    type = "urn:circletel:problem:price-lock-withdrawn"
    title = "The price was withdrawn"


@dataclass(frozen=True)
class PriceLock:
    """`price` is rand a month with VAT; `version` is which price of the package it is."""

    package_id: UUID
    version: int
    price: Decimal
    vat_rate: Decimal
    expires_at: datetime

    @property
    def token(self) -> str:
        told = [str(self.package_id), self.version, f"{self.price:.2f}", str(self.vat_rate)]
        return signing.dumps([*told, int(self.expires_at.timestamp())], salt=SALT)


def lock_price(package: ServicePackage, now: datetime) -> PriceLock:
    """What who signs up now pays, held for LOCK_LASTS. Raises NoPrice and NoVatRate."""
    quoted = price_for_customer(package, now, now)
    until = now.replace(microsecond=0) + LOCK_LASTS
    return PriceLock(package.pk, quoted.version, quoted.including_vat, vat_rate_at(now), until)


def verified(token: str, now: datetime) -> PriceLock:
    """What the token holds. Raises Forged, Expired or Withdrawn.

    A later price does not touch it: that is what it is for. A price taken back, by cancelling its change, does.
    """
    lock = _read(token)
    if now >= lock.expires_at:
        raise Expired(f"This price was held until {lock.expires_at:%-d %b %Y %H:%M} UTC: ask for a new one.")
    package = ServicePackage.objects.filter(pk=lock.package_id).first()
    if package is None or not package.is_on_sale(now):
        raise Withdrawn("The package is not on sale any more.")
    cancelled = PriceChange.objects.filter(
        package=package, version=lock.version, status=PriceChangeStatus.CANCELLED
    )
    if cancelled.exists():
        raise Withdrawn(f"The price of R {lock.price} was withdrawn: ask for the present one.")
    return lock


def _read(token: str) -> PriceLock:
    try:
        package_id, version, price, vat_rate, expires = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise Forged("This token was not given out here, or was changed since.") from error
    return PriceLock(
        UUID(package_id), version, Decimal(price), Decimal(vat_rate), datetime.fromtimestamp(expires, UTC)
    )
