"""What a list would do: each deal beside the product it is about. A fixed number of queries a batch, no writing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.db.models.functions import Upper

from catalogue.content import differences, product_content
from catalogue.models import (
    Outcome,
    PackageStatus,
    PriceListRow,
    Product,
    ProductStatus,
    ServicePackage,
    Supplier,
    SupplierDeal,
)
from catalogue.models.vat import CENT
from catalogue.pricelists.record import HUNDRED
from catalogue.product_import.parsing import Key, business_key
from catalogue.product_import.plan import (
    KEY_PATHS,
    NOTHING,
    PlannedRow,
    products_by_key,
    wanted_content,
)
from circletel.core.amounts import rand

# When a deal meets a product that we made ourselves, its words are ours; price, term, device and dates are the deal's.
OURS_WHEN_MET = ("name", "service_type", "category", "technology", "features")
_UNKNOWN = object()
UNDECIDED: dict[str, Any] = {
    "outcome": Outcome.REFUSED,
    "remarks": [],
    "changes": {},
    "listed_before": None,
    "product_id": None,
    "package_id": None,
    "margin_before": None,
    "margin_after": None,
    "below_floor": False,
    "proposed_price": None,
}


@dataclass(kw_only=True)
class Decision(PlannedRow):
    """A deal that makes a product or changes one. `known` is what the list applied last said of it."""

    deal: PriceListRow
    known: SupplierDeal | None


def decide(deals: Sequence[PriceListRow], supplier: Supplier, *, lock: bool = False) -> list[Decision]:
    """Writes into each deal what becomes of it, and returns the decisions to be carried out, in their order.

    `lock` holds the products found until the transaction ends.
    """
    good = [deal for deal in deals if not deal.reasons]
    known = _known(good, supplier)
    for deal in good:
        _keep_name(deal, known.get(deal.deal_id.upper()))
    moving = [deal for deal in good if not _same(known.get(deal.deal_id.upper()), deal)]
    by_id = _products(
        {known[key].product_id for deal in moving if (key := deal.deal_id.upper()) in known}, lock
    )
    skus = {deal.content["sku"].upper() for deal in moving if deal.deal_id.upper() not in known}
    by_key = products_by_key(skus, lock=lock)
    packages = _packages([*by_id, *(product.pk for product in by_key.values())])
    decisions = []
    for deal in deals:
        before = known.get(deal.deal_id.upper())
        _set(deal, UNDECIDED | {"name": deal.content["name"]})
        if deal.reasons:
            continue
        if before is not None:
            _set(deal, {"product_id": before.product_id, "listed_before": before.listed_price})
        if _same(before, deal):
            deal.outcome = Outcome.UNCHANGED
            continue
        product = by_id.get(before.product_id) if before else by_key.get(_key(deal))
        decision = _decision(deal, before, product)
        if product and product.pk in packages and deal.listed_before != deal.listed_after:
            _set(deal, margin_of(packages[product.pk], supplier, deal.listed_before, deal.listed_after))
        if not deal.reasons:
            decisions.append(decision)
    return decisions


def _set(deal: PriceListRow, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(deal, name, value)


def _decision(deal: PriceListRow, known: SupplierDeal | None, product: Product | None) -> Decision:
    before = product_content(product) if product else NOTHING
    said, remarks = deal.content, list[str]()
    if product is not None and product.status == ProductStatus.ARCHIVED:
        said, remarks = {}, ["its product is archived and stays as it is"]
    elif product is not None:
        said, remarks = _carried_over(before, deal.content, known.content if known else None)
    wanted = wanted_content(before, said, is_new=product is None)
    decision = Decision(
        number=deal.number, product=product, before=before, wanted=wanted, deal=deal, known=known
    )
    deal.remarks = remarks
    if product is None:
        deal.outcome = Outcome.NEW
        return decision
    deal.product_id, deal.changes = product.pk, decision.changes | _deal_changes(deal, known)
    deal.reasons = _contradictions(wanted)
    deal.outcome = Outcome.REFUSED if deal.reasons else Outcome.CHANGED
    return decision


def _carried_over(
    ours: dict[str, Any], said: dict[str, Any], base: dict[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """What of the list changes our content, and a remark for each value of ours that stands against it.

    `base` is what the list applied last said, None when the deal is met for the first time. Carried over is what
    the supplier changed and we did not.
    """
    carried, remarks = {}, []
    for path, value in said.items():
        last = base.get(path, _UNKNOWN) if base is not None else _UNKNOWN
        if path in KEY_PATHS or value in (last, ours.get(path)):
            continue
        is_ours = ours.get(path) and path in OURS_WHEN_MET if last is _UNKNOWN else ours.get(path) != last
        if is_ours:
            remarks.append(f"{path}: ours, {_shown(ours.get(path))}, stays; the list says {_shown(value)}")
        else:
            carried[path] = value
    return carried, remarks


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "“" + ", ".join(value) + "”"
    return "nothing" if value in (None, "") else f"“{value}”"


def _contradictions(content: dict[str, Any]) -> list[str]:
    """What the database would not hold, where the list and our own values come together."""
    reasons = []
    price = Decimal(content["pricing.regular_price"])
    promotion = content["pricing.promotion_price"] and Decimal(content["pricing.promotion_price"])
    if promotion is not None and promotion >= price:
        reasons.append(
            f"the product's promotion price {rand(promotion)} is not below the price {rand(price)} it would have:"
            " change or remove the promotion first"
        )
    begins, ends = content["valid_from"], content["valid_to"]
    if begins and ends and ends <= begins:
        reasons.append(
            f"the product would be on sale until {ends[:10]} but only from {begins[:10]}: change its dates first"
        )
    return reasons


def _keep_name(deal: PriceListRow, known: SupplierDeal | None) -> None:
    """A deal keeps its name, with or without its id in it, whichever deals of that name come and go beside it."""
    if known is not None:
        suffix, name = f" ({deal.deal_id})", known.content["name"]
        if deal.content["name"].removesuffix(suffix) == name.removesuffix(suffix):
            deal.content["name"] = name


def _deal_changes(deal: PriceListRow, known: SupplierDeal | None) -> dict[str, list[Any]]:
    if known is None:
        return {"supplier's deal": [None, deal.deal_id]}
    said = deal.values
    before = {"listed price": f"{known.listed_price:.2f}", "stock status": known.stock, **known.details}
    after = {"listed price": f"{deal.listed_after:.2f}", "stock status": said["stock"], **said["details"]}
    changes = differences(before, after)
    if known.vanished_at:
        changes["vanished"] = [f"{known.vanished_at:%Y-%m-%d}", None]
    return changes


def _same(known: SupplierDeal | None, deal: PriceListRow) -> bool:
    """Whether the list says of the deal what the list applied last said."""
    return (
        known is not None
        and known.vanished_at is None
        and known.listed_price == deal.listed_after
        and {"content": known.content, "stock": known.stock, "details": known.details} == deal.values
    )


# Costs and margins are shown to cost viewers only.


def margin_of(
    package: ServicePackage, supplier: Supplier, listed_before: Decimal | None, listed_after: Decimal
) -> dict[str, Any]:
    """`package`'s price against the supplier's listed price (both VAT included), as the fields of a row.

    The margins are in per cent of the price. The proposed price passes a rise on, rand for rand, and is never below
    what the floor asks; None when nothing is to be mended.
    """
    price = wanted = package.current_price
    cost_before = None if listed_before is None else cost(listed_before, supplier)
    cost_after = cost(listed_after, supplier)
    after, floor = percent(price, cost_after), supplier.margin_floor_percent
    if cost_before is not None and cost_after > cost_before:
        wanted += cost_after - cost_before
    below_floor = floor is not None and (after is None or after < floor)
    if floor is not None and below_floor:
        wanted = max(wanted, (cost_after / (1 - floor / HUNDRED)).quantize(CENT, ROUND_UP))
    return {
        "package_id": package.pk,
        "margin_before": None if cost_before is None else percent(price, cost_before),
        "margin_after": after,
        "below_floor": below_floor,
        "proposed_price": wanted if wanted != price else None,
    }


def cost(listed: Decimal, supplier: Supplier) -> Decimal:
    """What a deal costs us: its listed price less our discount."""
    return (listed * (1 - supplier.discount_percent / HUNDRED)).quantize(CENT, ROUND_HALF_UP)


def percent(price: Decimal, cost_: Decimal) -> Decimal | None:
    """The margin in per cent of the price; None where the price is 0."""
    return ((price - cost_) / price * HUNDRED).quantize(CENT, ROUND_HALF_UP) if price else None


def _known(deals: Iterable[PriceListRow], supplier: Supplier) -> dict[str, SupplierDeal]:
    ids = {deal.deal_id.upper() for deal in deals}
    found = SupplierDeal.objects.filter(supplier=supplier).alias(upper_id=Upper("deal_id"))
    return {deal.deal_id.upper(): deal for deal in found.filter(upper_id__in=ids)}


def _products(ids: Collection[UUID], lock: bool) -> dict[UUID, Product]:
    """The products of known deals, whatever became of them."""
    found = Product.objects.with_content().filter(pk__in=ids).order_by("pk")
    return {product.pk: product for product in (found.select_for_update(of=("self",)) if lock else found)}


def _packages(products: Iterable[UUID]) -> dict[UUID, ServicePackage]:
    live = ServicePackage.objects.filter(source_admin_product__in=list(products), status=PackageStatus.ACTIVE)
    return {package.source_admin_product_id: package for package in live}


def _key(deal: PriceListRow) -> Key:
    return business_key(*(deal.content[part] for part in ("sku", "market_segment", "provider")))
