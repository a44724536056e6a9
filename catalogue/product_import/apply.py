"""Importing products: all rows of a file, or none."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from catalogue import services
from catalogue.content import HARDWARE_FIELDS, content_of, pricing_of
from catalogue.models import Product, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.product import slug_candidates
from catalogue.product_import.parsing import ParsedFile, RowError
from catalogue.product_import.plan import ImportOutcome, PlannedRow, plan_import
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may

_BATCH = 1000


class BadFile(Refused):
    """The file holds errors, so nothing of it was imported. `errors` names each."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__(*(str(error) for error in errors))
        self.errors = errors


def import_products(parsed: ParsedFile, *, actor: User) -> ImportOutcome:
    """Do what the file says. Raises NotAllowed, BadFile or Refused, having written nothing."""
    ensure_may(actor, "catalogue.import_product", "import products")
    try:
        with transaction.atomic():
            plan = plan_import(parsed, lock=True)
            if plan.errors:
                raise BadFile(plan.errors)
            create_products([row.wanted for row in plan.rows if row.is_new], actor=actor)
            for row in plan.rows:
                if not row.is_new and row.changes:
                    update_planned(row, actor)
            return plan.outcome
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise Refused(
            "someone added one of these products at this very moment; import the file again"
        ) from error


def create_products(
    contents: list[dict[str, Any]], *, actor: User, ids: Sequence[uuid.UUID] | None = None
) -> list[Product]:
    """Drafts with these contents (as `product_content` writes them), in this order, within the caller's transaction.

    Many at once: one statement a table and thousand rows, and one audit entry a product. Checks no right. `ids` are
    for products that had theirs before; without, each gets a new one.
    """
    slugs = _free_slugs(contents)
    products, pricings, devices, features = [], [], [], []
    made = []
    for content, slug, id in zip(contents, slugs, ids or [uuid.uuid4() for _ in contents], strict=True):
        # What the file does not say keeps the model's default.
        said = {path: value for path, value in content.items() if value is not None}
        product = Product(id=id, slug=slug, created_by=actor, changed_by=actor, **part_of(said, ""))
        pricing = ProductPricing(product=product, **part_of(said, "pricing."))
        own = part_of(said, "hardware.")
        device = ProductHardware(product=product, **own) if own else None
        texts = features_of(product, content)
        products.append(product)
        pricings.append(pricing)
        devices += [device] if device else []
        features += texts
        made.append((product, content_of(product, pricing, device, texts)))
    Product.objects.bulk_create(products, _BATCH)
    ProductPricing.objects.bulk_create(pricings, _BATCH)
    ProductHardware.objects.bulk_create(devices, _BATCH)
    ProductFeature.objects.bulk_create(features, _BATCH)
    services.record_creations(made, actor=actor)
    return products


def update_planned(row: PlannedRow, actor: User) -> None:
    """Write the changes of one row, with the audit entry of an edit."""
    product, changed = row.product, {path: after for path, (_before, after) in row.changes.items()}
    assert product is not None
    if fields := part_of(changed, ""):
        _save(product, fields)
    if fields := part_of(changed, "pricing."):
        _save(pricing_of(product) or ProductPricing(product=product), fields)
    if part_of(changed, "hardware."):
        _update_device(product, row.wanted)
    if "features" in changed:
        product.features.all().delete()
        ProductFeature.objects.bulk_create(features_of(product, row.wanted))
    services.record_edit(product, actor=actor, before=row.before)


def _update_device(product: Product, wanted: dict[str, Any]) -> None:
    if wanted["hardware.model"] is None:
        ProductHardware.objects.filter(product=product).delete()
    else:
        device = {field: wanted[f"hardware.{field}"] for field in HARDWARE_FIELDS}
        ProductHardware.objects.update_or_create(product=product, defaults=device)


def _save(instance: Product | ProductPricing, values: dict[str, Any]) -> None:
    for field, value in values.items():
        setattr(instance, field, value)
    instance.save(update_fields=None if instance._state.adding else list(values))


def features_of(product: Product, wanted: dict[str, Any]) -> list[ProductFeature]:
    return [
        ProductFeature(product=product, position=i, text=text) for i, text in enumerate(wanted["features"])
    ]


def part_of(content: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The fields of one model out of a flat content."""
    own = {path.removeprefix(prefix): value for path, value in content.items() if path.startswith(prefix)}
    return {
        name: value
        for name, value in own.items()
        if "." not in name and name not in ("features", "add_ons", "components")
    }


def _free_slugs(contents: Iterable[dict[str, Any]]) -> list[str]:
    """As `free_slug` would give them one after another, but asking the database once."""
    wanted = [
        slug_candidates(*(content[field] for field in ("name", "sku", "market_segment", "provider")))
        for content in contents
    ]
    every = {slug for candidates in wanted for slug in candidates}
    taken = set(Product.objects.filter(slug__in=every).values_list("slug", flat=True))
    slugs: list[str] = []
    for candidates in wanted:
        free = next(
            (slug for slug in candidates if slug not in taken), f"{candidates[-1]}-{uuid.uuid4().hex[:8]}"
        )
        taken.add(free)
        slugs.append(free)
    return slugs
