"""Is a product fit to be sold? Every reason at once, each naming the field it is about."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from catalogue.bundles import bundle_problems
from catalogue.content import fingerprint, hardware_of, pricing_of
from catalogue.models import NoVatRate, Product, ProductStatus, vat_rate_today
from circletel.core.errors import ContentChanged, NotReady, Refused, WrongStatus


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


# --- what the deeds on a product ask before they do anything; each raises a `Refused` fit for the person


def locked(product_id: Any) -> Product:
    """The product with its content, its row held until the end of the transaction."""
    return Product.objects.with_content().select_for_update(of=("self",)).get(pk=product_id)


def ensure_status(product: Product, deed: str, *wanted: ProductStatus) -> None:
    """Raises WrongStatus unless it has one of the `wanted`; `deed` completes "… cannot be …"."""
    if product.status not in wanted:
        names = " or ".join(status.label.lower() for status in wanted)
        raise WrongStatus(
            f"{product} cannot be {deed}: it is {product.get_status_display().lower()}, not {names}"
        )


def ensure_publishable(product: Product) -> None:
    """Raises with everything that speaks against publishing, at once: WrongStatus, ContentChanged or NotReady."""
    kind, reasons = objections_to_publishing(product)
    if reasons:
        raise kind(*(f"{product} cannot be published: {reason}" for reason in reasons))


def objections_to_publishing(product: Product, *, with_vat: bool = True) -> tuple[type[Refused], list[str]]:
    """What speaks against publishing now, and the kind of refusal it is. No query but the VAT rate's."""
    status_wrong = product.status != ProductStatus.APPROVED
    reasons = [f"it is {product.get_status_display().lower()}, not approved"] if status_wrong else []
    pricing = pricing_of(product)
    if not status_wrong and pricing is not None and pricing.approved_by_id is None:
        reasons.append("its pricing is not approved yet: a pricing manager does that on its page")
    tampered = not status_wrong and product.approved_fingerprint != fingerprint(product)
    if tampered:
        reasons.append("its content is not what was approved: have it approved again")
    reasons += [str(problem) for problem in publishing_problems(product, with_vat=with_vat)]
    kind = WrongStatus if status_wrong else ContentChanged if tampered else NotReady
    return kind, reasons
