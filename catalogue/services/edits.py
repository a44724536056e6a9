"""Writing down what was edited. An approval signs content: a change of substance takes it back."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Case, F, Value, When
from django.utils import timezone

from catalogue.content import COST, NOTES, differences, whole_content
from catalogue.models import Product, ProductPricing, ProductStatus
from circletel.core import audit

UNSIGNED = frozenset({NOTES, COST})


def record_edit(product: Product, *, actor: User, before: dict[str, Any] | None) -> bool:
    """Write down an edit just saved in this transaction; `before` is `whole_content` as it was, None when new.

    An approval signs content: when anything of substance changed, a pending or approved product goes back to draft.
    Notes and costs are no substance. Returns True when an approval or a pending request was voided by it.
    """
    product = Product.objects.with_content().get(pk=product.pk)
    content = whole_content(product)
    if before is None:
        said = {path: value for path, value in content.items() if path not in UNSIGNED or value}
        audit.record("created", product, actor=actor, changes=_without_costs(differences({}, said)))
        return False
    # Who has the signed content alone at hand edited nothing else.
    known = {path: value for path, value in content.items() if path not in UNSIGNED or path in before}
    changes = _without_costs(differences(before, known))
    if UNSIGNED.issuperset(changes):
        if changes:
            audit.record("edited", product, actor=actor, changes=changes)
        return False
    return record_edits({product.pk: changes}, actor=actor) > 0


def _without_costs(changes: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Auditors need not be cost viewers: that a cost was changed is written down, and not what it is."""
    return {path: ["hidden", "changed"] if path == COST else change for path, change in changes.items()}


def record_edits(changes: dict[Any, dict[str, list[Any]]], *, actor: User) -> int:
    """`record_edit` for many products, in few statements; `changes` is {product id: {field: [before, after]}}.

    Returns how many approvals and pending requests were voided.
    """
    edited: list[tuple[Product, dict[str, list[Any]]]] = []
    voided: list[tuple[Product, dict[str, list[Any]]]] = []
    for product in Product.objects.filter(pk__in=[key for key, changed in changes.items() if changed]):
        changed = changes[product.pk]
        if product.status in (ProductStatus.PENDING, ProductStatus.APPROVED):
            voided.append((product, changed | {"status": [product.status, ProductStatus.DRAFT.value]}))
        else:
            edited.append((product, changed))
    touched = Product.objects.filter(pk__in=[product.pk for product, _ in edited + voided])
    touched.update(
        # An archived product stays archived, also when it is edited.
        status=Case(
            When(status=ProductStatus.ARCHIVED, then=F("status")), default=Value(ProductStatus.DRAFT)
        ),
        version=F("version") + 1,
        changed_by=actor,
        changed_at=timezone.now(),
        approved_by=None,
        approved_at=None,
        approved_fingerprint="",
    )
    repriced = [
        product.pk
        for product, changes in edited + voided
        if any(name.startswith("pricing.") for name in changes)
    ]
    ProductPricing.objects.filter(product__in=repriced).update(approved_by=None, approved_at=None)
    audit.record_many("edited", edited, actor=actor)
    audit.record_many("edited", voided, actor=actor, detail="approval voided")
    return len(voided)
