"""The life of a product: draft → pending → approved → archived, and back to draft when it is rejected."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from catalogue.content import fingerprint, pricing_of, product_content
from catalogue.models import PackageStatus, Product, ProductStatus
from catalogue.readiness import (
    Problem,
    ensure_status,
    locked,
    objections_to_publishing,
    publishing_problems,
)
from circletel.core import audit
from circletel.core.errors import NotAllowed, NotReady, Refused
from circletel.core.rights import ensure_may

# From which status a deed leads on.
STATUSES = {
    "submit": (ProductStatus.DRAFT,),
    "approve": (ProductStatus.PENDING,),
    "approve pricing": (ProductStatus.PENDING, ProductStatus.APPROVED),
}


@transaction.atomic
def submit(product_id: Any, *, actor: User) -> Product:
    """draft → pending: ask for approval. Refused while the product is incomplete."""
    product = locked(product_id)
    ensure_may(actor, "catalogue.submit_product", "submit products")
    ensure_status(product, "submitted", *STATUSES["submit"])
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    return _move(product, ProductStatus.PENDING, "submitted", actor, rejection_reason="")


@transaction.atomic
def approve(product_id: Any, *, actor: User) -> Product:
    """pending → approved. Someone other than its author and last editor signs its content.

    Whoever may approve pricing too signs both at once; otherwise a pricing manager does, before it is published.
    """
    product = locked(product_id)
    ensure_may(actor, "catalogue.approve_product", "approve products")
    ensure_status(product, "approved", *STATUSES["approve"])
    if actor.pk in (product.created_by_id, product.changed_by_id):
        raise NotAllowed(f"{product}: you made or last changed it, so someone else must approve it")
    if problems := publishing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    now = timezone.now()
    signature = fingerprint(product)
    values: dict[str, Any] = {"approved_by": actor, "approved_at": now, "approved_fingerprint": signature}
    _move(product, ProductStatus.APPROVED, "approved", actor, **values)
    if actor.has_perm("catalogue.approve_pricing"):
        _sign_pricing(product, actor)
    return product


@transaction.atomic
def approve_pricing(product_id: Any, *, actor: User) -> Product:
    """Sign the pricing of a pending or approved product. Needed before it is published, like the approval itself."""
    product = locked(product_id)
    ensure_may(actor, "catalogue.approve_pricing", "approve pricing")
    ensure_status(product, "approved in its pricing", *STATUSES["approve pricing"])
    if actor.pk in (product.created_by_id, product.changed_by_id):
        raise NotAllowed(f"{product}: you made or last changed it, so someone else must approve its pricing")
    if problems := _pricing_problems(product):
        raise NotReady(*(f"{product}: {problem}" for problem in problems))
    _sign_pricing(product, actor)
    return product


def _pricing_problems(product: Product, *, with_vat: bool = True) -> list[Problem]:
    return [
        one for one in publishing_problems(product, with_vat=with_vat) if one.field.startswith("pricing.")
    ]


def _sign_pricing(product: Product, actor: User) -> None:
    pricing = pricing_of(product)
    assert pricing is not None  # publishing_problems saw it
    if pricing.approved_by_id is not None:
        return
    pricing.approved_by, pricing.approved_at = actor, timezone.now()
    pricing.save(update_fields=["approved_by", "approved_at"])
    content = product_content(product)
    signed = {name: [None, value] for name, value in content.items() if name.startswith("pricing.") and value}
    audit.record("pricing approved", product, actor=actor, changes=signed)


@transaction.atomic
def archive(product_id: Any, *, actor: User, reason: str) -> Product:
    """Put a product away for good. Refused while a package made of it is active: end that first."""
    product = locked(product_id)
    ensure_may(actor, "catalogue.archive_product", "archive products")
    statuses = (ProductStatus.DRAFT, ProductStatus.PENDING, ProductStatus.APPROVED)
    ensure_status(product, "archived", *statuses)
    if not reason.strip():
        raise Refused(f"{product}: say why it is archived")
    if live := product.packages.filter(status=PackageStatus.ACTIVE).first():
        raise Refused(f"{product}: {live.sku} is active still; set the end of its life first")
    return _move(product, ProductStatus.ARCHIVED, "archived", actor, detail=reason.strip())


@transaction.atomic
def reject(product_id: Any, *, actor: User, reason: str) -> Product:
    """pending → draft, with a reason for the author."""
    product = locked(product_id)
    ensure_may(actor, "catalogue.approve_product", "reject products")
    ensure_status(product, "rejected", ProductStatus.PENDING)
    if not reason.strip():
        raise Refused(f"{product}: say why it is rejected, so that its author can mend it")
    return _move(
        product,
        ProductStatus.DRAFT,
        "rejected",
        actor,
        detail=reason.strip(),
        rejection_reason=reason.strip(),
    )


def objections(deed: str, product: Product, *, actor: User) -> list[str]:
    """What would be said against a batch's `deed` on `product` now; empty when nothing is.

    For previews of many: it asks the database nothing, so not for the VAT rate. The deed itself decides again.
    """
    status = product.get_status_display().lower()
    if deed == "publish":
        return objections_to_publishing(product, with_vat=False)[1]
    wanted = STATUSES[deed]
    names = " or ".join(one.label.lower() for one in wanted)
    found = [f"it is {status}, not {names}"] if product.status not in wanted else []
    if deed != "submit" and actor.pk in (product.created_by_id, product.changed_by_id):
        what = "its pricing" if deed == "approve pricing" else "it"
        found.append(f"you made or last changed it, so someone else must approve {what}")
    problems = _pricing_problems if deed == "approve pricing" else publishing_problems
    return found + [str(problem) for problem in problems(product, with_vat=False)]


def _move(
    product: Product,
    status: ProductStatus,
    action: str,
    actor: User,
    *,
    detail: str = "",
    **values: Any,
) -> Product:
    changes = {"status": [product.status, status.value]}
    product.status = status
    for field, value in values.items():
        setattr(product, field, value)
    product.save(update_fields=["status", *values])
    audit.record(action, product, actor=actor, changes=changes, detail=detail)
    return product
