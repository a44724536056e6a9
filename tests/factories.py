"""The small cast that returns in every test, and products made of plain values."""

from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, User

from catalogue import services
from catalogue.models import Product, ProductFeature, ProductHardware, ProductPricing, ServicePackage

_numbers = count(1)


def person(username: str, *roles: str) -> User:
    """A member of staff with these roles (the names in `circletel.core.roles`)."""
    first, _, last = username.partition(".")
    user, _created = User.objects.get_or_create(
        username=username,
        defaults={
            "first_name": first.title(),
            "last_name": last.title(),
            "email": f"{username}@example.com",
            "is_staff": True,
        },
    )
    # Most are known already, and asked for again and again.
    if missing := set(roles) - set(user.groups.values_list("name", flat=True)):
        groups = Group.objects.filter(name__in=missing)
        assert len(groups) == len(missing), f"there is no such role among {missing}"
        user.groups.add(*groups)
    return user


def ms_naidoo() -> User:
    """Makes products."""
    return person("thandi.naidoo", "Product manager")


def mr_botha() -> User:
    """Approves and publishes what others made, its pricing included."""
    return person("pieter.botha", "Approver", "Pricing approver", "Publisher")


def draft_product(**values: Any) -> Product:
    """Home Fibre 100 unless told otherwise. `features`, `hardware`, and the pricing fields are taken apart here."""
    number = next(_numbers)
    pricing = {
        name: values.pop(name)
        for name in (
            "promotion_price",
            "promotion_months",
            "promotion_from",
            "promotion_to",
            "installation_fee",
            "discounted_installation_fee",
        )
        if name in values
    }
    pricing["regular_price"] = Decimal(values.pop("regular_price", "799.00"))
    features, hardware = values.pop("features", ["Uncapped"]), values.pop("hardware", None)
    author = values.pop("author", None) or ms_naidoo()
    product = Product.objects.create(
        **{
            "name": f"Home Fibre {number}",
            "sku": f"FIBRE-{number}",
            "service_type": "HomeFibre",
            "category": "home_fibre",
            "technology": "fibre",
            "market_segment": "consumer",
            "provider": "DFA",
            "speed_down_mbps": 100,
            "speed_up_mbps": 50,
            "data_limit": "Unlimited",
            "contract_months": 12,
            "created_by": author,
            "changed_by": author,
        }
        | values
    )
    ProductPricing.objects.create(product=product, **pricing)
    ProductFeature.objects.bulk_create(
        ProductFeature(product=product, position=i, text=text) for i, text in enumerate(features)
    )
    if hardware:
        ProductHardware.objects.create(product=product, **hardware)
    return Product.objects.with_content().get(pk=product.pk)


def approved_product(**values: Any) -> Product:
    product = draft_product(**values)
    services.submit(product.pk, actor=ms_naidoo())
    services.approve(product.pk, actor=mr_botha())
    return Product.objects.with_content().get(pk=product.pk)


def live_package(**values: Any) -> ServicePackage:
    """A product made by Ms Naidoo, approved and published by Mr Botha."""
    return services.publish(approved_product(**values).pk, actor=mr_botha()).package
