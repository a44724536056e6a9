"""Decisions as rows of a price list, and rows as deals again."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Upper
from django.utils import timezone

from catalogue.models import Outcome, PriceList, PriceListRow, Supplier, SupplierDeal
from catalogue.pricelists.deals import Deal
from catalogue.pricelists.plan import Decision


def row_of(decision: Decision, price_list: PriceList, position: int) -> PriceListRow:
    deal = decision.deal
    row = PriceListRow(
        price_list=price_list,
        position=position,
        sheet=deal.sheet[:100],
        number=deal.number,
        mapping_id=deal.mapping_id,
        deal_id=deal.deal_id[:200],
        name=(deal.content.get("name") or deal.name)[:500],
        # What stays as it is need not be kept twice.
        values={} if decision.outcome == Outcome.UNCHANGED else deal.values,
    )
    judge(row, decision)
    return row


def judge(row: PriceListRow, decision: Decision) -> None:
    """Write the decision onto the row: at the preview, and again when it is applied."""
    row.outcome = decision.outcome
    row.reasons, row.remarks, row.changes = decision.reasons, decision.remarks, decision.changes
    row.product_id = decision.product_id
    row.listed_after = decision.deal.listed_price
    row.listed_before = decision.listed_before
    margin = decision.margin
    row.package = margin.package if margin else None
    row.proposed_price = margin.proposed if margin else None
    row.margin_before, row.margin_after = (margin.before, margin.after) if margin else (None, None)
    row.below_floor = margin.below_floor if margin else False


JUDGED = [
    "outcome",
    "reasons",
    "remarks",
    "changes",
    "listed_after",
    "listed_before",
    "package_id",
    "proposed_price",
    "margin_before",
    "margin_after",
    "below_floor",
]


def settle(rows: Sequence[PriceListRow], decisions: Sequence[Decision], supplier: Supplier) -> None:
    """Write down that the rows were applied, and what was decided otherwise than in the preview."""
    now, differing = timezone.now(), []
    for row, decision in zip(rows, decisions, strict=True):
        before = [getattr(row, name) for name in JUDGED]
        judge(row, decision)
        if before != [getattr(row, name) for name in JUDGED]:
            differing.append(row)
    PriceListRow.objects.bulk_create(
        differing,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[name.removesuffix("_id") for name in JUDGED],
    )
    deals = SupplierDeal.objects.alias(upper_id=Upper("deal_id")).filter(
        supplier=supplier, upper_id=Upper(OuterRef("deal_id"))
    )
    PriceListRow.objects.filter(pk__in=[row.pk for row in rows]).update(
        applied_at=now, product=Subquery(deals.values("product")[:1])
    )


def deal_of(row: PriceListRow) -> Deal:
    """The deal as it was read, from a row that is to be applied."""
    values: dict[str, Any] = row.values
    assert row.mapping_id is not None  # every row but a vanished one was read
    assert row.number is not None
    return Deal(
        mapping_id=row.mapping_id,
        sheet=row.sheet,
        number=row.number,
        deal_id=row.deal_id,
        name=row.name,
        content=values["content"],
        listed_price=Decimal(values["listed_price"]),
        stock=values["stock"],
        details=values["details"],
    )


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
