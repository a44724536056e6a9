"""Rows of a price list: what was decided about each deal, and carrying it out. Within a transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from catalogue.models import Outcome, PriceList, PriceListRow, SupplierDeal
from catalogue.pricelists.plan import Decision
from catalogue.pricelists.record import Deal
from catalogue.product_import.apply import upsert, write

_DEAL_FIELDS = ["mapping", "listed_price", "stock", "content", "details", "price_list", "vanished_at"]
# What a row keeps of its deal until it is applied. What stays as it is need not be kept twice.
_KEPT = ("content", "stock", "details")
_CARRIED_OUT = (Outcome.NEW, Outcome.CHANGED)


def row_of(decision: Decision, price_list: PriceList, position: int) -> PriceListRow:
    deal = decision.deal
    moves = decision.outcome in _CARRIED_OUT
    return PriceListRow(
        price_list=price_list,
        position=position,
        sheet=deal.sheet[:100],
        number=deal.number,
        mapping_id=deal.mapping_id,
        deal_id=deal.deal_id[:200],
        name=deal.content["name"][:500],
        values={name: getattr(deal, name) for name in _KEPT} if moves else {},
        **_decided(decision),
    )


def deal_of(row: PriceListRow) -> Deal:
    """The deal as it was read, from a row that is to be applied."""
    assert row.mapping_id is not None  # every row but a vanished one was read
    assert row.number is not None
    return Deal(
        mapping_id=row.mapping_id,
        sheet=row.sheet,
        number=row.number,
        deal_id=row.deal_id,
        listed_price=row.listed_after,
        **row.values,
    )


def carry_out(
    rows: Sequence[PriceListRow], decisions: Sequence[Decision], *, price_list: PriceList, actor: User
) -> None:
    """Make the new products, change the changed ones (an approval is voided by it), and remember the deals.

    The rows are told what was decided now: it may be otherwise than in the preview.
    """
    moving = [decision for decision in decisions if decision.outcome in _CARRIED_OUT]
    write(moving, actor=actor)
    now, decided = timezone.now(), dict[str, Any]()
    for row, decision in zip(rows, decisions, strict=True):
        decided = _decided(decision) | {"applied_at": now}
        for name, value in decided.items():
            setattr(row, name, value)
    upsert(PriceListRow, rows, "id", list(decided))
    _remember(moving, price_list)


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome,
        "product_id": decision.product_id,
        "reasons": decision.reasons,
        "remarks": decision.remarks,
        "changes": {} if decision.outcome == Outcome.NEW else decision.changes | decision.deal_changes,
        "listed_before": decision.known.listed_price if decision.known else None,
        "listed_after": decision.deal.listed_price,
        **decision.margin,
    }


def _remember(decisions: Iterable[Decision], price_list: PriceList) -> None:
    new: list[SupplierDeal] = []
    known: list[SupplierDeal] = []
    for decision in decisions:
        deal = decision.deal
        assert decision.product is not None  # a new one was made just now
        assert deal.listed_price is not None  # or it would have been refused
        kept = decision.known or SupplierDeal(
            supplier=price_list.supplier, deal_id=deal.deal_id, product=decision.product
        )
        kept.mapping_id, kept.price_list = deal.mapping_id, price_list
        kept.content, kept.details, kept.stock = deal.content, deal.details, deal.stock
        kept.listed_price, kept.vanished_at = deal.listed_price, None
        (known if decision.known else new).append(kept)
    SupplierDeal.objects.bulk_create(new)
    upsert(SupplierDeal, known, "id", _DEAL_FIELDS)


def vanished_rows(
    price_list: PriceList, mappings: Iterable[int], deal_ids: set[str], position: int
) -> list[PriceListRow]:
    """The deals that earlier lists with these tables had, and this one has not."""
    there = SupplierDeal.objects.filter(
        supplier=price_list.supplier, mapping__in=list(mappings), vanished_at=None
    ).select_related("product")
    gone = [deal for deal in there.order_by("deal_id") if deal.deal_id.upper() not in deal_ids]
    return [
        PriceListRow(
            price_list=price_list,
            position=position + offset,
            mapping_id=deal.mapping_id,
            deal_id=deal.deal_id,
            name=deal.product.name,
            outcome=Outcome.VANISHED,
            product=deal.product,
            listed_before=deal.listed_price,
            changes={"vanished": [None, f"{timezone.localdate():%Y-%m-%d}"]},
        )
        for offset, deal in enumerate(gone)
    ]
