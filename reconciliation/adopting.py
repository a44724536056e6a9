"""Taking over what somebody typed in Zoho: as a draft, which goes through approval like any other."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from catalogue import services as catalogue
from catalogue.content import pricing_of, product_content
from catalogue.models import Product
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may
from pricing.services import draft_price_change
from reconciliation.models import Finding
from reconciliation.planning import field_of
from reconciliation.words import said
from zoho_sync.compare.diff import CENT
from zoho_sync.desired import current_terms
from zoho_sync.fields import FieldType


def adopt(finding: Finding, *, actor: User | None) -> None:
    """Make Zoho's value a draft of ours, in the caller's transaction: a price change, or an edit of the product.

    Refused when the value does not do for us, each reason naming the field.
    """
    field, package = field_of(finding), finding.package
    if actor is None or field is None or package is None:
        raise Refused(f"{finding}: only a person may take over what Zoho says")
    value = _value(finding, field.type)
    if field.adopts == "price":
        reason = f"Found in {finding.get_system_display()} on {finding.first_seen_at:%-d %b %Y}"
        if value is None or value <= 0:
            raise Refused(f"{finding}: {said(finding.theirs)} is no price")
        if draft_price_change(package=package, new_price=value, actor=actor, reason=reason) is None:
            raise Refused(
                f"{finding}: the package has this price already, or a published price change is open"
            )
        return
    ensure_may(actor, "catalogue.change_product", "change products")
    _edit(finding, field.adopts, value, actor)


def _edit(finding: Finding, path: str, value: Any, actor: User) -> None:
    assert finding.package is not None  # adopt saw it
    product = Product.objects.with_content().get(pk=finding.package.source_admin_product_id)
    before = product_content(product)
    part, _, name = path.rpartition(".")
    target: Any = pricing_of(product) if part == "pricing" else product
    setattr(target, name, value)
    try:
        target.full_clean()
    except ValidationError as error:
        raise Refused(*(f"{finding}: {words}" for words in error.messages)) from None
    target.save()
    catalogue.record_edit(product, actor=actor, before=before)


def _value(finding: Finding, type: FieldType) -> Any:
    theirs = finding.theirs
    if type is FieldType.STRUCTURE:
        theirs = theirs[0].get("price") if isinstance(theirs, list) and theirs else None
    if type in (FieldType.STRUCTURE, FieldType.AMOUNT):
        return _including_vat(theirs)
    if type is FieldType.INTEGER:
        return int(theirs) if theirs not in (None, "") else None
    return str(theirs or "")


def _including_vat(theirs: Any) -> Decimal | None:
    if theirs in (None, ""):
        return None
    terms, amount = current_terms(), Decimal(str(theirs))
    factor = Decimal(1) if terms.prices_include_vat else 1 + terms.vat_rate
    return (amount * factor).quantize(CENT, ROUND_HALF_UP)
