"""What a coupon takes off an invoice, and how often. Zoho Billing API v1: "Coupons"; help: "Coupons".

Not documented, and chosen here: nothing is taken off a setup fee; a flat amount is spread over the lines in
proportion; VAT is on what is left; an invoice for a change within a term bears no coupon.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from .sums import amount, cents, line_total


def coupon_of(state: State, subscription: Document) -> Document | None:
    """The coupon that its next invoice bears; None without one, or when it was used up."""
    coupon = state.billing_coupons.first("coupon_code", subscription["coupon_code"])
    if coupon is None or coupon["type"] == "forever":
        return coupon
    times = coupon["duration"] if coupon["type"] == "duration" else 1
    return coupon if subscription["coupon_used"] < times else None


def used(state: State, subscription: Document) -> Document:
    """The subscription after an invoice that bore its coupon."""
    after = {**subscription, "coupon_used": subscription["coupon_used"] + 1}
    is_over = coupon_of(state, after) is None
    return taken_off(after) if is_over and not state.settings.used_coupons_stay else after


def taken_off(subscription: Document) -> Document:
    return {**subscription, "coupon_code": "", "coupon_used": 0}


def discounted(lines: Sequence[Document], coupon: Document | None) -> list[Document]:
    """The lines, each with what the coupon takes off it as `discount_amount`."""
    totals = [line_total(line) if coupon and is_eligible(line, coupon) else Decimal() for line in lines]
    whole_sum = sum(totals, Decimal())
    if coupon is None or not whole_sum:
        return [{**line, "discount_amount": 0} for line in lines]
    if coupon["discount_by"] == "percentage":
        shares = [cents(each * Decimal(str(coupon["discount_value"])) / 100) for each in totals]
    else:
        flat = min(cents(coupon["discount_value"]), whole_sum)
        shares = [cents(flat * each / whole_sum) for each in totals]
        # What rounding leaves over goes to the last line that is reduced.
        last = max(number for number, each in enumerate(totals) if each)
        shares[last] += flat - sum(shares, Decimal())
    return [{**line, "discount_amount": amount(share)} for line, share in zip(lines, shares, strict=True)]


def is_eligible(line: Document, coupon: Document) -> bool:
    if line["of"] == "plan":
        return coupon["apply_to_plans"] == "all" or line["code"] in coupon["plans"]
    if line["of"] not in ("recurring", "one_time"):
        return False
    whole_kind = {"all_addons": line["of"], "all_recurring": "recurring", "all_onetime": "one_time"}
    return line["of"] == whole_kind.get(coupon["apply_to_addons"]) or line["code"] in coupon["addons"]
