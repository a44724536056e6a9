"""How the catalogue reads in TMF620. Pure: a package goes in, documents come out, no query is made.

A package is an offering and the specification behind it, both under the package's id; its prices are resources
of their own, `<package id>-<charge>`. Service type and segment make the categories; there is one catalog.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.text import slugify

from catalogue.models import MarketSegment, ServicePackage
from catalogue.storefront.document import midnight
from catalogue.tmf620 import values
from catalogue.tmf620.dialects import Kind, Rendering
from catalogue.tmf620.values import Document

CATALOG_ID, CATALOG_NAME = "circletel", "CircleTel"
# The charges a package may have, in the order in which `charges` shows them.
RECURRING, DISCOUNT, INSTALLATION, HARDWARE = "recurring", "discount", "installation", "hardware"
PRICE_TYPES = {
    RECURRING: "recurring",
    DISCOUNT: "discount",
    INSTALLATION: "oneTime",
    HARDWARE: "oneTime",
}


@dataclass(frozen=True)
class CategoryKey:
    """`service_type` empty is the segment itself. Spellings that differ in case only are one category."""

    segment: str
    service_type: str = ""

    @property
    def id(self) -> str:
        """Fit for an address, and different for different service types."""
        if not self.service_type:
            return self.segment
        folded = self.service_type.lower()
        slug = slugify(folded)
        if slug != folded:  # slugs alone would throw `Home Fibre` and `Home-Fibre` together
            slug = f"{slug}-{hashlib.sha256(folded.encode()).hexdigest()[:8]}".lstrip("-")
        return f"{self.segment}-{slug}"

    @property
    def name(self) -> str:
        return self.service_type or dict(MarketSegment.choices).get(self.segment, self.segment)

    @property
    def parent(self) -> "CategoryKey | None":
        return CategoryKey(self.segment) if self.service_type else None


@dataclass(frozen=True)
class Charge:
    """One price of a package. `amount` includes VAT; a discount is negative and added to the recurring one."""

    name: str
    amount: Decimal
    title: str
    months: int | None = None
    start: datetime | None = None
    end: datetime | None = None


def charges(package: ServicePackage, at: datetime) -> Iterator[Charge]:
    """What a customer who orders at that instant is charged."""
    yield Charge(RECURRING, package.current_price, "a month")
    promotion = package.promotion_price_at(at)
    if promotion is not None:
        yield Charge(
            DISCOUNT,
            promotion - package.current_price,
            "discount a month",
            months=package.promotion_months,
            start=midnight(package.promotion_from) if package.promotion_from else None,
            end=midnight(package.promotion_to, 1) if package.promotion_to else None,
        )
    if (fee := package.charged_installation_fee) is not None:
        yield Charge(INSTALLATION, fee, "installation")
    if package.hardware_model and package.hardware_price is not None:
        yield Charge(HARDWARE, package.hardware_price, package.hardware_model)


def price_id(package: ServicePackage, charge: str) -> str:
    return f"{package.pk}-{charge}"


def offering(package: ServicePackage, rendering: Rendering) -> Document:
    months = package.contract_months
    document = _resource(
        Kind.OFFERING, package.pk, package.name, rendering, package.changed_at, package.version
    ) | {
        "description": package.description,
        "isBundle": bool(package.components),
        "isSellable": True,
        "validFor": values.period(package.valid_from, package.sale_ends),
        "category": [_category_of(package, rendering)],
        "marketSegment": [
            {
                "id": package.market_segment,
                "name": package.get_market_segment_display(),
                "@type": "MarketSegmentRef",
                "@referredType": "MarketSegment",
            }
        ],
        "productSpecification": values.reference(
            Kind.SPECIFICATION, package.pk, package.name, rendering, version=str(package.version)
        ),
        "productOfferingTerm": [values.term("month to month" if months == 1 else f"{months} months", months)],
        "productOfferingPrice": [
            _price_in_offering(package, charge, rendering) for charge in charges(package, rendering.at)
        ],
    }
    if package.components:
        document["bundledProductOffering"] = [_bundled(entry, rendering) for entry in package.components]
    return document


def _bundled(entry: dict[str, Any], rendering: Rendering) -> Document:
    """One component of a bundle; so many of it belong to the bundle, no more and no fewer."""
    option = {
        f"numberRelOffer{bound}": entry["quantity"] for bound in ("Default", "LowerLimit", "UpperLimit")
    }
    return {
        "id": entry["package"],
        "href": rendering.href(Kind.OFFERING, entry["package"]),
        "name": entry["name"],
        "bundledProductOfferingOption": {**option, "@type": "BundledProductOfferingOption"},
        "@type": "BundledProductOffering",
        "@referredType": "ProductOffering",
    }


def price(package: ServicePackage, charge: Charge, rendering: Rendering) -> Document:
    id, name = price_id(package, charge.name), f"{package.name}: {charge.title}"
    document = _resource(Kind.PRICE, id, name, rendering, package.changed_at, package.version) | {
        "description": _price_description(charge),
        "isBundle": False,
        "priceType": PRICE_TYPES[charge.name],
        "price": values.money(charge.amount),
        "tax": [values.tax(charge.amount, rendering)],
        "unitOfMeasure": {"amount": 1.0, "units": "each"},
        "validFor": values.period(charge.start or package.valid_from, charge.end or package.sale_ends),
    }
    if charge.name in (RECURRING, DISCOUNT):
        document |= {"recurringChargePeriodType": "month", "recurringChargePeriodLength": 1}
    if charge.months is not None:
        document["productOfferingTerm"] = [values.term(f"{charge.months} months", charge.months)]
    if charge.name == RECURRING and package.promotion_price_at(rendering.at) is not None:
        discount = price_id(package, DISCOUNT)
        document["popRelationship"] = [
            {
                "id": discount,
                "href": rendering.href(Kind.PRICE, discount),
                "relationshipType": "discountedBy",
                "@type": "ProductOfferingPriceRelationship",
                "@referredType": "ProductOfferingPrice",
            }
        ]
    return document


def prices(package: ServicePackage, rendering: Rendering) -> list[Document]:
    return [price(package, charge, rendering) for charge in charges(package, rendering.at)]


def specification(package: ServicePackage, rendering: Rendering) -> Document:
    document = _resource(
        Kind.SPECIFICATION, package.pk, package.name, rendering, package.changed_at, package.version
    ) | {
        "description": package.description,
        "brand": package.service_type,
        "productNumber": package.sku,
        "isBundle": False,
        "validFor": values.period(package.valid_from, package.sale_ends),
        "productSpecCharacteristic": list(_characteristics(package, rendering)),
    }
    if rendering.dialect.categorises_specifications:
        document["category"] = [_category_of(package, rendering)]
    return document


def category(key: CategoryKey, subs: list[CategoryKey], changed: datetime, rendering: Rendering) -> Document:
    """A segment with its service types below it, or one service type of a segment."""
    document = _resource(Kind.CATEGORY, key.id, key.name, rendering, changed)
    document["isRoot"] = key.parent is None
    if key.parent is not None and rendering.dialect.parent_by_id:
        document["parentId"] = key.parent.id
    elif key.parent is not None:
        document["parent"] = category_reference(key.parent, rendering)
    if subs:
        document["subCategory"] = [category_reference(sub, rendering) for sub in subs]
    return document


def catalog(roots: list[CategoryKey], changed: datetime | None, rendering: Rendering) -> Document:
    changed = changed or timezone.now()
    return _resource(Kind.CATALOG, CATALOG_ID, CATALOG_NAME, rendering, changed) | {
        "description": "What a new customer can order now.",
        "catalogType": "Product Catalog",
        "category": [category_reference(root, rendering) for root in roots],
    }


def category_reference(key: CategoryKey, rendering: Rendering) -> Document:
    return values.reference(Kind.CATEGORY, key.id, key.name, rendering)


def _category_of(package: ServicePackage, rendering: Rendering) -> Document:
    return category_reference(CategoryKey(package.market_segment, package.service_type), rendering)


def _resource(
    kind: Kind, id: object, name: str, rendering: Rendering, changed: datetime, version: int = 1
) -> Document:
    """What every resource has."""
    return {
        "id": str(id),
        "href": rendering.href(kind, id),
        "name": name,
        "version": str(version),
        "lastUpdate": values.instant(changed),
        "lifecycleStatus": "Active",
        "@type": rendering.dialect.type(kind),
    }


def _price_in_offering(package: ServicePackage, charge: Charge, rendering: Rendering) -> Document:
    name = f"{package.name}: {charge.title}"
    document = values.reference(Kind.PRICE, price_id(package, charge.name), name, rendering)
    if rendering.dialect.embeds_prices:
        document |= {
            "priceType": PRICE_TYPES[charge.name],
            "price": values.price_value(charge.amount, rendering),
        }
        if charge.name in (RECURRING, DISCOUNT):
            document |= {"recurringChargePeriod": "month", "recurringChargePeriodLength": 1}
    return document


def _price_description(charge: Charge) -> str:
    if charge.name == DISCOUNT:
        lasts = f" for {charge.months} months" if charge.months else ""
        return f"Added to the recurring price{lasts}. In rand, VAT included."
    return "In rand, VAT included."


def _characteristics(package: ServicePackage, rendering: Rendering) -> Iterator[Document]:
    """The technical content. What is not promised is left out."""
    promised: tuple[tuple[str, Any, str], ...] = (
        ("technology", package.technology, ""),
        ("provider", package.provider, ""),
        ("downloadSpeed", package.speed_down_mbps, "Mbit/s"),
        ("uploadSpeed", package.speed_up_mbps, "Mbit/s"),
        ("dataLimit", package.data_limit, ""),
        ("hardwareModel", package.hardware_model, ""),
        ("hardwareIncluded", package.hardware_included if package.hardware_model else None, ""),
        ("installationDays", package.installation_days, "day"),
        ("feature", package.features, ""),
        ("zone", package.zones, ""),
    )
    for name, value, unit in promised:
        if value not in (None, "", []):
            yield _characteristic(name, value if isinstance(value, list) else [value], unit, rendering)


def _characteristic(name: str, given: list[Any], unit: str, rendering: Rendering) -> Document:
    kind = _value_type(given[0])
    shown: list[Document] = [
        {
            "isDefault": position == 0,
            "valueType": kind,
            "value": value,
            **({"unitOfMeasure": unit} if unit else {}),
            "@type": rendering.dialect.value_types[kind],
        }
        for position, value in enumerate(given)
    ]
    return {
        "id": name,
        "name": name,
        "valueType": kind,
        "configurable": False,
        "minCardinality": 1,
        "maxCardinality": len(given),
        rendering.dialect.characteristic_values: shown,
        "@type": rendering.dialect.characteristic_type,
    }


def _value_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "string"


# By kind: every resource that stands for a package.
BUILDERS: dict[Kind, Callable[[ServicePackage, Rendering], list[Document]]] = {
    Kind.OFFERING: lambda package, rendering: [offering(package, rendering)],
    Kind.SPECIFICATION: lambda package, rendering: [specification(package, rendering)],
    Kind.PRICE: prices,
}
