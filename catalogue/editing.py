"""Describing a product: made and edited as a whole, by the rules that its page in the admin keeps too."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction

from catalogue import services
from catalogue.content import PRODUCT_FIELDS, hardware_of, pricing_of, whole_content
from catalogue.models import (
    BundleComponent,
    Product,
    ProductAddOn,
    ProductFeature,
    ProductHardware,
    ProductPricing,
    ProductStatus,
)
from circletel.core.errors import Invalid, NotAllowed, Refused, WrongStatus
from circletel.core.rights import ensure_may, name_of

BUSINESS_KEY = ("sku", "provider", "market_segment")
OWN_FIELDS = (*PRODUCT_FIELDS, "internal_notes")
COSTS = ("dealer_cost",)


def is_editable(product: Product) -> bool:
    return product.status != ProductStatus.ARCHIVED


def fixed_fields(product: Product) -> tuple[str, ...]:
    """What cannot change any more: the business key of something published. Another key is another product."""
    return BUSINESS_KEY if product.packages.exists() else ()


@transaction.atomic
def create_product(values: Mapping[str, Any], *, actor: User) -> Product:
    """A draft made of `values`: the product's own fields, and of its parts those that are given:

    `pricing` and `hardware` (mappings; None is without), `features` (texts), `add_ons` (mappings) and `components`
    (mappings of `component`, a product's id, and `quantity`). Raises NotAllowed, or Invalid naming every field.
    """
    ensure_may(actor, "catalogue.add_product", "add products")
    product = Product(created_by_id=actor.pk, changed_by_id=actor.pk)
    _write(product, values, actor)
    services.record_edit(product, actor=actor, before=None)
    return Product.objects.with_content().get(pk=product.pk)


@transaction.atomic
def edit_product(product_id: Any, values: Mapping[str, Any], *, actor: User) -> Product:
    """Change what `values` (as in `create_product`) names. Lists are replaced, pricing and hardware field by field.

    A change of content voids an approval. Raises NotAllowed, WrongStatus, Refused, Invalid or Product.DoesNotExist.
    """
    Product.objects.select_for_update().get(pk=product_id)
    product = Product.objects.with_content().get(pk=product_id)
    ensure_may(actor, "catalogue.change_product", "change products")
    if not is_editable(product):
        raise WrongStatus(f"{product} is archived: it can be neither edited nor published any more")
    fixed = [
        name for name in fixed_fields(product) if name in values and values[name] != getattr(product, name)
    ]
    if fixed:
        words = "cannot change any more: the product was published, and another key is another product"
        raise Refused(*(f"{product}: {name} {words}" for name in fixed))
    before = whole_content(product)
    _write(product, values, actor)
    services.record_edit(product, actor=actor, before=before)
    return Product.objects.with_content().get(pk=product_id)


def _write(product: Product, values: Mapping[str, Any], actor: User) -> None:
    hardware = values.get("hardware") or {}
    if any(name in hardware for name in COSTS) and not actor.has_perm("catalogue.view_costs"):
        raise NotAllowed(f"{name_of(actor)} may not see or set costs: leave {', '.join(COSTS)} out")
    errors: dict[str, list[str]] = {}
    _save(product, {name: values[name] for name in OWN_FIELDS if name in values}, "", errors)
    if errors:
        raise Invalid(errors)
    if "pricing" in values:
        _save_one(ProductPricing, pricing_of(product), product, values["pricing"], "pricing", errors)
    if "hardware" in values:
        _save_one(ProductHardware, hardware_of(product), product, values["hardware"], "hardware", errors)
    if "features" in values:
        texts = [{"position": i, "text": text} for i, text in enumerate(values["features"])]
        _save_many(ProductFeature, product, texts, "features", errors)
    if "add_ons" in values:
        _save_many(ProductAddOn, product, values["add_ons"], "add_ons", errors)
    if "components" in values:
        parts = [
            {"component_id": one.get("component"), "quantity": one.get("quantity", 1)}
            for one in values["components"]
        ]
        _save_many(BundleComponent, product, parts, "components", errors)
    if errors:
        raise Invalid(errors)


def _save_one(
    model: type[models.Model],
    found: models.Model | None,
    product: Product,
    values: Mapping[str, Any] | None,
    path: str,
    errors: dict[str, list[str]],
) -> None:
    if values is not None:
        _save(found or model(product=product), values, path, errors)
    elif found is not None:
        if model is ProductPricing:
            errors[path] = ["cannot be taken away: a product keeps its pricing"]
        else:
            found.delete()


def _save_many(
    model: type[models.Model],
    product: Product,
    parts: Sequence[Mapping[str, Any]],
    path: str,
    errors: dict[str, list[str]],
) -> None:
    model._default_manager.filter(product=product).delete()
    for number, values in enumerate(parts):
        _save(model(product=product), values, f"{path}.{number}", errors)


def _save(instance: models.Model, values: Mapping[str, Any], path: str, errors: dict[str, list[str]]) -> None:
    """Store it, or add what is wrong with it to `errors`, each under the path of its field."""
    for name, value in values.items():
        setattr(instance, name, value)
    # People and the product itself are ours to set; a constraint that names an excluded field would be passed over.
    ours = {field.name for field in instance._meta.fields if field.is_relation and field.name != "component"}
    try:
        instance.clean_fields(exclude=ours | {"slug"})
        instance.clean()
        instance.validate_constraints()
        with transaction.atomic():
            instance.save()
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            where = ".".join(filter(None, (path, "" if name == NON_FIELD_ERRORS else name)))
            errors.setdefault(where, []).extend(messages)
    except IntegrityError:
        # Somebody else was faster between the check and the row.
        errors.setdefault(path or "sku", []).append("There is already one like this.")
