"""Carrying out what was decided about the deals of a price list. Within a transaction."""

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import User
from django.utils import timezone

from catalogue.models import Outcome, PriceList, PriceListRow, SupplierDeal
from catalogue.pricelists.plan import UNDECIDED, Decision
from catalogue.product_import.apply import upsert, write

_DEAL_FIELDS = ["mapping", "listed_price", "stock", "content", "details", "price_list", "vanished_at"]


def carry_out(
    rows: Sequence[PriceListRow], decisions: Sequence[Decision], *, price_list: PriceList, actor: User
) -> None:
    """Make the new products, change the changed ones (an approval is voided by it), and remember the deals.

    The rows keep what was decided now: it may be otherwise than in the preview.
    """
    write(decisions, actor=actor)
    for decision in decisions:
        assert decision.product is not None  # a new one was made just now
        decision.deal.product_id = decision.product.pk
    now = timezone.now()
    for row in rows:
        row.applied_at = now
    upsert(PriceListRow, rows, "id", ["reasons", "applied_at", *UNDECIDED])
    _remember(decisions, price_list)


def _remember(decisions: Iterable[Decision], price_list: PriceList) -> None:
    new: list[SupplierDeal] = []
    known: list[SupplierDeal] = []
    for decision in decisions:
        deal = decision.deal
        assert deal.mapping_id is not None  # every row but a vanished one was read
        assert deal.listed_after is not None  # or it would have been refused
        kept = decision.known or SupplierDeal(
            supplier=price_list.supplier, deal_id=deal.deal_id, product=decision.product
        )
        kept.mapping_id, kept.price_list = deal.mapping_id, price_list
        kept.content, kept.details, kept.stock = deal.content, deal.values["details"], deal.values["stock"]
        kept.listed_price, kept.vanished_at = deal.listed_after, None
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
