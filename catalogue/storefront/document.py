"""The public document of a package. Its fields are chosen here one by one; a new column shows nothing."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from catalogue.models import PackageContent, excluding_vat

CURRENCY = "ZAR"
# Raise it with every change to what `document` makes: older documents are then built anew, and caches let go.
SHAPE = 1

Document = dict[str, Any]

# In the order in which they are shown. What `_Builder` does not make is shown as the package has it.
PUBLIC_FIELDS = (
    "id",
    "sku",
    "slug",
    "name",
    "service_type",
    "category",
    "technology",
    "market_segment",
    "provider",
    "speed_down_mbps",
    "speed_up_mbps",
    "data_limit",
    "contract_months",
    "description",
    "features",
    "add_ons",
    "bundle",
    "hardware",
    "price",
    "promotion",
    "installation_fee",
    "discounted_installation_fee",
    "installation_days",
    "zones",
    "featured",
    "popular",
    "currency",
    "valid_from",
    "valid_to",
)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def document(package: PackageContent, at: datetime, vat_rate: Decimal) -> Document:
    """What a customer who signs up at `at` is told, with that VAT rate. docs/storefront-api.md defines each field."""
    return _Builder(vat_rate).document(package, package.promotion_price_at(at))


def variants(package: PackageContent, vat_rate: Decimal) -> tuple[str, str | None]:
    """The document as JSON while its promotion is not offered and while it is; None when it never will be."""
    builder, promotion = _Builder(vat_rate), package.promotion_price
    plain = as_json(builder.document(package, None))
    if promotion is None or promotion >= package.current_price:
        return plain, None
    return plain, as_json(builder.document(package, promotion))


def amount(including: Decimal, vat_rate: Decimal) -> dict[str, str]:
    """An amount in rand in three parts that always add up, as texts with two decimals."""
    excluding = excluding_vat(including, vat_rate)
    return {
        "including_vat": f"{including:.2f}",
        "vat": f"{including - excluding:.2f}",
        "excluding_vat": f"{excluding:.2f}",
    }


def instant(value: datetime | None) -> str | None:
    """With the offset of South Africa."""
    if value is None:
        return None
    return timezone.localtime(value, timezone.get_default_timezone()).isoformat()


def civil_day(at: datetime) -> date:
    """Which day it is in South Africa then."""
    return timezone.localdate(at, timezone.get_default_timezone())


def midnight(day: date, days: int = 0) -> datetime:
    """The first instant of that day, or of one so many days later, in South Africa."""
    return datetime.combine(day + timedelta(days), time(), timezone.get_default_timezone())


class _Builder:
    def __init__(self, vat_rate: Decimal) -> None:
        self.vat_rate = vat_rate

    def document(self, package: PackageContent, promotion: Decimal | None) -> Document:
        made = {
            "id": str(package.package_uuid),
            "add_ons": [self._add_on(each) for each in package.add_ons],
            "bundle": self._bundle(package),
            "hardware": self._hardware(package),
            "price": self._amount(package.current_price),
            "promotion": self._promotion(package, promotion),
            "installation_fee": self._amount(package.installation_fee),
            "discounted_installation_fee": self._amount(package.discounted_installation_fee),
            "currency": CURRENCY,
            "valid_from": instant(package.valid_from),
            "valid_to": instant(package.sale_ends),
        }
        return {name: made[name] if name in made else getattr(package, name) for name in PUBLIC_FIELDS}

    def _amount(self, including: Any) -> dict[str, str] | None:
        return None if including is None else amount(Decimal(including), self.vat_rate)

    def _add_on(self, add_on: dict[str, Any]) -> Document:
        return {
            "name": add_on["name"],
            "price": self._amount(add_on["price"]),
            "recurring": add_on["recurring"],
            "categories": add_on.get("categories", []),
        }

    def _bundle(self, package: PackageContent) -> Document | None:
        if not package.components:
            return None
        components = [
            {
                "sku": each["sku"],
                "name": each["name"],
                "quantity": each["quantity"],
                "price": self._amount(each["price"]),
            }
            for each in package.components
        ]
        return {
            "components": components,
            "separate_price": self._amount(package.separate_price),
            "savings": self._amount(package.savings),
        }

    def _hardware(self, package: PackageContent) -> Document | None:
        if not package.hardware_model:
            return None
        return {
            "model": package.hardware_model,
            "included": package.hardware_included,
            "price": self._amount(package.hardware_price),
        }

    def _promotion(self, package: PackageContent, price: Decimal | None) -> Document | None:
        if price is None:
            return None
        until = package.promotion_to
        return {
            "price": self._amount(price),
            "months": package.promotion_months,
            "until": until and until.isoformat(),
        }
