"""What a package takes over from its product: one table, by which publishing works and the page about it is written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalogue.bundles import component_entries
from catalogue.content import add_on_entries, hardware_of, pricing_of
from catalogue.models import Product, ServicePackage


@dataclass(frozen=True)
class PackageField:
    """`name` is the package's; `source` the product's, as in `product_content`. `rule` says what is not plain copying."""

    name: str
    source: str
    read: Callable[[Product], Any]
    rule: str = ""
    keeps_when_empty: bool = False


def _own(name: str, rule: str = "", **options: Any) -> PackageField:
    return PackageField(name, name, lambda product: getattr(product, name), rule, **options)


def _pricing(name: str, source: str = "", rule: str = "") -> PackageField:
    field = source or name
    return PackageField(
        name, f"pricing.{field}", lambda product: getattr(pricing_of(product), field, None), rule
    )


def _features(product: Product) -> list[str]:
    return [feature.text for feature in product.features.all()]


def _add_ons(product: Product) -> list[dict[str, Any]]:
    return add_on_entries(product.add_ons.all())


def _hardware_model(product: Product) -> str:
    hardware = hardware_of(product)
    return hardware.model if hardware else ""


def _hardware_included(product: Product) -> bool:
    hardware = hardware_of(product)
    return bool(hardware and hardware.included)


def _hardware_price(product: Product) -> Decimal | None:
    """What the customer pays for the device. What it costs us is never a price."""
    hardware = hardware_of(product)
    if hardware is None:
        return None
    return Decimal("0.00") if hardware.included else hardware.retail_value


FIRST_TIME = (
    _own("sku", "part of the business key"),
    _own("market_segment", "part of the business key"),
    _own("provider", "part of the business key"),
    _pricing("price", "regular_price", "afterwards it moves only through a price change"),
)
EACH_TIME = (
    _own("name"),
    _own("service_type"),
    _own("category"),
    _own("technology"),
    _own("speed_down_mbps"),
    _own("speed_up_mbps"),
    _own("data_limit"),
    _own("installation_days"),
    _own("zones"),
    _own("featured"),
    _own("popular"),
    _own("contract_months"),
    _own("description"),
    PackageField("features", "features", _features, "their texts, in order"),
    PackageField("add_ons", "add_ons", _add_ons, "name, price, recurring, and the categories they go with"),
    PackageField(
        "components", "components", component_entries, "the packages they are, each at its price of the day"
    ),
    PackageField("hardware_model", "hardware.model", _hardware_model),
    PackageField("hardware_included", "hardware.included", _hardware_included),
    PackageField(
        "hardware_price", "hardware.retail_value", _hardware_price, "0.00 when the device is included"
    ),
    _pricing("promotion_price"),
    _pricing("promotion_months"),
    _pricing("promotion_from"),
    _pricing("promotion_to"),
    _pricing("installation_fee"),
    _pricing("discounted_installation_fee"),
    _own("valid_from", "empty: the instant of the first publication", keeps_when_empty=True),
    _own("valid_to"),
)
# The rest of a package is no product's to say.
NOT_FROM_THE_PRODUCT = {
    "id": "made once",
    "slug": "made of name, SKU, segment and provider at the first publication; it stays",
    "source_admin_product": "the product that was published last",
    "source_version": "that product's version then",
    "logical_key": "name, term, device, segment and provider: one variant across its versions",
    "version": "counts the publications that changed something",
    "status": "active with each publication; archived by a successor or at the end of life",
    "new_customer_price": "set by a published price change until its effective date",
    "price_history": "written by publications and price changes",
    "end_of_sale": "set on the package's page",
    "end_of_life": "set on the package's page",
    "published_at": "the first publication",
    "published_by": "who published first",
    "changed_at": "the last change of anything",
}
# What a product knows and a package never learns.
STAYS_BEHIND = {
    "internal_notes": "ours alone",
    "hardware.dealer_cost": "a cost: never a price, and shown only to cost viewers",
}


def carry_over(product: Product, package: ServicePackage, fields: Iterable[PackageField]) -> None:
    """Set these fields of `package` to what `product` says. Nothing is saved."""
    for field in fields:
        value = field.read(product)
        if value is not None or not field.keeps_when_empty:
            setattr(package, field.name, value)


INTRODUCTION = """# What a package takes over from its product

Generated from the table in `catalogue/package_fields.py`, by which publishing works, with
`make manage CMD="catalogue_fields document"`. Do not edit by hand: a test compares this page with the table.

A product is what staff write in the admin; a package is what the storefront sells. Publishing makes the one out of
the other. What becomes of a package in Zoho is on [a page of its own](zoho-fields.md).
"""


def page() -> str:
    """`docs/product-to-package.md`, as Markdown."""
    lines = [INTRODUCTION]
    for title, fields in (("Each publication", EACH_TIME), ("The first publication only", FIRST_TIME)):
        lines += [f"## {title}\n", "| package | type | product | rule |", "|---|---|---|---|"]
        lines += [f"| `{one.name}` | {_type_of(one.name)} | `{one.source}` | {one.rule} |" for one in fields]
        lines.append("")
    lines += ["## Not from the product\n", "| package | type | comes from |", "|---|---|---|"]
    lines += [f"| `{name}` | {_type_of(name)} | {words} |" for name, words in NOT_FROM_THE_PRODUCT.items()]
    lines += ["", "## Stays behind\n", "| product | why |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in STAYS_BEHIND.items()]
    return "\n".join(lines) + "\n"


def _type_of(name: str) -> str:
    field: Any = ServicePackage._meta.get_field(name)
    longest = f", at most {field.max_length}" if getattr(field, "max_length", None) else ""
    words = {
        "CharField": "text",
        "SlugField": "text",
        "TextField": "text",
        "ArrayField": "texts",
        "JSONField": "list",
        "DecimalField": "rand, VAT included",
        "DateField": "date",
        "DateTimeField": "instant",
        "BooleanField": "yes or no",
        "UUIDField": "id",
        "ForeignKey": "reference",
    }
    return words.get(field.get_internal_type(), "whole number") + longest
