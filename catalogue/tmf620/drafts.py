"""Writing through this window. A POST makes a draft, a PATCH edits one, a DELETE gives it up or ends a sale.

A draft of an offering is a Product with the status Draft, which goes through approval and publishing like any
other; what TMF620 says and a Product cannot hold stays on the TmfDraft. Drafts of the other kinds are notes for
staff: nothing that is on sale is made of them.
"""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from catalogue import ending, services
from catalogue.content import differences, plain, product_content
from catalogue.models import Product, ServicePackage, TmfDraft
from catalogue.product_import.apply import write
from catalogue.product_import.plan import NOTHING, PlannedRow, contradictions_in
from catalogue.tmf620 import collections, mapping, shapes, values
from catalogue.tmf620.collections import as_uuid
from catalogue.tmf620.dialects import Dialect, Kind, Rendering
from catalogue.tmf620.errors import Conflict, InvalidBody, NotFound
from catalogue.tmf620.values import Document
from circletel.core import audit
from circletel.core.rights import ensure_may

DRAFT_STATUS, DRAFT_REASON = "In design", "A draft: not approved, not on sale"
EDIT_WAITS = "The edit waits for approval and publication; this is what is on sale until then"
WRITABLE = (Kind.OFFERING, Kind.PRICE, Kind.SPECIFICATION)
# What a client may send back as it got it, but not decide.
OURS = ("id", "href")
REQUIRED: dict[str, dict[Kind, tuple[str, ...]]] = {
    "v4": dict.fromkeys(WRITABLE, ("name",)),
    "v5": {
        Kind.OFFERING: ("name", "lastUpdate", "lifecycleStatus"),
        Kind.SPECIFICATION: ("name", "lastUpdate", "lifecycleStatus"),
        Kind.PRICE: ("name", "lastUpdate", "lifecycleStatus", "priceType"),
    },
}


def documents(kind: Kind, rendering: Rendering) -> list[Document]:
    """The drafts of one kind, as written in this version. One that was published is shown as what it became."""
    drafts = TmfDraft.objects.filter(kind=kind, version=rendering.dialect.version, product__packages=None)
    return [document(draft, rendering) for draft in drafts]


def find(kind: Kind, id: str, dialect: Dialect) -> TmfDraft | None:
    key = as_uuid(id)
    drafts = TmfDraft.objects.filter(kind=kind, version=dialect.version, product__packages=None)
    return drafts.select_related("product").filter(pk=key).first() if key else None


def document(draft: TmfDraft, rendering: Rendering) -> Document:
    """As it was written, with what every resource has and what makes it known as a draft."""
    kind = Kind(draft.kind)
    shown = {
        "id": str(draft.pk),
        "href": rendering.href(kind, draft.pk),
        "lifecycleStatus": DRAFT_STATUS,
        "version": "0.1",
        "lastUpdate": values.instant(draft.changed_at),
        "isBundle": False,
        **draft.body,
        "isDraft": True,
    }
    if kind is Kind.OFFERING:
        shown |= {"isSellable": False, "statusReason": DRAFT_REASON}
    return {**shown, "@type": draft.body.get("@type") or rendering.dialect.type(kind)}


@transaction.atomic
def create(kind: Kind, body: Any, *, actor: User, dialect: Dialect) -> TmfDraft:
    """Raises NotAllowed, or InvalidBody naming what is wrong."""
    ensure_may(actor, "catalogue.add_product", f"create a {dialect.name(kind)}")
    body = _read(kind, body, dialect)
    for name in REQUIRED[dialect.version][kind]:
        if body.get(name) in (None, ""):
            raise InvalidBody(f"{name} is missing.")
    product = None
    if kind is Kind.OFFERING:
        # What a product must have and an offering does not say.
        said = {"sku": f"TMF-{uuid.uuid4().hex[:12].upper()}", "contract_months": 1}
        product = _write(None, said | mapping.content_of(body), actor)
    draft = TmfDraft.objects.create(
        kind=kind, version=dialect.version, body=body, product=product, created_by_id=actor.pk
    )
    audit.record("created", draft, actor=actor, changes=differences({}, body), detail="through TMF620")
    return draft


@transaction.atomic
def edit(kind: Kind, id: str, patch: Any, *, actor: User, dialect: Dialect) -> TmfDraft | ServicePackage:
    """Merge the patch (RFC 7396) into a draft; for an offering on sale, edit the product it comes from.

    What is on sale stays as it is until the edit is approved and published. Returns what was addressed.
    """
    ensure_may(actor, "catalogue.change_product", f"edit a {dialect.name(kind)}")
    if not isinstance(patch, dict):
        raise InvalidBody("The body expects an object with the attributes to change.")
    draft = find(kind, id, dialect)
    if draft is None:
        return _edit_package(kind, id, patch, actor, dialect)
    body = _read(kind, _merged(draft.body, {k: v for k, v in patch.items() if k not in OURS}), dialect)
    if not body.get("name"):
        raise InvalidBody("name is missing.")
    if "lastUpdate" not in patch:
        body.pop("lastUpdate", None)
    if draft.product is not None:
        changed = {name: body[name] for name in patch if name in body}
        _edit_product(draft.product, mapping.content_of(changed), actor)
    changes = differences(draft.body, body)
    draft.body = body
    draft.save()
    audit.record("edited", draft, actor=actor, changes=changes, detail="through TMF620")
    return draft


@transaction.atomic
def delete(kind: Kind, id: str, *, actor: User, dialect: Dialect) -> None:
    """Give up a draft; end the sale of an offering that is on sale. Raises NotFound or Conflict."""
    if not actor.has_perm("catalogue.end_servicepackage"):
        ensure_may(actor, "catalogue.change_product", f"delete a {dialect.name(kind)}")
    draft = find(kind, id, dialect)
    if draft is None:
        package = _package(kind, id, dialect, "deleted")
        ending.end_sale(package.pk, at=timezone.now(), actor=actor)
        return
    ensure_may(actor, "catalogue.change_product", f"delete a {dialect.name(kind)}")
    if draft.product is not None:
        services.archive(draft.product.pk, actor=actor, reason="through TMF620")
    audit.record("deleted", draft, actor=actor, changes=differences(draft.body, {}), detail="through TMF620")
    draft.delete()


def _read(kind: Kind, body: Any, dialect: Dialect) -> Document:
    if not isinstance(body, dict):
        raise InvalidBody("The body expects an object.")
    given = {name: value for name, value in body.items() if name not in OURS}
    return shapes.complete(dialect.version, dialect.type(kind), given)


def _edit_product(product: Product, content: mapping.Content, actor: User) -> None:
    Product.objects.select_for_update().get(pk=product.pk)
    _write(Product.objects.with_content().get(pk=product.pk), content, actor)


def _write(product: Product | None, content: mapping.Content, actor: User) -> Product | None:
    """The product with this content, a new one where there was none. Raises InvalidBody where it contradicts itself."""
    before = product_content(product) if product else NOTHING
    wanted = before | plain(content)
    if wanted["pricing.regular_price"] is None:
        # A fee alone is no pricing.
        wanted |= {path: None for path in wanted if path.startswith("pricing.")}
    if errors := list(contradictions_in(content, wanted)):
        raise InvalidBody(f"{errors[0].column}: expects {errors[0].expected}.")
    row = PlannedRow(None, product, before, wanted)
    write([row], actor=actor)
    return row.product


def _edit_package(kind: Kind, id: str, patch: Document, actor: User, dialect: Dialect) -> ServicePackage:
    package = _package(kind, id, dialect, "edited")
    if unknown := set(patch) - set(mapping.READERS) - {"@type", "lifecycleStatus", *OURS}:
        raise InvalidBody(f"{min(unknown)} of an offering on sale cannot be changed here.")
    if patch.get("lifecycleStatus", "Active") != "Active":
        raise Conflict("An offering on sale is taken off sale with DELETE.")
    if patch.get("name", "x") in (None, ""):
        raise InvalidBody("name is missing.")
    content = mapping.content_of(shapes.complete(dialect.version, dialect.type(kind), patch))
    _edit_product(package.source_admin_product, content, actor)
    return package


def _package(kind: Kind, id: str, dialect: Dialect, deed: str) -> ServicePackage:
    """The package an offering on sale is. What is derived from packages cannot be written to by itself."""
    rendering = Rendering(dialect)
    if kind is Kind.OFFERING:
        key = as_uuid(id)
        offered = collections.on_sale(rendering).select_related("source_admin_product")
        package = offered.filter(pk=key).first() if key else None
        if package is not None:
            return package
    elif collections.find(kind, id, rendering) is not None:
        raise Conflict(
            f"This {dialect.name(kind)} comes from what is on sale and cannot be {deed} by itself:"
            " edit the productOffering, have it approved and publish it; a price moves through a price change."
        )
    raise NotFound(f"There is no {dialect.name(kind)} with the id {id[:80]}.")


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, item in patch.items():
        if item is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), item)
    return merged
