"""What of a TMF620 offering a Product can hold. The rest of a draft stays as it was written, on the draft."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from catalogue.models import MarketSegment, Product, ProductFeature, ProductPricing
from catalogue.tmf620.errors import InvalidBody
from catalogue.tmf620.matching import as_instant, found_at
from catalogue.tmf620.values import CURRENCY, Document

# Characteristics, by the names under which specifications show them, and where a Product keeps them.
CHARACTERISTICS = {
    "technology": "technology",
    "provider": "provider",
    "downloadSpeed": "speed_down_mbps",
    "uploadSpeed": "speed_up_mbps",
    "dataLimit": "data_limit",
    "installationDays": "installation_days",
}
WHOLE_NUMBERS = {
    "speed_down_mbps": (1_000_000, "whole Mbit/s, such as 100"),
    "speed_up_mbps": (1_000_000, "whole Mbit/s, such as 100"),
    "installation_days": (365, "whole days from 1 to 365"),
}
MAPPED = {
    "name",
    "description",
    "validFor",
    "category",
    "marketSegment",
    "productOfferingTerm",
    "productOfferingPrice",
    "prodSpecCharValueUse",
}


@dataclass
class Content:
    """Values by their field on Product and ProductPricing; `features` None leaves them as they are."""

    product: dict[str, Any] = field(default_factory=dict)
    pricing: dict[str, Any] = field(default_factory=dict)
    features: list[str] | None = None


def content_of(body: Document) -> Content:
    """Only what the body speaks of. Raises InvalidBody where the catalogue could not hold a value."""
    content = Content()
    readers: dict[str, Callable[[Any, Content], None]] = {
        "name": lambda value, c: c.product.update(name=_text("name", value)),
        "description": lambda value, c: c.product.update(description=_text("description", value)),
        "validFor": _read_validity,
        "category": lambda value, c: _read_first_name("category", value, "service_type", c),
        "marketSegment": _read_segment,
        "productOfferingTerm": _read_term,
        "productOfferingPrice": _read_prices,
        "prodSpecCharValueUse": _read_characteristics,
    }
    for name, read in readers.items():
        if name in body:
            read(body[name], content)
    return content


def apply(content: Content, product: Product) -> None:
    """Write it to the product, which is saved."""
    for name, value in content.product.items():
        setattr(product, name, value)
    product.save()
    if content.pricing and ("regular_price" in content.pricing or hasattr(product, "pricing")):
        ProductPricing.objects.update_or_create(product=product, defaults=content.pricing)
    if content.features is not None:
        product.features.all().delete()
        ProductFeature.objects.bulk_create(
            ProductFeature(product=product, position=i, text=text) for i, text in enumerate(content.features)
        )


def _longest(model: type[models.Model], field_name: str) -> int:
    return getattr(model._meta.get_field(field_name), "max_length", None) or 0


def _text(field_name: str, value: str) -> str:
    longest = _longest(Product, field_name)
    if len(value) > longest:
        raise InvalidBody(f"{field_name}: is longer than {longest} characters.")
    return value


def _read_validity(value: Document, content: Content) -> None:
    start, end = (_instant(value.get(name)) for name in ("startDateTime", "endDateTime"))
    if start and end and end <= start:
        raise InvalidBody("validFor.endDateTime: must lie after startDateTime.")
    content.product |= {"valid_from": start, "valid_to": end}


def _instant(text: str | None) -> datetime | None:
    return as_instant(text) if text else None


def _read_first_name(attribute: str, value: list[Document], field_name: str, content: Content) -> None:
    name = next((item["name"] for item in value if isinstance(item.get("name"), str)), None)
    if name is not None:
        longest = _longest(Product, field_name)
        if len(name) > longest:
            raise InvalidBody(f"{attribute}.name: is longer than {longest} characters.")
        content.product[field_name] = name


def _read_segment(value: list[Document], content: Content) -> None:
    for item in value:
        for told in (item.get("id"), item.get("name")):
            if isinstance(told, str) and told.lower() in MarketSegment.values:
                content.product["market_segment"] = told.lower()
                return


def _read_term(value: list[Document], content: Content) -> None:
    for item in value:
        duration = item.get("duration") or {}
        months = {"month": 1, "months": 1, "year": 12, "years": 12}.get(
            str(duration.get("units", "")).lower()
        )
        amount = duration.get("amount")
        if months and isinstance(amount, int) and 1 <= amount * months <= 120:
            content.product["contract_months"] = amount * months
            return


def _read_prices(value: list[Document], content: Content) -> None:
    for item in value:
        amount = _amount(item)
        if amount is None:
            continue
        if item.get("priceType") == "recurring":
            content.pricing["regular_price"] = amount
        elif item.get("priceType") == "oneTime" and "install" in str(item.get("name", "")).lower():
            # What a client writes is what is charged: a discount of ours does not outlive it.
            content.pricing |= {"installation_fee": amount, "discounted_installation_fee": None}


def _amount(price: Document) -> Decimal | None:
    """The amount with VAT, in rand; None when the price is only referred to or in another currency."""
    given = price.get("price")
    money = given.get("taxIncludedAmount", given) if isinstance(given, dict) else None
    if not isinstance(money, dict) or money.get("unit") != CURRENCY:
        return None
    value = money.get("value")
    if not isinstance(value, int | float) or not 0 <= value < 10**8:
        return None
    return Decimal(str(value)).quantize(Decimal("0.01"))


def _read_characteristics(value: list[Document], content: Content) -> None:
    for item in value:
        name, given = item.get("name"), list(_values(item))
        if name == "feature":
            content.features = [_feature(text) for text in given]
        elif name == "zone":
            content.product["zones"] = [_zone(text) for text in given]
        elif name in CHARACTERISTICS and given:
            field_name = CHARACTERISTICS[name]
            content.product[field_name] = _characteristic(name, field_name, given[0])


def _values(item: Document) -> Iterator[Any]:
    yield from found_at(item.get("productSpecCharacteristicValue", []), "value")


def _feature(text: Any) -> str:
    longest = _longest(ProductFeature, "text")
    if not isinstance(text, str) or not 0 < len(text) <= longest:
        raise InvalidBody(f"feature: expects texts of 1 to {longest} characters.")
    return text


def _zone(text: Any) -> str:
    parts: Any = Product._meta.get_field("zones")
    longest: int = parts.base_field.max_length
    if not isinstance(text, str) or not 0 < len(text) <= longest:
        raise InvalidBody(f"zone: expects texts of 1 to {longest} characters.")
    return text


def _characteristic(name: str, field_name: str, value: Any) -> Any:
    if field_name in WHOLE_NUMBERS:
        most, expected = WHOLE_NUMBERS[field_name]
        if not isinstance(value, int) or not 1 <= value <= most:
            raise InvalidBody(f"{name}: expects {expected}.")
        return value
    longest = _longest(Product, field_name)
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidBody(f"{name}: expects a text of at most {longest} characters.")
    return value
