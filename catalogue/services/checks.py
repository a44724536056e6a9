"""What the deeds on a product ask before they do anything. Each raises a `Refused` fit for the person."""

from typing import Any

from catalogue.content import fingerprint, pricing_of
from catalogue.models import Product, ProductStatus
from catalogue.readiness import publishing_problems
from circletel.core.errors import ContentChanged, NotReady, Refused, WrongStatus


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
