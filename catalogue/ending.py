"""How a package comes to an end: first nobody new gets it, then nobody has it. And how it comes back."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from catalogue.content import differences, plain
from catalogue.models import PackageStatus, PackageVersion, ServicePackage
from catalogue.signals import package_changed, subscriptions_asked
from catalogue.versions import CONTENT, compare
from circletel.core import audit
from circletel.core.errors import Refused
from circletel.core.rights import ensure_may

# The price moves only through a price change, the business key never, and the rest is bookkeeping.
KEPT_ON_RETURN = {
    "sku",
    "market_segment",
    "provider",
    "slug",
    "price",
    "new_customer_price",
    "version",
    "status",
    "published_at",
    "end_of_sale",
    "end_of_life",
}


@transaction.atomic
def end_sale(package_id: Any, *, at: datetime | None, actor: User) -> ServicePackage:
    """No new customers from `at`; None takes an announced end back. Raises Refused."""
    package = _locked(package_id, actor)
    if at is None and package.end_of_life is not None:
        raise Refused(f"{package}: its life ends on {_day(package.end_of_life)}; take that back first")
    if at is not None and package.end_of_life is not None and at > package.end_of_life:
        raise Refused(
            f"{package}: end of sale must not lie after the end of life on {_day(package.end_of_life)}"
        )
    deed = "end of sale set" if at else "end of sale taken back"
    return _set(package, actor, deed, end_of_sale=at)


@transaction.atomic
def end_life(
    package_id: Any, *, at: datetime | None, actor: User, override_reason: str = ""
) -> ServicePackage:
    """Nobody has the package any more from `at`; None takes it back.

    Refused while subscriptions are known to exist, unless `override_reason` says why it ends all the same.
    A sale still open ends then at the latest.
    """
    package = _locked(package_id, actor)
    if at is None:
        return _set(package, actor, "end of life taken back", end_of_life=None)
    known = subscriptions_known(package)
    if known and not override_reason.strip():
        raise Refused(
            f"{package}: {known} subscription{'s' if known != 1 else ''} to it {'are' if known != 1 else 'is'}"
            " known; move those customers first, or give a reason to end it all the same"
        )
    end_of_sale = min(package.end_of_sale, at) if package.end_of_sale else at
    return _set(
        package,
        actor,
        "end of life set",
        detail=override_reason.strip(),
        end_of_sale=end_of_sale,
        end_of_life=at,
    )


def subscriptions_known(package: ServicePackage) -> int:
    """How many live subscriptions other apps know of."""
    return sum(
        int(answer or 0) for _receiver, answer in subscriptions_asked.send(ServicePackage, package=package)
    )


@transaction.atomic
def archive_ended(at: datetime | None = None) -> int:
    """Archive packages whose life has ended, so that Zoho marks them inactive. Returns how many."""
    ended = ServicePackage.objects.select_for_update().filter(
        status=PackageStatus.ACTIVE, end_of_life__lte=at or timezone.now()
    )
    packages = list(ended)
    for package in packages:
        _set(package, None, "archived", detail="its life has ended", status=PackageStatus.ARCHIVED)
    return len(packages)


@transaction.atomic
def publish_again(version_id: Any, *, actor: User, reason: str) -> ServicePackage:
    """Roll back: what an earlier version said is published again, as a new version. The price stays where it is.

    A version of an archived package brings that package back and archives what succeeded it. Raises Refused.
    """
    version = PackageVersion.objects.get(pk=version_id)
    package = ServicePackage.objects.select_for_update().get(pk=version.package_id)
    ensure_may(actor, "catalogue.publish_product", "publish products")
    if not reason.strip():
        raise Refused(f"{package}: say why an earlier version comes back")
    restored = {name: getattr(version, name) for name in CONTENT if name not in KEPT_ON_RETURN}
    standing = {name: getattr(package, name) for name in restored}
    if package.status == PackageStatus.ACTIVE and standing == restored:
        raise Refused(f"{package}: revision {version.revision} says what is live already")
    changes = {
        name: pair for name, pair in compare(package, version).items() if name in restored or name == "status"
    }
    archive_others(package, version.logical_key, actor=actor, because=f"{package.sku} was published again")
    newest = (
        ServicePackage.objects.filter(logical_key=version.logical_key).order_by("-version").first() or package
    )
    for name, value in restored.items():
        setattr(package, name, value)
    package.status, package.version = PackageStatus.ACTIVE, max(newest.version, package.version) + 1
    package.save()
    package_changed.send(ServicePackage, package=package, deed="published again", actor=actor)
    audit.record(
        "published again",
        package,
        actor=actor,
        changes=changes,
        detail=f"revision {version.revision}: {reason.strip()}",
    )
    return package


def archive_others(
    package: ServicePackage, logical_key: str, *, actor: User, because: str
) -> list[ServicePackage]:
    """Archive every other live package of the variant, in the caller's transaction."""
    others = list(
        ServicePackage.objects.select_for_update()
        .filter(logical_key=logical_key, status=PackageStatus.ACTIVE)
        .exclude(pk=package.pk)
    )
    for old in others:
        _set(old, actor, "archived", detail=because, status=PackageStatus.ARCHIVED)
    return others


def _locked(package_id: Any, actor: User) -> ServicePackage:
    package = ServicePackage.objects.select_for_update().get(pk=package_id)
    ensure_may(actor, "catalogue.end_servicepackage", "end the sale or life of packages")
    if package.status != PackageStatus.ACTIVE:
        raise Refused(f"{package} is {package.get_status_display().lower()}: only an active package can end")
    return package


def _set(
    package: ServicePackage, actor: User | None, deed: str, *, detail: str = "", **values: Any
) -> ServicePackage:
    changes = differences(plain({name: getattr(package, name) for name in values}), plain(values))
    for name, value in values.items():
        setattr(package, name, value)
    package.save(update_fields=[*values, "changed_at"])
    package_changed.send(ServicePackage, package=package, deed=deed, actor=actor)
    audit.record(deed, package, actor=actor, changes=changes, detail=detail)
    return package


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")
