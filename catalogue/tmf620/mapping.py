"""What of a TMF620 offering a Product can hold. The rest of a draft stays as it was written, on the draft."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from catalogue.models import MarketSegment
from catalogue.product_import import values
from catalogue.product_import.columns import BY_PATH, Column
from catalogue.storefront.document import CURRENCY
from catalogue.tmf620.errors import InvalidBody
from catalogue.tmf620.matching import as_instant, found_at
from catalogue.tmf620.values import Document

# Characteristics, by the names under which specifications show them, and where a Product keeps them.
CHARACTERISTICS = {
    "technology": "technology",
    "provider": "provider",
    "downloadSpeed": "speed_down_mbps",
    "uploadSpeed": "speed_up_mbps",
    "dataLimit": "data_limit",
    "installationDays": "installation_days",
    "feature": "features",
    "zone": "zones",
}
LISTS = {"features", "zones"}
WHOLE_NUMBERS = {"speed_down_mbps", "speed_up_mbps", "installation_days"}
FIELDS = BY_PATH | {
    "description": Column("description", "description", values.text, "text of at most 2000 characters"),
    "features": replace(BY_PATH["features"], expected="texts of 1 to 200 characters"),
    "zones": replace(BY_PATH["zones"], expected="texts of 1 to 60 characters"),
}
Content = dict[str, Any]


def content_of(body: Document) -> Content:
    """What the body speaks of, by its path in `product_content`. Raises InvalidBody where the catalogue could not hold it."""
    content: Content = {}
    for name, read in READERS.items():
        if name in body:
            read(body[name], content)
    return content


def _fit(name: str, path: str, value: Any) -> Any:
    """The value, which the product's field takes. Raises InvalidBody saying what it takes."""
    wanted = int if path in WHOLE_NUMBERS else str
    try:
        if not all(isinstance(one, wanted) for one in (value if isinstance(value, list) else [value])):
            raise ValueError(value)
        FIELDS[path].check(value)
    except ValueError:
        raise InvalidBody(f"{name}: expects {FIELDS[path].expected}.") from None
    return value


def _read_validity(value: Document, content: Content) -> None:
    start, end = (as_instant(value.get(name) or "") for name in ("startDateTime", "endDateTime"))
    if start and end and end <= start:
        raise InvalidBody("validFor.endDateTime: must lie after startDateTime.")
    content |= {"valid_from": start, "valid_to": end}


def _read_category(value: list[Document], content: Content) -> None:
    name = next((item["name"] for item in value if isinstance(item.get("name"), str)), None)
    if name is not None:
        content["service_type"] = _fit("category.name", "service_type", name)


def _read_segment(value: list[Document], content: Content) -> None:
    for item in value:
        for told in (item.get("id"), item.get("name")):
            if isinstance(told, str) and told.lower() in MarketSegment.values:
                content["market_segment"] = told.lower()
                return


def _read_term(value: list[Document], content: Content) -> None:
    for item in value:
        duration = item.get("duration") or {}
        months = {"month": 1, "months": 1, "year": 12, "years": 12}.get(
            str(duration.get("units", "")).lower()
        )
        amount = duration.get("amount")
        if months and isinstance(amount, int) and 1 <= amount * months <= 120:
            content["contract_months"] = amount * months
            return


def _read_prices(value: list[Document], content: Content) -> None:
    for item in value:
        amount = _amount(item)
        if amount is None:
            continue
        if item.get("priceType") == "recurring":
            content["pricing.regular_price"] = amount
        elif item.get("priceType") == "oneTime" and "install" in str(item.get("name", "")).lower():
            # What a client writes is what is charged: a discount of ours does not outlive it.
            content |= {"pricing.installation_fee": amount, "pricing.discounted_installation_fee": None}


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
        path = CHARACTERISTICS.get(item.get("name", ""))
        given = list(found_at(item.get("productSpecCharacteristicValue", []), "value"))
        if path in LISTS:
            content[path] = _fit(item["name"], path, given)
        elif path and given:
            content[path] = _fit(item["name"], path, given[0])


# What of an offering is taken over; anything else stays on the draft.
READERS: dict[str, Callable[[Any, Content], None]] = {
    "name": lambda value, content: content.update(name=_fit("name", "name", value)),
    "description": lambda value, content: content.update(
        description=_fit("description", "description", value)
    ),
    "validFor": _read_validity,
    "category": _read_category,
    "marketSegment": _read_segment,
    "productOfferingTerm": _read_term,
    "productOfferingPrice": _read_prices,
    "prodSpecCharValueUse": _read_characteristics,
}
