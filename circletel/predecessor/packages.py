"""The predecessor's products and packages: under the same ids, with the status they had there, and their price history."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.utils import timezone

from catalogue import services, versions
from catalogue.content import logical_key, plain
from catalogue.models import PackageStatus, Product, ProductHardware, ProductStatus, ServicePackage
from catalogue.package_fields import EACH_TIME, FIRST_TIME
from catalogue.product_import.apply import create_products
from catalogue.product_import.plan import NOTHING, wanted_content
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.errors import NotReady, Refused
from circletel.predecessor.changes import OldChange, history_problem, write_history
from circletel.predecessor.fields import text
from circletel.predecessor.reading import Reader, identity, instant
from circletel.predecessor.run import MigrationRun, Outcome
from circletel.predecessor.source import PACKAGES, PRODUCTS, Row

IMPORTED = "imported from the predecessor"
_SLUG_LENGTH = 250


def import_products(run: MigrationRun, rows: list[Row], reader: Reader) -> None:
    def write(row: Row) -> Outcome:
        key = identity(row.id)
        if Product.objects.filter(pk=key).exists():
            return Outcome.UNCHANGED
        product = create_product(reader.read(row), run.actor, key=key)
        _follow_its_status(product, row, run)
        return Outcome.NEW

    run.each(PRODUCTS, rows, write)


def create_product(content: dict[str, Any], actor: User, *, key: UUID | None = None) -> Product:
    """A draft with these values, {path: value}."""
    wanted = wanted_content(NOTHING, plain(content), is_new=True)
    (product,) = create_products([wanted], actor=actor, ids=[key] if key else None)
    return product


def product_with_key(content: dict[str, Any], *, preferred: str = "") -> Product | None:
    """The product with this SKU, segment and provider; among several the one with the id `preferred`, or a live one."""
    same_key = Product.objects.filter(
        sku__iexact=content["sku"],
        market_segment=content["market_segment"],
        provider__iexact=content["provider"],
    )

    def fitness(one: Product) -> tuple[bool, bool, str]:
        return str(one.pk) != preferred, one.status == ProductStatus.ARCHIVED, str(one.pk)

    return min(same_key, key=fitness, default=None)


def _follow_its_status(product: Product, row: Row, run: MigrationRun) -> None:
    status = text(row.values.get("status")).casefold()
    if status == "archived" or row.values.get("is_current") is False:
        Product.objects.filter(pk=product.pk).update(status=ProductStatus.ARCHIVED)
        changes = {"status": [ProductStatus.DRAFT.value, ProductStatus.ARCHIVED.value]}
        detail = "archived at the predecessor"
        audit.record("archived", product, actor=run.actor, changes=changes, detail=detail)
    elif status in ("pending", "approved"):
        _submit(product, row, run, approved_there=status == "approved")
    elif status not in ("", "draft"):
        raise Refused(f"status: {status!r} is none of draft, pending, approved and archived")


def _submit(product: Product, row: Row, run: MigrationRun, *, approved_there: bool) -> None:
    """An approval is somebody's signature under a content; nobody's is carried over unasked."""
    try:
        services.submit(product.pk, actor=run.actor)
    except NotReady as problems:
        run.remark(PRODUCTS, row, f"stays a draft: {problems}")
        return
    if approved_there and run.approver is None:
        run.remark(PRODUCTS, row, "was approved there and waits for an approver here")
    elif approved_there and run.approver:
        services.approve(product.pk, actor=run.approver)


def import_packages(
    run: MigrationRun, rows: list[Row], reader: Reader, histories: dict[str, list[OldChange]]
) -> None:
    """`histories` are the changes that took effect at the predecessor, by package."""

    def write(row: Row) -> Outcome:
        key = identity(row.id)
        if ServicePackage.objects.filter(pk=key).exists():
            return Outcome.UNCHANGED
        content = reader.read(row)
        package = _package(key, row, content, run)
        package.source_admin_product = _source(row, content, run)
        _store(package, histories.get(row.id, []), run)
        if row.values.get("bundle_components"):
            run.remark(PACKAGES, row, "was a bundle: say on its product what it is made of")
        return Outcome.NEW

    run.each(PACKAGES, rows, write)


def _package(key: UUID, row: Row, content: dict[str, Any], run: MigrationRun) -> ServicePackage:
    """As publishing makes one of a product that says what the row says."""
    begun = instant("created_at", row.values.get("created_at"))
    valid_from = instant("valid_from", row.values.get("valid_from")) or begun or timezone.now()
    return ServicePackage(
        id=key,
        status=_status(row),
        valid_from=valid_from,
        valid_to=instant("valid_to", row.values.get("valid_to")),
        published_at=begun or valid_from,
        published_by=run.actor,
        price_history=row.values.get("price_history") or [],
        slug=_slug(row),
        logical_key=_variant(content),
        **_fields(content),
    )


def _fields(content: dict[str, Any]) -> dict[str, Any]:
    """What publishing would take over from a product that says this."""
    has_device, included = bool(content["hardware.model"]), bool(content["hardware.included"])
    charged = Decimal("0.00") if included else content["hardware.retail_value"]
    given = content | {
        "hardware.included": has_device and included,
        "hardware.retail_value": charged if has_device else None,
    }
    carried = (*FIRST_TIME, *EACH_TIME)
    return {one.name: given[one.source] for one in carried if one.source in given}


def _variant(content: dict[str, Any]) -> str:
    names = ("name", "contract_months", "market_segment", "provider")
    like = Product(**{name: content[name] for name in names})
    like.hardware = ProductHardware(model=content["hardware.model"])
    return logical_key(like)


def _status(row: Row) -> PackageStatus:
    status = text(row.values.get("status")).casefold() or PackageStatus.ACTIVE
    if status not in PackageStatus.values:
        raise Refused(f"status: {status!r} is none of {', '.join(PackageStatus.values)}")
    # Two columns say whether it is sold, and both have to.
    if status == PackageStatus.ACTIVE and row.values.get("active") is False:
        return PackageStatus.INACTIVE
    return PackageStatus(status)


def _slug(row: Row) -> str:
    """The address people have; a new one is made where it has none or somebody else has it."""
    slug = text(row.values.get("slug"))[:_SLUG_LENGTH]
    is_plain = all(one.isascii() and (one.isalnum() or one in "-_") for one in slug)
    return "" if not is_plain or ServicePackage.objects.filter(slug=slug).exists() else slug


def _source(row: Row, content: dict[str, Any], run: MigrationRun) -> Product:
    """The product it was published from where that is the same thing; else a draft made of the package."""
    named = text(row.values.get("source_admin_product_id"))
    if product := product_with_key(content, preferred=named):
        return product
    if named:
        run.remark(PACKAGES, row, f"got a product of its own: {named} is not here, or is another offer")
    return create_product(content, run.actor)


def _store(package: ServicePackage, history: Sequence[OldChange], run: MigrationRun) -> None:
    if history and history_problem(history, package):
        history = []
    if history and history[0].published_at:
        package.published_at = min(package.published_at, history[0].published_at)
    if not package.price_history:
        since = package.published_at.isoformat()
        package.price_history = [
            {"price": f"{package.price:.2f}", "effective_from": since, "reason": IMPORTED}
        ]
    package.save(force_insert=True)
    write_history(package, history, run)
    run.written_packages.add(package.pk)
    audit.record(IMPORTED, package, actor=run.actor, changes={"status": [None, package.status]})
    if package.status == PackageStatus.ACTIVE:
        package_changed.send(ServicePackage, package=package, deed=IMPORTED, actor=run.actor)
    else:
        # Zoho is not told of what nobody sells, unless it holds a record of it.
        versions.record([package], deed=IMPORTED, actor=run.actor)
