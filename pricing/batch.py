"""Many drafts at once: a percentage over a selection of packages, or a file of prices. Planned first, then drafted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from catalogue.models import PackageStatus, ServicePackage
from catalogue.product_import import values
from catalogue.product_import.columns import Column
from catalogue.product_import.parsing import RowError, parse
from circletel.core import audit
from circletel.core.amounts import rand
from circletel.core.errors import NotReady
from circletel.core.rights import ensure_may
from pricing.models import PriceChange
from pricing.services import already_open

CENT, RAND, TEN = Decimal("0.01"), Decimal(1), Decimal(10)
COLUMNS = (
    Column("sku", "sku", values.text, "a live package", required=True),
    Column("market_segment", "market_segment", values.segment, "consumer or business, or empty"),
    Column("provider", "provider", values.text, "whose network carries it, or empty"),
    Column("new_price", "pricing.regular_price", values.price, "an amount such as 899.00", required=True),
)


@dataclass(frozen=True)
class PlannedChange:
    """One draft to be. `problem` says why it cannot be one; empty when it can."""

    package: ServicePackage
    new_price: Decimal
    problem: str = ""

    @property
    def percentage(self) -> Decimal | None:
        if not self.package.price:
            return None
        return ((self.new_price - self.package.price) * 100 / self.package.price).quantize(
            CENT, ROUND_HALF_UP
        )


def adjusted(price: Decimal, percent: Decimal, ending: int | None) -> Decimal:
    """`price` moved by `percent`: to the cent, or to the nearest whole rand that ends in `ending` (0 to 9).

    Never against the sign of `percent`: an increase that would round to the old price or below goes to the next
    ending above it, a decrease to the next below. May answer zero or less, which no change may ask for.
    """
    exact = price * (1 + percent / 100)
    if ending is None:
        return exact.quantize(CENT, ROUND_HALF_UP)
    tens = ((exact - ending) / TEN).quantize(RAND, ROUND_HALF_UP)
    rounded = tens * TEN + ending
    while percent > 0 and rounded <= price:
        rounded += TEN
    while percent < 0 and rounded >= price:
        rounded -= TEN
    return rounded.quantize(CENT)


def plan_adjustment(
    packages: QuerySet[ServicePackage], percent: Decimal, ending: int | None
) -> list[PlannedChange]:
    """What every package of the selection would come to cost. Two queries."""
    return plan((package, adjusted(package.price, percent, ending)) for package in packages)


def plan(wished: Iterable[tuple[ServicePackage, Decimal]]) -> list[PlannedChange]:
    """With each its problem, all open changes read in one query."""
    rows = list(wished)
    found = PriceChange.objects.open().filter(package__in=[package.pk for package, _price in rows])
    standing = {change.package_id: change for change in found.select_related("package")}
    return [
        PlannedChange(package, price, _problem(package, price, standing.get(package.pk)))
        for package, price in rows
    ]


def _problem(package: ServicePackage, price: Decimal, standing: PriceChange | None) -> str:
    if standing is not None:
        return already_open(standing)
    if package.status == PackageStatus.DRAFT:
        return "it was never published"
    if price <= 0:
        return "the new price must be more than nothing"
    return "that is its price already" if price == package.price else ""


def read_file(data: bytes) -> tuple[list[tuple[ServicePackage, Decimal]], list[RowError]]:
    """Packages and new prices from a CSV file with the columns sku and new_price.

    market_segment and provider are needed where the SKU alone may mean several packages. Every error at once.
    """
    parsed = parse(data, COLUMNS)
    by_sku: dict[str, list[ServicePackage]] = {}
    for package in ServicePackage.objects.exclude(status__in=(PackageStatus.DRAFT, PackageStatus.ARCHIVED)):
        by_sku.setdefault(package.sku.casefold(), []).append(package)
    found: dict[object, tuple[ServicePackage, Decimal]] = {}
    errors = list(parsed.errors)
    for row in parsed.rows:
        sku = row.values["sku"]
        named = [each for each in by_sku.get(sku.casefold(), []) if _is_meant(each, row.values)]
        if len(named) > 1:
            expected = "market_segment and provider too: several packages have this SKU"
            errors.append(RowError(row.number, "sku", sku, expected))
        elif not named:
            errors.append(RowError(row.number, "sku", sku, "a live package"))
        elif named[0].pk in found:
            errors.append(RowError(row.number, "sku", sku, "each package once"))
        else:
            found[named[0].pk] = named[0], row.values["new_price"]
    if errors:
        return [], sorted(errors, key=lambda error: error.row or 0)
    return list(found.values()), []


def _is_meant(package: ServicePackage, cells: dict[str, Any]) -> bool:
    wanted = {"market_segment": package.market_segment, "provider": package.provider}
    return all(
        not cells.get(name) or cells[name].casefold() == value.casefold() for name, value in wanted.items()
    )


@transaction.atomic
def draft_batch(
    planned: Sequence[PlannedChange],
    *,
    effective_date: date | None,
    reason: str,
    name: str,
    actor: User,
) -> int:
    """Draft what was planned, all of it or nothing. Raises NotReady when anything moved since the plan was made."""
    ensure_may(actor, "pricing.draft_pricechange", "draft price changes")
    if not reason.strip():
        raise NotReady("reason: say why the prices change")
    locked = ServicePackage.objects.select_for_update().in_bulk([row.package.pk for row in planned])
    today = plan((locked[row.package.pk], row.new_price) for row in planned)
    problems = [f"{row.package}: {row.problem}" for row in today if row.problem]
    problems += [
        f"{now.package}: it costs {rand(now.package.price)} by now, not {rand(row.package.price)}"
        for row, now in zip(planned, today, strict=True)
        if now.package.price != row.package.price
    ]
    if problems:
        raise NotReady(*problems)
    changes = PriceChange.objects.bulk_create(
        (
            PriceChange(
                package=row.package,
                old_price=row.package.price,
                new_price=row.new_price,
                effective_date=effective_date,
                reason=reason.strip(),
                batch=name,
                created_by=actor,
                changed_by=actor,
            )
            for row in today
        ),
        batch_size=1000,
    )
    wished = ((each, {"new_price": [f"{each.old_price:.2f}", f"{each.new_price:.2f}"]}) for each in changes)
    audit.record_many("price change drafted", wished, actor=actor)
    return len(changes)
