"""What a supplier's price leaves us. Costs and margins are shown to cost viewers only."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from catalogue.models import ServicePackage, Supplier
from catalogue.models.vat import CENT

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Margin:
    """A package's margin in per cent of its price, before and after a list, and the price that would mend it.

    `proposed` passes a rise on, rand for rand, and is never below what the floor asks; None when nothing is
    to be mended.
    """

    package: ServicePackage
    before: Decimal | None
    after: Decimal | None
    below_floor: bool
    proposed: Decimal | None


def margin_of(
    package: ServicePackage, supplier: Supplier, listed_before: Decimal | None, listed_after: Decimal
) -> Margin:
    """`package`'s current price against the supplier's listed price (both VAT included, which cancels out)."""
    price = package.current_price
    cost_before = None if listed_before is None else cost(listed_before, supplier)
    cost_after = cost(listed_after, supplier)
    after = percent(price, cost_after)
    floor = supplier.margin_floor_percent
    below = floor is not None and (after is None or after < floor)
    wanted = price
    if cost_before is not None and cost_after > cost_before:
        wanted += cost_after - cost_before
    if below and floor is not None:
        wanted = max(wanted, (cost_after / (1 - floor / HUNDRED)).quantize(CENT, ROUND_UP))
    return Margin(
        package=package,
        before=None if cost_before is None else percent(price, cost_before),
        after=after,
        below_floor=below,
        proposed=wanted if wanted != price else None,
    )


def cost(listed: Decimal, supplier: Supplier) -> Decimal:
    """What a deal costs us: its listed price less our discount."""
    return (listed * (1 - supplier.discount_percent / HUNDRED)).quantize(CENT, ROUND_HALF_UP)


def percent(price: Decimal, cost_: Decimal) -> Decimal | None:
    """The margin in per cent of the price; None where the price is 0."""
    return ((price - cost_) / price * HUNDRED).quantize(CENT, ROUND_HALF_UP) if price else None
