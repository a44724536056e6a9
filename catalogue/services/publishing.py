"""Publishing: an approved product becomes a live package. What is carried over stands in `package_fields`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalogue.bundles import live_bundles_with
from catalogue.content import differences, logical_key, plain, pricing_of
from catalogue.ending import archive_others
from catalogue.models import PackageStatus, Product, ServicePackage
from catalogue.package_fields import EACH_TIME, FIRST_TIME, carry_over
from catalogue.readiness import ensure_publishable, locked, publishing_problems
from catalogue.signals import package_changed, price_asked
from circletel.core import audit
from circletel.core.amounts import rand
from circletel.core.errors import NotReady
from circletel.core.rights import ensure_may

# What a publish may change of a package that exists, and what it never does but shows.
COMPARED = (*(field.name for field in EACH_TIME), "price", "status", "logical_key")


@dataclass(frozen=True)
class Published:
    """What a publish did. `price_waiting` is set when the product asks for another price than the package keeps.

    `bundles` are live and hold the package; `stranded_bundles` are live and hold a version that was archived.
    """

    package: ServicePackage
    created: bool
    changes: dict[str, list[Any]]
    archived: list[ServicePackage]
    price_waiting: Decimal | None = None
    price_news: str = ""
    bundles: tuple[str, ...] = ()
    stranded_bundles: tuple[str, ...] = ()

    def __str__(self) -> str:
        deed = "published" if self.created else "updated" if self.changes else "already up to date"
        sentence = f"{self.package} {deed}"
        if self.archived:
            sentence += f"; earlier version archived: {', '.join(package.sku for package in self.archived)}"
        if self.price_waiting is not None:
            news = self.price_news or "a live package's price moves only through a price change"
            sentence += f"; the price stays at {rand(self.package.price)} although the product now says {rand(self.price_waiting)}: {news}"
        if self.bundles:
            sentence += f"; it is part of {', '.join(self.bundles)}, whose savings follow its price"
        if self.stranded_bundles:
            names = ", ".join(self.stranded_bundles)
            sentence += f"; the archived version is a component of {names}: choose its successor there"
        return sentence


@transaction.atomic
def publish(product_id: Any, *, actor: User, at: datetime | None = None) -> Published:
    """Turn an approved product into a live package and write down what that means to others. Never waits for Zoho.

    Under the same business key the live package is updated in place, its price excepted: a price moves only
    through a price change. A new business key of the same variant archives the earlier version.
    """
    product = locked(product_id)
    ensure_may(actor, "catalogue.publish_product", "publish products")
    ensure_publishable(product)
    return _publish(product, actor, at or timezone.now())


@contextmanager
def rehearsed_publish(product_id: Any, *, actor: User) -> Iterator[Published]:
    """Inside, everything is as a publish by `actor` would leave it; afterwards nothing has happened.

    Approval and rights are taken for granted; raises NotReady for a product that is incomplete.
    """
    with transaction.atomic():
        product = locked(product_id)
        if problems := publishing_problems(product):
            raise NotReady(*(f"{product}: {problem}" for problem in problems))
        yield _publish(product, actor, timezone.now())
        transaction.set_rollback(True)


def live_package_of(product: Product) -> ServicePackage | None:
    """The package with the product's business key, whatever its status; None when it was never published."""
    return _packages_of(product).first()


def package_as_of(product: Product, *, actor: User) -> ServicePackage:
    """The package a first publish would make, as far as the product goes; not stored. An absent price is None."""
    package = _new_package(product, actor, timezone.now())
    _copy_content(product, package)
    return package


def _packages_of(product: Product) -> QuerySet[ServicePackage]:
    return ServicePackage.objects.filter(
        sku__iexact=product.sku, market_segment=product.market_segment, provider__iexact=product.provider
    )


def _publish(product: Product, actor: User, now: datetime) -> Published:
    package = _packages_of(product).select_for_update().first()
    created = package is None
    if package is None:
        package = _new_package(product, actor, now)
    before = _package_content(package) if not created else {}
    _copy_content(product, package)
    archived = archive_others(
        package, package.logical_key, actor=actor, because=f"succeeded by {package.sku}"
    )
    for old in archived:
        package.version = max(package.version, old.version + 1)
    after = _package_content(package)
    changes = differences(before, after)
    package.source_version = product.version
    if changes:
        if not created:
            package.version += 1
        package.save()
        deed = "published" if created else "updated"
        package_changed.send(ServicePackage, package=package, deed=deed, actor=actor)
    else:
        ServicePackage.objects.filter(pk=package.pk).update(source_version=product.version)
    pricing = pricing_of(product)
    assert pricing is not None  # publishing_problems saw it
    asked, news = pricing.regular_price, ""
    if not created:
        answers = price_asked.send(ServicePackage, package=package, price=asked, actor=actor)
        news = "; ".join(answer for _receiver, answer in answers if answer)
    waiting = asked if asked != package.current_price else None
    touched = () if created or not changes else tuple(map(str, live_bundles_with([package])))
    stranded = tuple(map(str, live_bundles_with(archived)))
    outcome = Published(package, created, changes, archived, waiting, news, touched, stranded)
    audit.record("published", product, actor=actor, changes=changes, detail=str(outcome))
    return outcome


def _new_package(product: Product, actor: User, now: datetime) -> ServicePackage:
    package = ServicePackage(valid_from=now, published_at=now, published_by=actor)
    carry_over(product, package, FIRST_TIME)
    shown = "" if package.price is None else f"{package.price:.2f}"
    package.price_history = [
        {"price": shown, "effective_from": now.isoformat(), "reason": "first publication"}
    ]
    return package


def _copy_content(product: Product, package: ServicePackage) -> None:
    """Carry over everything of substance but the price and the business key."""
    carry_over(product, package, EACH_TIME)
    package.source_admin_product = product
    package.logical_key = logical_key(product)
    package.status = PackageStatus.ACTIVE


def _package_content(package: ServicePackage) -> dict[str, Any]:
    return plain({field: getattr(package, field) for field in COMPARED})
