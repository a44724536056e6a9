"""Many drafts at once: a percentage over a selection of packages, or a file of prices. Planned first, then drafted."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from catalogue.models import PackageStatus, ServicePackage
from catalogue.product_import.parsing import RowError
from catalogue.product_import.values import price as read_price
from catalogue.product_import.values import tidy
from circletel.core import audit
from circletel.core.amounts import rand
from circletel.core.errors import NotReady
from circletel.core.rights import ensure_may
from pricing.models import PriceChange
from pricing.services import already_open

CENT, RAND, TEN = Decimal("0.01"), Decimal(1), Decimal(10)
COLUMNS = ("sku", "market_segment", "provider", "new_price")
LARGEST_FILE_MB = 5


@dataclass(frozen=True)
class PlannedChange:
    """One draft to be. `problem` says why it cannot be one; empty when it can."""

    package: ServicePackage
    new_price: Decimal
    problem: str = ""

    @property
    def difference(self) -> Decimal:
        return self.new_price - self.package.price

    @property
    def percentage(self) -> Decimal | None:
        if not self.package.price:
            return None
        return (self.difference * 100 / self.package.price).quantize(CENT, ROUND_HALF_UP)


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
    if len(data) > LARGEST_FILE_MB * 2**20:
        return [], [RowError(None, "", "", f"a file of at most {LARGEST_FILE_MB} MB")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [RowError(None, "", "", "a CSV file in UTF-8")]
    first = text.partition("\n")[0]
    records = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count)))
    header = [tidy(cell).lower().replace(" ", "_") for cell in records[0]] if records else []
    if {"sku", "new_price"} - set(header) or set(header) - set(COLUMNS) or len(set(header)) < len(header):
        return [], [RowError(1, "", ", ".join(header), f"the columns {', '.join(COLUMNS)}, each once")]
    return _read_rows(header, records[1:])


def _read_rows(
    header: Sequence[str], records: Sequence[Sequence[str]]
) -> tuple[list[tuple[ServicePackage, Decimal]], list[RowError]]:
    on_sale = ServicePackage.objects.exclude(status__in=(PackageStatus.DRAFT, PackageStatus.ARCHIVED))
    by_sku: dict[str, list[ServicePackage]] = {}
    for package in on_sale.order_by("name", "sku"):
        by_sku.setdefault(package.sku.casefold(), []).append(package)
    found: dict[object, tuple[ServicePackage, Decimal]] = {}
    errors = []
    for number, record in enumerate(records, 2):
        cells = dict(zip(header, map(tidy, record), strict=False))
        beyond = ", ".join(filter(None, map(tidy, record[len(header) :])))
        if beyond:
            # An amount such as 849,50 in a file of commas: read on, it would be R 849.
            errors.append(RowError(number, "", beyond, "no cell beyond the columns; amounts as 899.00"))
            continue
        if not any(cells.values()):
            continue
        sku = cells.get("sku", "")
        named = [each for each in by_sku.get(sku.casefold(), []) if _is_meant(each, cells)]
        if len(named) != 1:
            expected = (
                "market_segment and provider too: several packages have this SKU"
                if named
                else "a live package"
            )
            errors.append(RowError(number, "sku", sku, expected))
            continue
        try:
            price = read_price(cells.get("new_price", ""))
        except ValueError:
            errors.append(
                RowError(number, "new_price", cells.get("new_price", ""), "an amount such as 899.00")
            )
            continue
        if named[0].pk in found:
            errors.append(RowError(number, "sku", sku, "each package once"))
        found[named[0].pk] = named[0], price
    if not found and not errors:
        errors.append(RowError(None, "", "", "at least one row below the header"))
    return ([], errors) if errors else (list(found.values()), [])


def _is_meant(package: ServicePackage, cells: dict[str, str]) -> bool:
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
