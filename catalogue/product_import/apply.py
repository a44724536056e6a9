"""Writing planned rows: many products in few statements, their audit entries with them. A file goes in whole or not."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Model
from psycopg.errors import UniqueViolation

from catalogue import services
from catalogue.content import content_of, differences, hardware_of, pricing_of
from catalogue.models import Product, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.product import slug_candidates
from catalogue.product_import.parsing import ParsedFile, RowError
from catalogue.product_import.plan import ImportOutcome, PlannedRow, plan_import
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may

_BATCH = 1000
Instance = TypeVar("Instance", bound=Model)


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
            outcome = plan.outcome
            write(plan.rows, actor=actor)
            return outcome
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise Refused(
            "someone added one of these products at this very moment; import the file again"
        ) from error


def write(rows: Iterable[PlannedRow], *, actor: User) -> None:
    """Make the new products, which their rows then have, and change those that differ. Checks no permission.

    Within the caller's transaction: a statement a table and thousand rows, an audit entry a product. A change voids
    an approval.
    """
    rows = list(rows)
    new = [row for row in rows if row.is_new]
    changed = [row for row in rows if not row.is_new and row.changes]
    for row, product in zip(new, create_products([row.wanted for row in new], actor=actor), strict=True):
        row.product = product
    _update_products(changed, actor)


def create_products(
    contents: list[dict[str, Any]], *, actor: User, ids: Sequence[uuid.UUID] | None = None
) -> list[Product]:
    """Drafts with these contents (as `product_content` writes them), in this order, within the caller's transaction.

    `ids` are for products that had theirs before; without, each gets a new one. Checks no permission.
    """
    slugs = _free_slugs(contents)
    products, pricings, devices, features = [], [], [], []
    made = []
    for content, slug, id in zip(contents, slugs, ids or [uuid.uuid4() for _ in contents], strict=True):
        # What the file does not say keeps the model's default.
        said = {path: value for path, value in content.items() if value is not None}
        product = Product(id=id, slug=slug, created_by=actor, changed_by=actor, **_part_of(said, ""))
        prices, own = _part_of(said, "pricing."), _part_of(said, "hardware.")
        pricing = ProductPricing(product=product, **prices) if prices else None
        device = ProductHardware(product=product, **own) if own else None
        texts = _features_of(product, content)
        products.append(product)
        pricings += [pricing] if pricing else []
        devices += [device] if device else []
        features += texts
        made.append((product, content_of(product, pricing, device, texts)))
    Product.objects.bulk_create(products, _BATCH)
    ProductPricing.objects.bulk_create(pricings, _BATCH)
    ProductHardware.objects.bulk_create(devices, _BATCH)
    ProductFeature.objects.bulk_create(features, _BATCH)
    audit.record_many("created", ((one, differences({}, content)) for one, content in made), actor=actor)
    return products


def _update_products(rows: Sequence[PlannedRow], actor: User) -> None:
    found = [(row, row.product) for row in rows if row.product is not None]
    products, pricings, devices, without, features = [], [], [], [], []
    for row, product in found:
        if _part_of(row.changes, ""):
            products.append(_with(product, _part_of(row.wanted, "")))
        if _part_of(row.changes, "pricing."):
            pricing = pricing_of(product) or ProductPricing(product=product)
            pricings.append(_with(pricing, _part_of(row.wanted, "pricing.")))
        if not row.wanted["hardware.model"]:
            without.append(product.pk)
        elif _part_of(row.changes, "hardware."):
            device = hardware_of(product) or ProductHardware(product=product)
            devices.append(_with(device, _part_of(row.wanted, "hardware.")))
        if "features" in row.changes:
            features.append((product, _features_of(product, row.wanted)))
    upsert(Product, products, "id", _changed_fields(rows, ""))
    upsert(ProductPricing, pricings, "product", _changed_fields(rows, "pricing."))
    upsert(ProductHardware, devices, "product", _changed_fields(rows, "hardware."))
    ProductHardware.objects.filter(product__in=without).delete()
    ProductFeature.objects.filter(product__in=[product for product, _ in features]).delete()
    ProductFeature.objects.bulk_create((text for _, texts in features for text in texts), _BATCH)
    if found:
        services.record_edits({product.pk: row.changes for row, product in found}, actor=actor)


def upsert(model: type[Model], instances: Sequence[Model], key: str, fields: list[str]) -> None:
    """One statement for many rows; a bulk_update's CASE grows with rows times fields."""
    if instances and fields:
        model._default_manager.bulk_create(
            list(instances), _BATCH, update_conflicts=True, unique_fields=[key], update_fields=fields
        )


def _with(instance: Instance, values: dict[str, Any]) -> Instance:
    for field, value in values.items():
        setattr(instance, field, value)
    return instance


def _features_of(product: Product, wanted: dict[str, Any]) -> list[ProductFeature]:
    return [
        ProductFeature(product=product, position=i, text=text) for i, text in enumerate(wanted["features"])
    ]


def _changed_fields(rows: Sequence[PlannedRow], prefix: str) -> list[str]:
    """The fields of one model that any of the rows changes."""
    return sorted({name for row in rows for name in _part_of(row.changes, prefix)})


def _part_of(content: dict[str, Any], prefix: str) -> dict[str, Any]:
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
        slug_candidates(*(content[field] or "" for field in ("name", "sku", "market_segment", "provider")))
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
