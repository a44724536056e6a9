"""Is a product fit to be sold? Every reason at once, each naming the field it is about."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models

from catalogue.bundles import bundle_problems
from catalogue.content import hardware_of, pricing_of
from catalogue.models import NoVatRate, Product, vat_rate_today


@dataclass(frozen=True)
class Problem:
    """Something that keeps a product from being published. `field` is its path, as in `product_content`."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def publishing_problems(product: Product, *, with_vat: bool = True) -> list[Problem]:
    """What is missing or invalid for the storefront; empty when the (stored) product may be published.

    Without queries when the product came `with_content` and `with_vat` is off (see `vat_problems`).
    """
    problems = _field_problems(product, prefix="")
    pricing, hardware = pricing_of(product), hardware_of(product)
    if pricing is None:
        problems.append(Problem("pricing.regular_price", "is missing"))
    else:
        problems += _field_problems(pricing, prefix="pricing.")
        if pricing.regular_price == 0:
            problems.append(Problem("pricing.regular_price", "is 0; a product on sale has a price"))
        if pricing.promotion_price is None and pricing.promotion_months is not None:
            problems.append(
                Problem("pricing.promotion_price", "is missing although promotion months are given")
            )
    if hardware is not None:
        problems += _field_problems(hardware, prefix="hardware.")
        if not hardware.included and hardware.retail_value is None:
            problems.append(
                Problem("hardware.retail_value", "is missing: hardware that is not included needs a price")
            )
    problems += [Problem(field, message) for field, message in bundle_problems(product)]
    return problems + _add_on_problems(product) + (vat_problems() if with_vat else [])


def _field_problems(instance: models.Model, *, prefix: str) -> list[Problem]:
    # Constraints and references hold for whatever is stored; asking for each would cost a query apiece.
    references = {field.name for field in instance._meta.fields if field.is_relation}
    try:
        instance.full_clean(exclude=references, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return [
            Problem(prefix + (field if field != "__all__" else "product"), " ".join(messages))
            for field, messages in error.message_dict.items()
        ]
    return []


def _add_on_problems(product: Product) -> list[Problem]:
    categories = {product.category, *(one.component.category for one in product.components.all())}
    folded = {category.casefold() for category in categories}
    return [
        Problem(
            "add_ons",
            f"{add_on.name} goes with {', '.join(add_on.categories)}, and not with {', '.join(sorted(categories))}",
        )
        for add_on in product.add_ons.all()
        if add_on.categories and folded.isdisjoint(category.casefold() for category in add_on.categories)
    ]


def vat_problems() -> list[Problem]:
    """What is wrong with all products at once: no VAT rate for today."""
    try:
        vat_rate_today()
    except NoVatRate as missing:
        return [Problem("VAT", str(missing))]
    return []
