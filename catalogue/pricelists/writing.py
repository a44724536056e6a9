"""Carrying out decisions: many products in few statements, their audit entries with them. Within a transaction."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.utils.dateparse import parse_datetime

from catalogue import services
from catalogue.content import hardware_of, pricing_of
from catalogue.models import (
    Outcome,
    PriceList,
    Product,
    ProductFeature,
    ProductHardware,
    ProductPricing,
    SupplierDeal,
)
from catalogue.pricelists.plan import Decision
from catalogue.product_import.apply import create_products, features_of, part_of

_INSTANTS = ("valid_from", "valid_to")
_DEAL_FIELDS = ["mapping", "listed_price", "stock", "content", "details", "price_list", "vanished_at"]


def carry_out(decisions: Sequence[Decision], *, price_list: PriceList, actor: User) -> None:
    """Make the new products, change the changed ones (an approval is voided by it), and remember the deals."""
    new = [decision for decision in decisions if decision.outcome == Outcome.NEW]
    products = create_products([decision.wanted for decision in new], actor=actor)
    for decision, product in zip(new, products, strict=True):
        decision.product = product
    changed = [decision for decision in decisions if decision.outcome == Outcome.CHANGED]
    _change_products([decision for decision in changed if decision.product_changes], actor)
    _remember([*new, *changed], price_list)


def _change_products(decisions: Sequence[Decision], actor: User) -> None:
    products: list[Model] = []
    pricings: list[Model] = []
    devices: list[Model] = []
    features: list[Decision] = []
    without: list[Any] = []
    for decision in decisions:
        product, wanted = decision.product, decision.wanted
        assert product is not None  # only known products change
        changed = {path: after for path, (_before, after) in decision.product_changes.items()}
        if part_of(changed, ""):
            products.append(_with(product, _as_stored(part_of(wanted, ""))))
        if part_of(changed, "pricing."):
            pricing = pricing_of(product) or ProductPricing(product=product)
            pricings.append(_with(pricing, part_of(wanted, "pricing.")))
        if part_of(changed, "hardware."):
            if wanted["hardware.model"]:
                device = hardware_of(product) or ProductHardware(product=product)
                devices.append(_with(device, part_of(wanted, "hardware.")))
            else:
                without.append(product.pk)
        if "features" in changed:
            features.append(decision)
    changes = {one.product.pk: one.product_changes for one in decisions if one.product}
    _upsert(Product, products, "id", _own_fields(decisions, ""))
    _upsert(ProductPricing, pricings, "product", _own_fields(decisions, "pricing."))
    _upsert(ProductHardware, devices, "product", _own_fields(decisions, "hardware."))
    ProductHardware.objects.filter(product__in=without).delete()
    _replace_features(features)
    if changes:
        services.record_edits(changes, actor=actor)


def _replace_features(decisions: Sequence[Decision]) -> None:
    ProductFeature.objects.filter(product__in=[decision.product for decision in decisions]).delete()
    ProductFeature.objects.bulk_create(
        feature
        for decision in decisions
        if decision.product
        for feature in features_of(decision.product, decision.wanted)
    )


def _own_fields(decisions: Sequence[Decision], prefix: str) -> list[str]:
    """The fields of one model that any of the decisions changes."""
    return sorted({name for decision in decisions for name in part_of(decision.product_changes, prefix)})


def _upsert(model: type[Model], instances: Sequence[Model], key: str, fields: list[str]) -> None:
    """One statement for many rows; a bulk_update's CASE grows with rows times fields."""
    if instances and fields:
        model._default_manager.bulk_create(
            list(instances), update_conflicts=True, unique_fields=[key], update_fields=fields
        )


def _with(instance: Any, values: dict[str, Any]) -> Model:
    for field, value in values.items():
        setattr(instance, field, value)
    result: Model = instance
    return result


def _as_stored(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: parse_datetime(value) if name in _INSTANTS and value else value
        for name, value in values.items()
    }


def _remember(decisions: Sequence[Decision], price_list: PriceList) -> None:
    kept = []
    for decision in decisions:
        deal = decision.deal
        assert decision.product is not None  # a new one was made just now
        assert deal.listed_price is not None  # or it would have been refused
        known = decision.known or SupplierDeal(
            supplier=price_list.supplier, deal_id=deal.deal_id, product=decision.product
        )
        known.mapping_id, known.price_list = deal.mapping_id, price_list
        known.content, known.details, known.stock = deal.content, deal.details, deal.stock
        known.listed_price, known.vanished_at = deal.listed_price, None
        kept.append(known)
    known_already = [deal for deal in kept if not deal._state.adding]
    SupplierDeal.objects.bulk_create([deal for deal in kept if deal._state.adding])
    _upsert(SupplierDeal, known_already, "id", _DEAL_FIELDS)
