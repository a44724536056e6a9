"""What a list would do: each deal beside the product it is about. A fixed number of queries a batch, no writing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models.functions import Upper

from catalogue.content import differences, product_content
from catalogue.models import (
    Outcome,
    PackageStatus,
    Product,
    ProductStatus,
    ServicePackage,
    Supplier,
    SupplierDeal,
)
from catalogue.pricelists.deals import Deal
from catalogue.pricelists.margin import Margin, margin_of
from catalogue.pricelists.merge import contradictions, merged
from catalogue.product_import.parsing import Key, business_key
from catalogue.product_import.plan import NOTHING


@dataclass
class Decision:
    """What becomes of one deal. `wanted` is the product's content afterwards; `changes` is for people to read."""

    deal: Deal
    outcome: Outcome
    known: SupplierDeal | None = None
    product: Product | None = None
    before: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    deal_changes: dict[str, list[Any]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    margin: Margin | None = None
    listed_before: Decimal | None = None

    def __post_init__(self) -> None:
        # Remembered, because carrying the decision out changes what is known.
        self.listed_before = self.known.listed_price if self.known else None

    @property
    def product_id(self) -> UUID | None:
        """Also where the product itself was not needed for the decision."""
        if self.product is not None:
            return self.product.pk
        return self.known.product_id if self.known else None

    @cached_property
    def product_changes(self) -> dict[str, list[Any]]:
        return differences(self.before, self.wanted)

    @property
    def changes(self) -> dict[str, list[Any]]:
        return {} if self.outcome == Outcome.NEW else self.product_changes | self.deal_changes


def decide(deals: Sequence[Deal], supplier: Supplier, *, lock: bool = False) -> list[Decision]:
    """One decision for each deal, in their order. `lock` holds the products found until the transaction ends."""
    good = [deal for deal in deals if not deal.reasons]
    known = _known(good, supplier)
    for deal in good:
        _keep_name(deal, known.get(deal.deal_id.upper()))
    moving = [deal for deal in good if not _same(known.get(deal.deal_id.upper()), deal)]
    by_id, by_key = _products(moving, known, lock=lock)
    packages = _packages(by_id)
    decisions = []
    for deal in deals:
        before = known.get(deal.deal_id.upper())
        if deal.reasons:
            decisions.append(Decision(deal, Outcome.REFUSED, reasons=deal.reasons))
        elif _same(before, deal):
            decisions.append(Decision(deal, Outcome.UNCHANGED, before))
        else:
            product = by_id.get(before.product_id) if before else by_key.get(_key(deal))
            decision = _decision(deal, before, product)
            if product and product.pk in packages and deal.listed_price is not None:
                decision.margin = _margin(packages[product.pk], supplier, before, deal.listed_price)
            decisions.append(decision)
    return decisions


def _decision(deal: Deal, known: SupplierDeal | None, product: Product | None) -> Decision:
    if product is None:
        return Decision(deal, Outcome.NEW, known, wanted=NOTHING | deal.content)
    decision = Decision(deal, Outcome.CHANGED, known, product, before=product_content(product))
    if product.status == ProductStatus.ARCHIVED:
        decision.wanted = decision.before
        decision.remarks.append("its product is archived and stays as it is")
    else:
        base = known.content if known else None
        decision.wanted, decision.remarks = merged(decision.before, deal.content, base)
    decision.deal_changes = _deal_changes(deal, known)
    if reasons := contradictions(decision.wanted):
        decision.outcome, decision.reasons = Outcome.REFUSED, reasons
    return decision


def _keep_name(deal: Deal, known: SupplierDeal | None) -> None:
    """A deal keeps its name, with or without its id in it, whichever deals of that name come and go beside it."""
    if known is not None:
        suffix, name = f" ({deal.deal_id})", known.content["name"]
        if deal.content["name"].removesuffix(suffix) == name.removesuffix(suffix):
            deal.content["name"] = name


def _deal_changes(deal: Deal, known: SupplierDeal | None) -> dict[str, list[Any]]:
    if known is None:
        return {"supplier's deal": [None, deal.deal_id]}
    before = {"listed price": f"{known.listed_price:.2f}", "stock status": known.stock, **known.details}
    after = {"listed price": f"{deal.listed_price:.2f}", "stock status": deal.stock, **deal.details}
    changes = differences(before, after)
    if known.vanished_at:
        changes["vanished"] = [f"{known.vanished_at:%Y-%m-%d}", None]
    return changes


def _same(known: SupplierDeal | None, deal: Deal) -> bool:
    """Whether the list says of the deal what the list applied last said."""
    return (
        known is not None
        and known.vanished_at is None
        and known.content == deal.content
        and known.listed_price == deal.listed_price
        and known.stock == deal.stock
        and known.details == deal.details
    )


def _margin(
    package: ServicePackage, supplier: Supplier, known: SupplierDeal | None, listed: Decimal
) -> Margin | None:
    before = known.listed_price if known else None
    return margin_of(package, supplier, before, listed) if before != listed else None


def _known(deals: Iterable[Deal], supplier: Supplier) -> dict[str, SupplierDeal]:
    ids = {deal.deal_id.upper() for deal in deals}
    found = SupplierDeal.objects.filter(supplier=supplier).alias(upper_id=Upper("deal_id"))
    return {deal.deal_id.upper(): deal for deal in found.filter(upper_id__in=ids)}


def _products(
    deals: Sequence[Deal], known: dict[str, SupplierDeal], *, lock: bool
) -> tuple[dict[UUID, Product], dict[Key, Product]]:
    """The products of known deals, whatever became of them, and those that have a new deal's business key."""
    ids = [known[deal.deal_id.upper()].product_id for deal in deals if deal.deal_id.upper() in known]
    skus = {deal.content["sku"].upper() for deal in deals if deal.deal_id.upper() not in known}
    everything = Product.objects.with_content_only().order_by("pk")
    if lock:
        everything = everything.select_for_update(of=("self",))
    by_id = {product.pk: product for product in everything.filter(pk__in=ids)}
    present = everything.exclude(status=ProductStatus.ARCHIVED).alias(upper_sku=Upper("sku"))
    by_key: dict[Key, Product] = {}
    for product in present.filter(upper_sku__in=skus):
        by_key[business_key(product.sku, product.market_segment, product.provider)] = product
        by_id.setdefault(product.pk, product)
    return by_id, by_key


def _packages(products: Iterable[UUID]) -> dict[UUID, ServicePackage]:
    live = ServicePackage.objects.filter(source_admin_product__in=list(products), status=PackageStatus.ACTIVE)
    return {package.source_admin_product_id: package for package in live}


def _key(deal: Deal) -> Key:
    return business_key(*(deal.content[part] for part in ("sku", "market_segment", "provider")))
