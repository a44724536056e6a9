"""The home page: what waits for a person, and how far Zoho lags behind. Only what the reader may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import redis
from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.timesince import timesince

from catalogue.models import PackageStatus, Product, ProductStatus, ServicePackage
from circletel.core.database import together
from circletel.operations import lists_for, operations
from zoho_sync.connection.breaker import Breaker, BreakerState
from zoho_sync.models import SyncStatus, System
from zoho_sync.standing import Standing, standing


@dataclass(frozen=True)
class Figure:
    """A number with its words and the list it counts. `tone` colours what the words say already."""

    words: str
    number: int
    url: str
    tone: str = ""
    note: str = ""
    note_url: str = ""


@dataclass(frozen=True)
class ZohoSystem:
    """`rest` says whether its calls go through just now."""

    name: str
    figures: list[Figure]
    total: int
    rest: str
    rest_tone: str


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the context of the admin's index what this person may see."""
    may = request.user.has_perm
    now = timezone.now()
    parts: dict[str, Any] = {}
    if may("catalogue.view_product"):
        parts["products"], parts["has_products"] = _products()
        parts["add_url"] = reverse("admin:catalogue_product_add") if may("catalogue.add_product") else ""
        parts["import_url"] = (
            reverse("admin:catalogue_product_import_products") if may("catalogue.import_product") else ""
        )
    if may("catalogue.view_servicepackage"):
        parts["packages"] = _packages(now)
    if may("zoho_sync.view_productintegration"):
        picture = standing()
        parts["zoho"] = list(_systems(picture))
        parts["is_in_step"] = picture.is_in_step
        parts["next_due"] = picture.next_due
        parts["is_due_now"] = picture.next_due is not None and picture.next_due <= now
    parts |= operations(together(**lists_for(may)), may)
    if oldest := parts.get("oldest_owed"):
        parts["oldest_age"] = _age(oldest["since"])
    return {**context, "title": "Home", "home": parts}


def environment(request: HttpRequest) -> list[str] | None:
    """A label in the header of every page, so that nobody takes the demo for the real thing."""
    return ["Demo", "info"] if settings.DEMO else None


def _products() -> tuple[list[Figure], bool]:
    """One query. The same words as the list's own filters, so that each number is the length of its list."""
    published = ServicePackage.objects.filter(source_admin_product=OuterRef("pk"))
    live = published.filter(status=PackageStatus.ACTIVE)
    approved = Q(status=ProductStatus.APPROVED)
    number = Product.objects.order_by().aggregate(
        every=Count("pk"),
        pending=Count("pk", filter=Q(status=ProductStatus.PENDING)),
        drafts=Count("pk", filter=Q(status=ProductStatus.DRAFT)),
        new=Count("pk", filter=Q(approved, ~Exists(published))),
        edited=Count(
            "pk",
            filter=Q(approved, Exists(live), ~Exists(live.filter(source_version=OuterRef("version")))),
        ),
    )
    products, edited = "catalogue_product", number["edited"]
    figures = [
        Figure(
            "Waiting for approval",
            number["pending"],
            _list(products, status__exact=ProductStatus.PENDING),
            tone="attention" if number["pending"] else "",
        ),
        Figure("Drafts", number["drafts"], _list(products, status__exact=ProductStatus.DRAFT)),
        Figure(
            "Approved, not yet published",
            number["new"],
            _list(products, status__exact=ProductStatus.APPROVED, published="Not published"),
            tone="attention" if number["new"] else "",
            note=f"{edited} on sale with approved changes to publish" if edited else "",
            note_url=_list(products, status__exact=ProductStatus.APPROVED, published="Live, edited since"),
        ),
    ]
    return figures, number["every"] > 0


def _packages(now: datetime) -> Figure:
    on_sale = ServicePackage.objects.on_sale(now).order_by().values("pk")
    number = ServicePackage.objects.order_by().aggregate(
        on_sale=Count("pk", filter=Q(pk__in=on_sale)),
        active=Count("pk", filter=Q(status=PackageStatus.ACTIVE)),
    )
    url = _list("catalogue_servicepackage", status__exact=PackageStatus.ACTIVE)
    outside = number["active"] - number["on_sale"]
    note = f"{outside} more active, outside the dates they are sold" if outside else ""
    return Figure("Packages on sale", number["on_sale"], url, note=note, note_url=url)


def _systems(picture: Standing) -> Iterator[ZohoSystem]:
    states = (
        ("in_step", SyncStatus.OK, "In step", "good"),
        ("owed", SyncStatus.PENDING, "Owed", "news"),
        ("failed", SyncStatus.FAILED, "Failed, will be retried", "attention"),
        ("dead", SyncStatus.DEAD, "Needs a person", "trouble"),
    )
    rests = _rests()
    for system in System:
        figures = [
            Figure(
                words,
                number := picture.count(state, system),
                _list("zoho_sync_productintegration", status__exact=status, system=system),
                tone=tone if number else "",
            )
            for state, status, words, tone in states
        ]
        total = sum(tally.total for tally in picture.of(system))
        yield ZohoSystem(system.label, figures, total, *rests[system])


def _rests() -> dict[System, tuple[str, str]]:
    """Words and tone. The page is there without Redis too; it then says that it does not know."""
    try:
        return {system: _rest(Breaker(system).state()) for system in System}
    except redis.RedisError:
        unknown = "Not known whether calls go through: Redis does not answer."
        return dict.fromkeys(System, (unknown, "attention"))


def _rest(state: BreakerState) -> tuple[str, str]:
    if not state.is_open:
        return "Calls go through.", ""
    reason = state.reason or "several calls in a row failed"
    seconds = ceil(state.seconds_left())
    if not seconds:
        return f"Rested, is about to be tried again: {reason}", "attention"
    return f"Resting for {seconds} s: {reason}", "trouble"


def _age(since: datetime) -> str:
    minutes = (timezone.now() - since).total_seconds() // 60
    return timesince(since) if minutes >= 1 else "less than a minute"


def _list(name: str, **filters: str) -> str:
    """The address of a list, narrowed down the way its own filters do it."""
    address = reverse(f"admin:{name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
