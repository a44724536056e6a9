"""The deeds of pricing: draft, edit, delete, publish, amend, cancel. A live package's price moves only through them.

One transaction each, its audit entry inside it. Every deed locks the package before the change.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from catalogue.content import differences, plain
from catalogue.models import PackageStatus, ServicePackage
from catalogue.signals import package_changed
from circletel.core import audit
from circletel.core.amounts import rand
from circletel.core.enqueue import enqueue
from circletel.core.errors import NotAllowed, NotReady, WrongStatus
from circletel.core.rights import ensure_may
from pricing import applying, planning
from pricing.models import Audience, PriceChange, PriceChangeStatus, PriceEntry, ledger
from pricing.notice import beginning_of, publication_problems
from pricing.notices import owing


@dataclass(frozen=True)
class Wish:
    """What a person asks for in a draft. `effective_date` may wait until publication."""

    new_price: Decimal
    reason: str
    effective_date: date | None = None
    customer_message: str = ""
    notes: str = ""


WISHED = ("new_price", "effective_date", "reason", "customer_message", "notes")


def fill_in(change: PriceChange, wish: Wish) -> None:
    """Take the wish over. Raises NotReady with everything that is wrong with it."""
    change.old_price = change.package.price
    for name in WISHED:
        value = getattr(wish, name)
        setattr(change, name, value.strip() if isinstance(value, str) else value)
    try:
        change.clean_fields(exclude=["package", "created_by", "changed_by"])
        change.validate_constraints()
    except ValidationError as error:
        raise NotReady(*_sentences(error)) from None


@transaction.atomic
def create_price_change(package_id: UUID, wish: Wish, *, actor: User, batch: str = "") -> PriceChange:
    """Draft a price change. Raises NotReady for what cannot be, WrongStatus when another one is open."""
    ensure_may(actor, "pricing.draft_pricechange", "draft price changes")
    package = ServicePackage.objects.select_for_update().filter(pk=package_id).first()
    if package is None:
        raise NotReady(f"package: there is no package {package_id}")
    if package.status == PackageStatus.DRAFT:
        raise NotReady(f"package: {package} was never published, so its product's own price counts")
    if standing := PriceChange.objects.open().filter(package=package).first():
        raise WrongStatus(already_open(standing))
    return _draft(package, wish, actor, batch)


@transaction.atomic
def edit_price_change(change_id: UUID, wish: Wish, *, actor: User) -> PriceChange:
    """Rewrite a draft. Whoever edits it cannot publish it. The old price is read from the package anew."""
    ensure_may(actor, "pricing.draft_pricechange", "edit price changes")
    change = _locked(change_id)
    _ensure_draft(change, "edited")
    _rewrite(change, wish, actor)
    return change


@transaction.atomic
def delete_price_change(change_id: UUID, *, actor: User) -> None:
    """Throw a draft away; the audit trail keeps what it said."""
    ensure_may(actor, "pricing.draft_pricechange", "delete price changes")
    change = _locked(change_id)
    _ensure_draft(change, "deleted")
    gone = differences(_content_of(change), {})
    audit.record("price change deleted", change, actor=actor, changes=gone)
    change.delete()


@transaction.atomic
def publish_price_change(change_id: UUID, *, actor: User, at: datetime | None = None) -> PriceChange:
    """draft → published: new customers, the storefront, CRM and the Billing plan get the new price at once.

    What existing subscriptions will be moved to is frozen with it, one PriceMove each. Somebody other than its author
    and last editor does this. A decrease dated today is effective at once.
    Raises NotAllowed, WrongStatus, or NotReady with everything that speaks against it.
    """
    ensure_may(actor, "pricing.publish_pricechange", "publish price changes")
    change, now = _locked(change_id), at or timezone.now()
    _ensure_draft(change, "published")
    if actor.pk in (change.created_by_id, change.changed_by_id):
        raise NotAllowed(f"{change}: you made or last changed it, so someone else must publish it")
    if problems := publication_problems(change, now):
        raise NotReady(*(f"{change}: {problem}" for problem in problems))
    package = change.package
    assert change.effective_date is not None  # publication_problems saw it
    ledger.open_ledger(package)
    change.status, change.approved_by, change.published_at = PriceChangeStatus.PUBLISHED, actor, now
    change.effective_at = max(beginning_of(change.effective_date), now)
    change.version = _next_version(package)
    change.save()
    ledger.succeed(
        package, Audience.NEW, version=change.version, price=change.new_price, at=now, change=change
    )
    ServicePackage.objects.filter(pk=package.pk).update(new_customer_price=change.new_price, changed_at=now)
    audit.record(
        "price change published",
        change,
        actor=actor,
        changes={"status": ["draft", "published"], "new_customer_price": [None, f"{change.new_price:.2f}"]},
        detail=f"existing customers from {change.effective_date:%-d %b %Y}",
    )
    planning.freeze(change, now)
    if change.effective_at <= now:
        applying.apply_at_once(change, now)
    _announce(change, "price change published", actor)
    owing.owe(now, change_id=change.pk)
    enqueue("pricing.tasks.send_price_notices")
    return change


@transaction.atomic
def cancel_price_change(
    change_id: UUID, *, actor: User, reason: str, at: datetime | None = None
) -> PriceChange:
    """published → cancelled, before its effective date: new customers get the old price again, Zoho too.

    No subscription is moved any more. Who joined at the new price meanwhile keeps it until the next change takes
    effect, unless somebody decides to credit them. A draft is given up.
    """
    change, now = _locked(change_id), at or timezone.now()
    was = change.status
    if was == PriceChangeStatus.DRAFT:
        ensure_may(actor, "pricing.draft_pricechange", "give up drafted price changes")
    else:
        ensure_may(actor, "pricing.cancel_pricechange", "cancel published price changes")
    if was not in (PriceChangeStatus.DRAFT, PriceChangeStatus.PUBLISHED):
        raise WrongStatus(f"{change} cannot be cancelled: it is {change.get_status_display().lower()}")
    if not reason.strip():
        raise NotReady("reason: say why it is cancelled")
    if was == PriceChangeStatus.PUBLISHED:
        _withdraw(change, now)
    _give_up(change, actor=actor, at=now, detail=reason.strip())
    if was == PriceChangeStatus.PUBLISHED:
        planning.withdraw(change, now)
        _announce(change, "price change cancelled", actor)
        owing.owe_withdrawal(now, change_id=change.pk)
        enqueue("pricing.tasks.send_price_notices")
    return change


@transaction.atomic
def amend_price_change(
    change_id: UUID, wish: Wish, *, actor: User, at: datetime | None = None
) -> PriceChange:
    """Cancel a published change and draft another in its stead. Returns the draft, which is published as any other.

    To a lower or later price the notice that was given still counts; otherwise it begins anew.
    """
    ensure_may(actor, "pricing.draft_pricechange", "draft price changes")
    announced = _locked(change_id)
    if announced.status != PriceChangeStatus.PUBLISHED:
        raise WrongStatus(
            f"{announced} cannot be amended: it is {announced.get_status_display().lower()}, not published"
        )
    cancel_price_change(change_id, actor=actor, reason=f"amended: {wish.reason}", at=at)
    change = create_price_change(announced.package_id, wish, actor=actor, batch=announced.batch)
    change.amends = PriceChange.objects.get(pk=change_id)
    change.save(update_fields=["amends"])
    return change


@transaction.atomic
def draft_price_change(
    *, package: ServicePackage, new_price: Decimal, actor: User, reason: str
) -> PriceChange | None:
    """The catalogue asks for another price of a live package: a draft, nothing moves yet.

    A draft that is open already takes the new price. None when a published change is open: that one stands, and
    the wish has to be raised again after it. A wish for the price there is gives an open draft up.
    """
    open_change = PriceChange.objects.select_for_update().open().filter(package=package).first()
    if open_change is not None and open_change.status == PriceChangeStatus.PUBLISHED:
        return None
    if new_price == package.price:
        if open_change is not None:
            detail = "the product asks for the present price again"
            _give_up(open_change, actor=actor, at=timezone.now(), detail=detail)
        return None
    if open_change is None:
        return _draft(package, Wish(new_price, reason), actor)
    if open_change.new_price != new_price:
        said = {name: getattr(open_change, name) for name in WISHED} | {
            "new_price": new_price,
            "reason": reason,
        }
        _rewrite(open_change, Wish(**said), actor)
    return open_change


def already_open(standing: PriceChange) -> str:
    """Why no other change can be drafted, and what to do about it."""
    what = standing.get_status_display().lower()
    until = f" for {standing.effective_date:%-d %b %Y}" if standing.effective_date else ""
    way_out = (
        "edit or delete that one" if what == "draft" else "amend that one, or wait until it is effective"
    )
    return f"{standing.package} has an open price change already ({what}, to {rand(standing.new_price)}{until}): {way_out}"


def _draft(package: ServicePackage, wish: Wish, actor: User, batch: str = "") -> PriceChange:
    change = PriceChange(package=package, created_by=actor, changed_by=actor, batch=batch)
    fill_in(change, wish)
    change.save()
    changes = differences({}, _content_of(change))
    audit.record("price change drafted", change, actor=actor, changes=changes, detail=wish.reason)
    return change


def _rewrite(change: PriceChange, wish: Wish, actor: User) -> None:
    before = _content_of(change)
    change.changed_by = actor
    fill_in(change, wish)
    change.save()
    changes = differences(before, _content_of(change))
    audit.record("price change edited", change, actor=actor, changes=changes)


def _locked(change_id: UUID) -> PriceChange:
    """The change with its package, both locked, the package first. Raises PriceChange.DoesNotExist."""
    package_id = PriceChange.objects.values_list("package_id", flat=True).get(pk=change_id)
    package = ServicePackage.objects.select_for_update().get(pk=package_id)
    change = PriceChange.objects.select_for_update(of=("self",)).select_related("amends").get(pk=change_id)
    change.package = package
    return change


def _withdraw(change: PriceChange, now: datetime) -> None:
    assert change.effective_at is not None  # a constraint
    if change.effective_at <= now:
        raise WrongStatus(
            f"{change} cannot be cancelled: customers pay it since {change.effective_date:%-d %b %Y}"
        )
    package = change.package
    standing = PriceEntry.objects.get(package=package, audience=Audience.EXISTING, valid_to=None)
    ledger.succeed(
        package, Audience.NEW, version=standing.version, price=standing.price, at=now, change=change
    )
    ServicePackage.objects.filter(pk=package.pk).update(new_customer_price=None, changed_at=now)


def _give_up(change: PriceChange, *, actor: User, at: datetime, detail: str) -> None:
    was = change.status
    change.status, change.cancelled_at, change.cancelled_by = PriceChangeStatus.CANCELLED, at, actor
    change.save(update_fields=["status", "cancelled_at", "cancelled_by", "changed_at"])
    changes = {"status": [str(was), "cancelled"]}
    audit.record("price change cancelled", change, actor=actor, changes=changes, detail=detail)


def _announce(change: PriceChange, deed: str, actor: User) -> None:
    """Tell the other apps that the package asks for another price now."""
    change.package.refresh_from_db()
    package_changed.send(ServicePackage, package=change.package, deed=deed, actor=actor)


def _next_version(package: ServicePackage) -> int:
    known = PriceEntry.objects.filter(package=package).aggregate(highest=Max("version"))["highest"]
    return (known or 0) + 1


def _ensure_draft(change: PriceChange, deed: str) -> None:
    if change.status != PriceChangeStatus.DRAFT:
        raise WrongStatus(
            f"{change} cannot be {deed}: it is {change.get_status_display().lower()}, not a draft"
        )


def _sentences(error: ValidationError) -> list[str]:
    return [
        text if field == "__all__" else f"{field.replace('_', ' ')}: {text}"
        for field, texts in error.message_dict.items()
        for text in texts
    ]


def _content_of(change: PriceChange) -> dict[str, Any]:
    """What was wished, for the audit trail; nothing and empty text are the same."""
    return plain({name: getattr(change, name) or None for name in WISHED})
