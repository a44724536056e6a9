"""The predecessor's packages: on sale here as there, under the same ids, with their price history."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from catalogue import versions
from catalogue.content import logical_key
from catalogue.legacy.reading import Options, ReadRow
from catalogue.legacy.source import Row
from catalogue.models import PackageStatus, Product, ProductHardware, ProductStatus, ServicePackage
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.predecessor.history import PriceHistory, write_history
from circletel.predecessor.products import create_product, ensure_readable, reader_of
from circletel.predecessor.report import Outcome
from circletel.predecessor.tables import PACKAGES, OldTable, is_empty, source_of
from circletel.predecessor.values import identity, instant, text
from circletel.predecessor.work import Move
from pricing.ledger import open_ledger

IMPORTED = "imported from the predecessor"
_FIELDS = {
    "name": "name",
    "sku": "sku",
    "market_segment": "market_segment",
    "provider": "provider",
    "service_type": "service_type",
    "category": "product_category",
    "technology": "technology",
    "speed_down_mbps": "speed_down_mbps",
    "speed_up_mbps": "speed_up_mbps",
    "data_limit": "data_limit",
    "contract_months": "contract_months",
    "description": "description",
    "price": "price_incl_vat",
    "promotion_price": "promo_price_incl_vat",
    "promotion_months": "promo_months",
    "promotion_from": "promo_from",
    "promotion_to": "promo_to",
    "installation_fee": "installation_fee_incl_vat",
    "hardware_model": "hardware_model",
}
_TEXTS = ("technology", "data_limit", "description", "hardware_model")
_SLUG_LENGTH = 250


def import_packages(
    move: Move, table: OldTable, options: Options, histories: dict[str, PriceHistory]
) -> None:
    """`histories` are the changes that took effect at the predecessor, by package."""
    reader = reader_of(table, options, move.report)

    def write(row: Row) -> Outcome:
        key = identity(row.id)
        if ServicePackage.objects.filter(pk=key).exists():
            return Outcome.UNCHANGED
        read = reader.read(row)
        ensure_readable(read)
        package = _package(key, row, read, move)
        _store(package, move, histories.get(row.id))
        _say_what_was_left(row, move)
        return Outcome.NEW

    move.each(PACKAGES, table.rows, write)


def _package(key: UUID, row: Row, read: ReadRow, move: Move) -> ServicePackage:
    values = {ours: read.values.get(theirs) for ours, theirs in _FIELDS.items()}
    values |= {name: values[name] or "" for name in _TEXTS}
    begun = instant("created_at", row.values.get("created_at"))
    valid_from = instant("valid_from", row.values.get("valid_from")) or begun or timezone.now()
    package = ServicePackage(
        id=key,
        **values,
        **_device(read),
        features=list(read.values.get("features") or []),
        status=_status(row),
        valid_from=valid_from,
        valid_to=_end(row, valid_from),
        published_at=begun or valid_from,
        published_by=move.actor,
        price_history=row.values.get("price_history") or [],
        slug=_slug(row),
    )
    package.logical_key = _variant(package)
    _ensure_its_own_key(package)
    package.source_admin_product = _source(package, row, read, move)
    return package


def _device(read: ReadRow) -> dict[str, Any]:
    if not read.values.get("hardware_model"):
        return {"hardware_included": False, "hardware_price": None}
    included = bool(read.values.get("hardware_included"))
    price = Decimal("0.00") if included else read.values.get("hardware_retail_value")
    if price is None:
        raise Refused("hardware: the device is not included, and no column says what it costs the customer")
    return {"hardware_included": included, "hardware_price": price}


def _status(row: Row) -> PackageStatus:
    said = text(row.values.get("status")).casefold()
    if not said:
        return PackageStatus.INACTIVE if row.values.get("active") is False else PackageStatus.ACTIVE
    if said not in PackageStatus.values:
        raise Refused(f"status: {said!r} is none of {', '.join(PackageStatus.values)}")
    # Two columns say whether it is sold, and both have to.
    if said == PackageStatus.ACTIVE and row.values.get("active") is False:
        return PackageStatus.INACTIVE
    return PackageStatus(said)


def _end(row: Row, valid_from: datetime) -> datetime | None:
    end = instant("valid_to", row.values.get("valid_to"))
    if end is not None and end <= valid_from:
        raise Refused(f"valid_to: {end:%-d %b %Y} does not lie after valid_from, {valid_from:%-d %b %Y}")
    return end


def _slug(row: Row) -> str:
    """The address people have; a new one is made where it has none or somebody else has it."""
    slug = text(row.values.get("slug"))[:_SLUG_LENGTH]
    plain = all(one.isascii() and (one.isalnum() or one in "-_") for one in slug)
    return "" if not plain or ServicePackage.objects.filter(slug=slug).exists() else slug


def _variant(package: ServicePackage) -> str:
    like = Product(
        name=package.name,
        contract_months=package.contract_months,
        market_segment=package.market_segment,
        provider=package.provider,
    )
    like.hardware = ProductHardware(model=package.hardware_model)
    return logical_key(like)


def _ensure_its_own_key(package: ServicePackage) -> None:
    sku, segment, provider = package.business_key
    other = ServicePackage.objects.filter(
        sku__iexact=sku, market_segment=segment, provider__iexact=provider
    ).first()
    if other is not None:
        raise Refused(f"sku: {other} has this SKU, segment and provider here already, as package {other.pk}")


def _source(package: ServicePackage, row: Row, read: ReadRow, move: Move) -> Product:
    """The product it was published from where that is the same thing; else a draft made of the package."""
    named = source_of(row.values)
    same_key = Product.objects.filter(
        sku__iexact=package.sku,
        market_segment=package.market_segment,
        provider__iexact=package.provider,
    )

    def fitness(one: Product) -> tuple[bool, bool, str]:
        return str(one.pk) != named, one.status == ProductStatus.ARCHIVED, str(one.pk)

    if product := min(same_key, key=fitness, default=None):
        return product
    if named:
        move.remark(PACKAGES, row, f"got a product of its own: {named} is not here, or is another offer")
    return create_product(read, move)


def _store(package: ServicePackage, move: Move, history: PriceHistory | None) -> None:
    if history is not None and not history.problem_with(package):
        package.published_at = min(package.published_at, history.begins)
    if not package.price_history:
        since = package.published_at.isoformat()
        package.price_history = [
            {"price": f"{package.price:.2f}", "effective_from": since, "reason": IMPORTED}
        ]
    package.save(force_insert=True)
    if history is not None and not history.problem_with(package):
        write_history(package, history, move)
    move.fresh[str(package.pk)] = package
    audit.record(IMPORTED, package, actor=move.actor, changes={"status": [None, package.status]})
    if package.status == PackageStatus.ACTIVE:
        package_changed.send(ServicePackage, package=package, deed=IMPORTED, actor=move.actor)
    else:
        # Zoho is not told of what nobody sells, unless it holds a record of it.
        versions.record([package], deed=IMPORTED, actor=move.actor)
        open_ledger(package)


def _say_what_was_left(row: Row, move: Move) -> None:
    if not is_empty(row.values.get("bundle_components")):
        move.remark(PACKAGES, row, "was a bundle: say on its product what it is made of")
