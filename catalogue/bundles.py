"""Bundles: what they are made of, what they save, and which of them a change of a component touches."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.dispatch import receiver

from catalogue.content import differences, pricing_of
from catalogue.models import BundleComponent, PackageStatus, Product, ServicePackage
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.amounts import rand

# What follows the component; the rest of an entry is the bundle's own and signed with it.
FOLLOWS = ("name", "price")


def component_entries(product: Product) -> list[dict[str, Any]]:
    """The components as a package carries them, priced as a new customer would pay for each today.

    [] when `product` is no bundle. A component that is not on sale has no entry; `publishing_problems` sees it.
    """
    components = list(product.components.all())
    live = _live_packages(components)
    return [
        _entry(live[component.component_id], component.quantity)
        for component in components
        if component.component_id in live
    ]


def live_bundles_with(packages: Iterable[ServicePackage]) -> QuerySet[ServicePackage]:
    """The live bundles that carry any of `packages`."""
    packages = list(packages)
    if not packages:
        return ServicePackage.objects.none()
    carried = Q()
    for package in packages:
        carried |= Q(components__contains=[{"package": str(package.pk)}])
    return ServicePackage.objects.filter(carried, status=PackageStatus.ACTIVE)


def bundle_problems(product: Product) -> list[tuple[str, str]]:
    """(field, what is wrong) for a bundle that cannot be sold as it stands. No query when it is no bundle."""
    components = list(product.components.all())
    if not components:
        return []
    live = _live_packages(components)
    problems = [
        ("components", f"{one.component} is not published: a bundle is made of what is on sale")
        for one in components
        if one.component_id not in live
    ]
    nested = {one.product_id for one in BundleComponent.objects.filter(product__in=_ids(components))}
    problems += [
        ("components", f"{one.component} is a bundle itself: choose its components instead")
        for one in components
        if one.component_id in nested
    ]
    if problems:
        return problems
    separately = sum(
        (live[one.component_id].current_price * one.quantity for one in components), Decimal("0.00")
    )
    pricing = pricing_of(product)
    if pricing is None or pricing.regular_price <= separately:
        return []
    bundled = rand(pricing.regular_price)
    return [("components", f"cost {rand(separately)} a month separately, less than the bundle's {bundled}")]


@receiver(package_changed, dispatch_uid="catalogue.bundles")
def on_package_changed(package: ServicePackage, **_: Any) -> None:
    """Let live bundles say what their component says now, so that savings quoted are true at any moment."""
    if package.status != PackageStatus.ACTIVE:
        return
    for bundle in live_bundles_with([package]).select_for_update():
        before = {"components": bundle.components}
        bundle.components = [_followed(entry, package) for entry in bundle.components]
        changes = differences(before, {"components": bundle.components})
        if changes:
            bundle.version += 1
            bundle.save(update_fields=["components", "version", "changed_at"])
            package_changed.send(ServicePackage, package=bundle)
            detail = f"its component {package} changed"
            audit.record("component changed", bundle, actor=None, changes=changes, detail=detail)


def _followed(entry: dict[str, Any], package: ServicePackage) -> dict[str, Any]:
    if entry["package"] != str(package.pk):
        return entry
    now = _entry(package, entry["quantity"])
    return entry | {field: now[field] for field in FOLLOWS}


def _entry(package: ServicePackage, quantity: int) -> dict[str, Any]:
    return {
        "package": str(package.pk),
        "sku": package.sku,
        "name": package.name,
        "quantity": quantity,
        "price": f"{package.current_price:.2f}",
    }


def _live_packages(components: list[BundleComponent]) -> dict[Any, ServicePackage]:
    """{product id: its live package}"""
    if not components:
        return {}
    live = ServicePackage.objects.filter(
        source_admin_product__in=_ids(components), status=PackageStatus.ACTIVE
    ).order_by("published_at")
    return {package.source_admin_product_id: package for package in live}


def _ids(components: list[BundleComponent]) -> list[Any]:
    return [one.component_id for one in components]
