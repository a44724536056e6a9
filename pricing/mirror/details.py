"""What a subscription's own answer does not tell and its next invoices depend on, read from Zoho Billing.

Its coupon says by its code alone what it takes off, and nowhere how often it still does; its add-ons do not say
whether they recur; nothing says since when it is on its plan. Read once a day: taxes, add-ons and the coupons in
use. Read for those subscriptions alone that need it, the soonest renewal first: their invoices, and what is
scheduled for them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from catalogue.models import vat_rate_at
from pricing.mirror.reading import addon_of
from pricing.models import (
    Audience,
    MoveState,
    PriceEntry,
    PriceMove,
    SinceHow,
    Subscription,
    SyncedAddOn,
    SyncedCoupon,
    SyncedTax,
)
from pricing.models.subscription import BILLED, LEAVING, PAUSED
from pricing.notice import beginning_of
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.invoices import Invoice
from zoho_sync.connection.background import Stopped
from zoho_sync.connection.errors import NeedsPerson, NotAuthorised, RecordGone, Retryable

GOOD_FOR = timedelta(hours=20)
# Of one subscription. What they do not tell is not known.
MOST_INVOICES = 24
# One may be of a change within a term, which bears no coupon; the second one says that there was none yet.
WITHOUT_COUPON = 2
WHO_MAY_READ = (
    "Zoho Billing's coupons may not be read: grant ZohoSubscriptions.coupons.READ to the connection."
)


@dataclass
class DetailsRead:
    """How many were read. `problems` are what could not be, in sentences; `stopped` why the rest waits."""

    coupons: int = 0
    uses: int = 0
    changes: int = 0
    packages: int = 0
    stopped: str = ""
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        done = (
            f"{self.coupons} coupons read, {self.uses} counted on subscriptions, {self.changes} scheduled changes"
            f" read, {self.packages} looked up since when they are on their package"
        )
        return "; ".join(filter(None, (done, *self.problems, self.stopped)))


def read_details(client: BillingClient, now: datetime) -> DetailsRead:
    """Read what is missing or older than a day. Goes on with the next run where the budget of calls ends."""
    outcome = DetailsRead()
    steps: tuple[Callable[[BillingClient, datetime, DetailsRead], None], ...] = (
        _taxes,
        _addons,
        _coupons,
        _scheduled_changes,
        _coupon_uses,
        _packages_since,
    )
    try:
        for step in steps:
            step(client, now, outcome)
    except (Retryable, Stopped) as trouble:
        outcome.stopped = f"the rest waits for the next run: {trouble or 'its time is over'}"
    return outcome


def _served() -> QuerySet[Subscription]:
    standing = Subscription.objects.filter(status__in=(*BILLED, *LEAVING, *PAUSED), gone_at=None)
    return standing.order_by(F("next_billing_on").asc(nulls_last=True), "pk")


# --- what all of them share


def _taxes(client: BillingClient, now: datetime, _outcome: DetailsRead) -> None:
    if SyncedTax.objects.filter(read_at__gt=now - GOOD_FOR).exists():
        return
    vat = vat_rate_at(now) * 100
    for tax in client.list_taxes():
        values = {
            "name": tax.name[:100],
            "percentage": tax.percentage,
            "is_vat": tax.percentage == vat,
            "read_at": now,
        }
        SyncedTax.objects.update_or_create(tax_id=tax.tax_id, defaults=values)


def _addons(client: BillingClient, now: datetime, _outcome: DetailsRead) -> None:
    used = Subscription.objects.exclude(addons=[]).exists()
    if not used or SyncedAddOn.objects.filter(read_at__gt=now - GOOD_FOR).exists():
        return
    rows = [
        SyncedAddOn(
            code=one.code,
            name=one.name[:200],
            type=one.type,
            pricing_scheme=one.pricing_scheme,
            read_at=now,
        )
        for one in client.iter_addon_kinds()
        if one.code
    ]
    SyncedAddOn.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "type", "pricing_scheme", "read_at"],
    )


def _coupons(client: BillingClient, now: datetime, outcome: DetailsRead) -> None:
    used = set(_served().exclude(coupon_code="").order_by().values_list("coupon_code", flat=True).distinct())
    fresh = SyncedCoupon.objects.filter(read_at__gt=now - GOOD_FOR).values_list("code", flat=True)
    for code in sorted(used.difference(fresh)):
        try:
            found = client.get_coupon(code)
        except NotAuthorised:
            outcome.problems.append(WHO_MAY_READ)
            return
        except (RecordGone, NeedsPerson) as trouble:
            outcome.problems.append(f"{code}: {trouble}")
            continue
        values = {
            "name": found.name[:200],
            "type": found.type,
            "duration": max(found.duration, 0),
            "discount_by": found.discount_by,
            "value": found.value,
            "plans": found.plans,
            "plan_codes": list(found.plan_codes),
            "addons": found.addons,
            "addon_codes": list(found.addon_codes),
            "read_at": now,
        }
        SyncedCoupon.objects.update_or_create(code=found.code, defaults=values)
        outcome.coupons += 1


# --- one subscription each


def _each(rows: Iterable[Subscription], read: Callable[[Subscription], None], outcome: DetailsRead) -> None:
    """One that cannot be read is named and stops no other."""
    for subscription in rows:
        try:
            read(subscription)
        except RecordGone:
            continue
        except NeedsPerson as trouble:
            if trouble.about_connection:
                raise
            outcome.problems.append(f"{subscription.name_in_trail}: {trouble}")


def _scheduled_changes(client: BillingClient, now: datetime, outcome: DetailsRead) -> None:
    """What somebody scheduled in Zoho; what we did ourselves is known."""
    ours = PriceMove.objects.filter(
        subscription=OuterRef("pk"), state=MoveState.SCHEDULED, lands_on=OuterRef("changes_on")
    )
    unread = _served().filter(Q(change_read_at=None) | Q(change_read_at__lt=F("read_at")))

    def read(subscription: Subscription) -> None:
        found = client.get_scheduled_changes(subscription.subscription_id)
        if found is None:
            subscription.changes_on = subscription.scheduled_change = None
        else:
            addons = [addon_of(each) for each in found.addons]
            subscription.scheduled_change = {**addon_of(found.plan), "addons": addons}
            subscription.scheduled_change["interval_months"] = found.interval_months
        subscription.change_read_at = now
        subscription.save(update_fields=["changes_on", "scheduled_change", "change_read_at"])
        outcome.changes += 1

    _each(unread.filter(~Exists(ours), changes_on__isnull=False), read, outcome)


def _coupon_uses(client: BillingClient, now: datetime, outcome: DetailsRead) -> None:
    """How many invoices a coupon that ends has lowered already: Zoho says it nowhere else."""
    limited = {coupon.code: coupon for coupon in SyncedCoupon.objects.exclude(type="forever")}
    uncounted = _served().filter(Q(coupon_counted_at=None) | Q(coupon_counted_at__lt=F("read_at")))

    def read(subscription: Subscription) -> None:
        times = limited[subscription.coupon_code].times
        assert times is not None  # those without end are left out
        used = without = 0
        for invoice in _invoices(client, subscription):
            if not any(line.code == subscription.plan_code for line in invoice.lines):
                continue
            lowered = subscription.coupon_code in invoice.coupons
            used, without = used + lowered, 0 if lowered else without + 1
            if used >= times or without >= WITHOUT_COUPON:
                break
        subscription.coupon_uses_left = max(times - used, 0)
        subscription.coupon_counted_from, subscription.coupon_counted_at = subscription.next_billing_on, now
        names = ["coupon_uses_left", "coupon_counted_from", "coupon_counted_at"]
        subscription.save(update_fields=names)
        outcome.uses += 1

    _each(uncounted.filter(coupon_code__in=limited), read, outcome)


def _packages_since(client: BillingClient, now: datetime, outcome: DetailsRead) -> None:
    """Since when it is on its package, where new customers were offered another price meanwhile."""
    offered = PriceEntry.objects.filter(
        package=OuterRef("package"),
        audience=Audience.NEW,
        valid_from__gt=OuterRef("on_package_earliest"),
        valid_from__lte=OuterRef("on_package_latest"),
    ).order_by("valid_from")
    unknown = _served().annotate(offered_at=Subquery(offered.values("valid_from")[:1]))
    unknown = unknown.filter(offered_at__isnull=False, since_read_at=None)
    addons = set(SyncedAddOn.objects.values_list("code", flat=True))

    def read(subscription: Any) -> None:
        _narrow(subscription, _invoices(client, subscription), addons, subscription.offered_at)
        subscription.since_read_at = now
        names = ["on_package_since", "on_package_since_how", "on_package_earliest", "on_package_latest"]
        subscription.save(update_fields=[*names, "since_read_at"])
        outcome.packages += 1

    _each(unknown.exclude(on_package_since_how=SinceHow.DECISION), read, outcome)


def _narrow(
    subscription: Subscription, newest_first: Iterable[Invoice], addons: set[str], offered_at: datetime
) -> None:
    """Bring the two instants closer to each other by which plan its invoices bill, back to the first other price."""
    earliest, was_elsewhere = subscription.on_package_earliest, subscription.on_package_since is not None
    assert earliest is not None  # the query compares it
    first: datetime | None = None
    read = 0
    for invoice in newest_first:
        read += 1
        plans = {line.code for line in invoice.lines if line.code} - addons
        if not plans or invoice.invoice_date is None:
            continue
        made = invoice.created_at or beginning_of(invoice.invoice_date)
        if subscription.plan_code not in plans:
            _came_between(subscription, max(earliest, made), first)
            return
        if was_elsewhere and made <= earliest:
            # Of an earlier time on this plan.
            _came_between(subscription, earliest, first)
            return
        first = made
        if made < offered_at:
            subscription.on_package_latest = made
            if was_elsewhere:
                subscription.on_package_since = made
            return
    if first is not None and not was_elsewhere and read < MOST_INVOICES:
        # Its very first invoice is of this plan: it signed up for it.
        subscription.on_package_since = subscription.on_package_latest = earliest
        subscription.on_package_since_how = SinceHow.FIRST_INVOICE
    else:
        _came_between(subscription, earliest, first)


def _came_between(subscription: Subscription, earliest: datetime, first: datetime | None) -> None:
    """It came onto the plan after the one instant, and was billed for it first at the other.

    Where Zoho bills a change within a term, that invoice was made when it came: then, or at the renewal.
    """
    subscription.on_package_earliest = earliest
    if first is None:
        return
    subscription.on_package_since = subscription.on_package_latest = first
    subscription.on_package_since_how = SinceHow.FIRST_INVOICE
    if subscription.prorates:
        subscription.on_package_earliest = first


def _invoices(client: BillingClient, subscription: Subscription) -> Iterator[Invoice]:
    """With their lines, the newest first. Void ones are left out."""
    rows = client.iter_invoices(subscription_id=subscription.subscription_id)
    standing = [row for row in rows if row.status != "void" and row.invoice_date is not None]
    standing.sort(key=lambda row: (str(row.invoice_date), row.invoice_id), reverse=True)
    return (client.get_invoice(row.invoice_id) for row in islice(standing, MOST_INVOICES))
