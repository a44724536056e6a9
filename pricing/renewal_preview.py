"""Renewal preview: what the next invoices of a subscription will say, line by line, and what each line rests on.

The one computation of what a customer will see. It knows the subscription as last synced, the price rule, price
changes and what people decided about them, coupons, VAT by its days, and Zoho Billing's arithmetic
(`pricing.invoice_sums`). What is not known is said with the reason: an amount is never taken for nothing.

`next_invoices` asks for one subscription; a `Previewer` answers for many without further queries.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count as counting
from itertools import islice, takewhile
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from catalogue.models import ServicePackage, VatRate, excluding_vat
from circletel.core.amounts import rand
from circletel.core.rights import name_of
from pricing.billing_days import billing_on, in_months
from pricing.cohorts import RENEWALS_BEGIN, Judgement, cohort_of, same_price
from pricing.invoice_sums import ZERO, Charge, Discount, cents, sums_of
from pricing.models import (
    Cohort,
    MoveState,
    PriceChange,
    PriceChangeStatus,
    PriceMove,
    Source,
    Subscription,
    SyncedAddOn,
    SyncedCoupon,
    SyncedTax,
)
from pricing.models.subscription import BILLED, LEAVING, PAUSED
from pricing.notice import RenewalPricing, beginning_of, civil_day
from pricing.quotes import Quotes
from pricing.rule import NoPrice, PriceHistory, VatStep

INVOICES = 3
WAITING = ("trial", "future")
NOT_READ = "its price in Zoho Billing was not read yet"


class LineKind(StrEnum):
    PLAN = "plan"
    ADD_ON = "add_on"
    SETUP_FEE = "setup_fee"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """Amounts as the invoice prints them: VAT is in them exactly when `Invoice.prices_include_vat`.

    An amount that is not known is None, and `unknown` says why.
    """

    kind: LineKind
    code: str
    name: str
    quantity: int
    unit_price: Decimal | None
    total: Decimal | None
    """Before the discount."""
    discount: Decimal | None
    vat_rate: Decimal | None
    """As a fraction; 0 without a tax."""
    rests_on: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """`total` is what the customer sees under it, VAT included; None where it is not known, with every reason."""

    on: date
    currency: str
    prices_include_vat: bool
    lines: tuple[InvoiceLine, ...]
    coupon: str
    discount: Decimal | None
    vat: Decimal | None
    total: Decimal | None
    credit: Decimal | None
    """Credited with it, for the rest of a term that was billed at other prices; VAT included."""
    rests_on: tuple[str, ...]
    unknown: tuple[str, ...]
    remarks: tuple[str, ...]
    """What could still change it."""

    @property
    def plan_line(self) -> InvoiceLine:
        return next(line for line in self.lines if line.kind == LineKind.PLAN)


@dataclass(frozen=True, slots=True)
class RenewalPreview:
    """`ends` says why there are fewer invoices than were asked for; empty when there are not."""

    invoices: tuple[Invoice, ...]
    ends: str


@dataclass(frozen=True, slots=True)
class PriceFrom:
    """A price of one plan unit, VAT included, that it is billed from that day on, and why."""

    on: date
    price: Decimal
    rests_on: str


@dataclass(frozen=True, slots=True)
class Caveat:
    """What may still happen to its price from that day on; None is from now on."""

    on: date | None
    text: str


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one subscription from days to come, in their order, and what may still change them."""

    steps: tuple[PriceFrom, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    is_ours: bool = False
    """What Zoho has scheduled for it is the move that one of the steps is of."""

    def on(self, day: date) -> PriceFrom | None:
        """The last one that has begun by then; None while it pays what Zoho held when it was last read."""
        return next((step for step in reversed(self.steps) if step.on <= day), None)


@dataclass(frozen=True, slots=True)
class _Sold:
    """A line before its discount and VAT."""

    kind: LineKind
    code: str
    name: str
    quantity: int
    unit_price: Decimal | None
    tax_id: str
    rests_on: str
    unknown: str = ""
    is_recurring: bool = True

    @property
    def total(self) -> Decimal | None:
        return None if self.unit_price is None else cents(self.unit_price * self.quantity)


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What is subscribed to from a day on: as read, or as somebody scheduled it in Zoho."""

    plan_code: str
    price: Decimal | None
    quantity: int
    tax_id: str
    addons: Sequence[dict[str, Any]]
    interval_months: int | None
    scheduled_on: date | None = None
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class _Billing:
    """One invoice to come. `number` counts from the next billing day; `is_first` bills what is charged once."""

    on: date
    number: int
    is_first: bool = False
    within_term: bool = False


def next_invoices(subscription: Subscription, at: datetime, count: int = INVOICES) -> RenewalPreview:
    """The next invoices of `subscription` after that instant, as things stand. Nine queries."""
    package_ids = [subscription.package_id] if subscription.package_id else []
    previewer = Previewer.load(package_ids)
    return previewer.preview(subscription, at, moves=moves_of(subscription), count=count)


def moves_of(subscription: Subscription) -> list[PriceMove]:
    """Its moves that say what it will be billed. One query."""
    return list(_telling(PriceMove.objects.filter(subscription=subscription)))


def previews(
    change: PriceChange, judgements: Iterable[Judgement], at: datetime, count: int = INVOICES
) -> Iterator[tuple[Judgement, RenewalPreview]]:
    """The next invoices of all whom `change` concerns, a draft as if it were published. Streams.

    `judgements` come in the order of their subscriptions' keys. A fixed number of queries, and memory that does not
    grow with the number of customers.
    """
    previewer = Previewer.load([change.package_id])
    moves = _MovesInOrder(_telling(PriceMove.objects.filter(change__package=change.package_id)))
    for judged in judgements:
        own = moves.of(judged.subscription.pk)
        prices = previewer.prices_of(judged.subscription, at, moves=own, judged=(change, judged))
        yield judged, previewer.preview(judged.subscription, at, prices=prices, count=count)


@dataclass
class Previewer:
    """Everything that invoices depend on beside the subscription itself and its own moves."""

    names: dict[UUID, str]
    quotes: dict[UUID, Quotes]
    changes: dict[UUID, list[PriceChange]]
    """Published ones, by package: somebody may have joined whose move is not made yet."""
    coupons: dict[str, SyncedCoupon]
    addons: dict[str, SyncedAddOn]
    taxes: dict[str, SyncedTax]
    vat: Sequence[VatStep]
    renewal_pricing: RenewalPricing
    _rates: dict[date, Decimal | None] = field(default_factory=dict)
    _totals: dict[Any, Decimal | None] = field(default_factory=dict)

    @classmethod
    def load(cls, package_ids: Collection[UUID] = ()) -> "Previewer":
        """Eight queries; four without packages, which is enough for `total_on`."""
        histories = PriceHistory.of_many(package_ids) if package_ids else {}
        vat = next((history.vat for history in histories.values()), None)
        published = PriceChange.objects.filter(package__in=package_ids, status=PriceChangeStatus.PUBLISHED)
        changes: dict[UUID, list[PriceChange]] = {}
        for change in published.select_related("package", "amends"):
            changes.setdefault(change.package_id, []).append(change)
        packages = ServicePackage.objects.filter(pk__in=package_ids)
        return cls(
            names=dict(packages.values_list("pk", "name")),
            quotes={pk: Quotes(history) for pk, history in histories.items()},
            changes=changes,
            coupons={coupon.code: coupon for coupon in SyncedCoupon.objects.all()},
            addons={addon.code: addon for addon in SyncedAddOn.objects.all()},
            taxes={tax.tax_id: tax for tax in SyncedTax.objects.all()},
            vat=vat
            or [VatStep(*rate) for rate in VatRate.objects.values_list("rate", "valid_from", "valid_to")],
            renewal_pricing=RenewalPricing(settings.ZOHO_BILLING_RENEWAL_PRICING),
        )

    def preview(
        self,
        subscription: Subscription,
        at: datetime,
        *,
        moves: Sequence[PriceMove] = (),
        prices: Prices | None = None,
        count: int = INVOICES,
    ) -> RenewalPreview:
        """Its next invoices after that instant. `moves` are its own; `prices` what `prices_of` made of them."""
        prices = prices or self.prices_of(subscription, at, moves=moves)
        days = _Days(subscription, prices)
        billings = list(islice(days.after(at), count))
        invoices = tuple(
            self._invoice(subscription, billing, prices, is_next=number == 0)
            for number, billing in enumerate(billings)
        )
        return RenewalPreview(invoices, "" if len(invoices) == count else days.why_no_more)

    def invoice_on(self, subscription: Subscription, day: date, prices: Prices, at: datetime) -> Invoice:
        """The invoice of one billing day, which may be over or further away than the next ones."""
        billing = _Days(subscription, prices).on(day)
        upcoming = (
            next(_Days(subscription, prices).after(at), None) if subscription.has_unbilled_charges else None
        )
        is_next = upcoming is not None and day <= upcoming.on
        return self._invoice(subscription, billing, prices, is_next=is_next)

    def at_price(self, subscription: Subscription, day: date, price: Decimal | None, at: datetime) -> Invoice:
        """The invoice of that day with one plan unit at `price`, VAT included, whatever stands in its way.

        None is the price that Zoho held when it was last read.
        """
        steps = () if price is None else (PriceFrom(day, price, "the price asked for"),)
        prices = Prices(steps, is_ours=subscription.changes_on == day)
        return self.invoice_on(subscription, day, prices, at)

    def total_on(
        self, subscription: Subscription, day: date, price: Decimal | None, at: datetime
    ) -> Decimal | None:
        """The total of `at_price`; None where it is not known. Customers billed alike are worked out once."""
        if not _is_plain(subscription):
            return self.at_price(subscription, day, price, at).total
        alike = (
            *(day, price, subscription.plan_price, subscription.quantity),
            *(subscription.tax_id, subscription.is_inclusive_tax),
        )
        if alike not in self._totals:
            self._totals[alike] = self.at_price(subscription, day, price, at).total
        return self._totals[alike]

    # --- which price it pays from when

    def prices_of(
        self,
        subscription: Subscription,
        at: datetime,
        *,
        moves: Sequence[PriceMove] = (),
        judged: tuple[PriceChange, Judgement] | None = None,
    ) -> Prices:
        """Every price that it is to be billed, as far as it is known.

        `judged` is its part in one change more, a draft. An agreed price of a customer belongs here too, in front
        of what price changes bring.
        """
        if not subscription.is_in_rand or subscription.interval_months != 1:
            return Prices()
        steps, caveats = list[PriceFrom](), list[Caveat]()
        for move in moves:
            _take_move(move, subscription, steps, caveats)
        known = {move.change_id for move in moves}
        parts = [] if judged is None else [judged]
        for change in self.changes.get(subscription.package_id, ()) if subscription.package_id else ():
            if judged is None or change.pk != judged[0].pk:
                quotes = self.quotes[change.package_id]
                parts.append((change, cohort_of(subscription, change, civil_day(at), quotes=quotes)))
        for change, part in parts:
            if change.pk not in known:
                _take_judgement(change, part, steps, caveats)
        ours = {move.lands_on for move in moves if move.state == MoveState.SCHEDULED and not move.to_undo}
        return Prices(
            tuple(sorted(steps, key=lambda step: step.on)),
            tuple(caveats),
            is_ours=subscription.changes_on in ours,
        )

    def _plan(
        self, subscription: Subscription, agreed: _Agreed, billing: _Billing, prices: Prices
    ) -> tuple[Decimal | None, str, str]:
        """The unit price as Zoho prints it, what that rests on, and why it is not known."""
        day = billing.on
        if self._takes_latest(billing):
            return self._latest(subscription, agreed, day)
        step = prices.on(day) if agreed.plan_code == subscription.plan_code else None
        if step is not None and (agreed.scheduled_on is None or agreed.scheduled_on < step.on):
            price, why = self._in_zoho(subscription, step.price, step.on)
            return price, step.rests_on, why
        if agreed.price is None:
            return None, _synced(subscription), NOT_READ
        if agreed.scheduled_on is not None:
            return agreed.price, _scheduled(subscription, agreed), ""
        return agreed.price, self._as_synced(subscription, day), ""

    def _as_synced(self, subscription: Subscription, day: date) -> str:
        """Whether the price that Zoho holds is the one of the rule, and of which version."""
        quotes = self.quotes.get(subscription.package_id) if subscription.package_id else None
        if quotes is None or not subscription.is_in_rand or subscription.interval_months != 1:
            return f"the price in Zoho Billing, {_synced(subscription)}"
        ought = quotes.answer(subscription.came_at, _morning(day))
        if ought is not None and same_price(subscription, ought.including_vat, subscription.price):
            return f"the price rule, version {ought.version}; {_synced(subscription)}"
        asked = "" if ought is None else f", where the rule says {rand(ought.including_vat)}"
        return f"the price in Zoho Billing{asked}; {_synced(subscription)}"

    def _plan_name(self, subscription: Subscription) -> str:
        known = self.names.get(subscription.package_id) if subscription.package_id else None
        return known or subscription.plan_code

    def _takes_latest(self, billing: _Billing) -> bool:
        return self.renewal_pricing == RenewalPricing.LATEST and not billing.is_first

    def _latest(
        self, subscription: Subscription, agreed: _Agreed, day: date
    ) -> tuple[Decimal | None, str, str]:
        """Zoho is set to use the latest prices: the plan's, which is what new customers pay that day."""
        quotes = self.quotes.get(subscription.package_id) if subscription.package_id else None
        if quotes is None or agreed.plan_code != subscription.plan_code:
            unknown = (
                "Zoho Billing takes the plan's latest price at each renewal, and the plan is none of ours"
            )
            return None, _synced(subscription), unknown
        try:
            offer = quotes.history.offer_at(_morning(day))
        except NoPrice as none:
            return None, _synced(subscription), str(none).rstrip(".")
        price, why = self._in_zoho(subscription, offer.price, day)
        return price, f"the plan's latest price, version {offer.version}", why

    def _in_zoho(
        self, subscription: Subscription, including_vat: Decimal, day: date
    ) -> tuple[Decimal | None, str]:
        """A price as Zoho holds it: without the VAT of the day on which it begins, where prices exclude VAT."""
        if subscription.is_inclusive_tax is not False:
            return including_vat, ""
        rate = self._vat_on(day)
        if rate is None:
            return None, _no_vat(day)
        return excluding_vat(including_vat, rate), ""

    # --- an invoice

    def _invoice(
        self, subscription: Subscription, billing: _Billing, prices: Prices, *, is_next: bool
    ) -> Invoice:
        agreed = _agreed_on(subscription, billing.on, prices)
        sold = self._sold(subscription, agreed, billing, prices)
        unknown = [line.unknown for line in sold if line.unknown]
        if subscription.has_unbilled_charges and is_next:
            unknown.append("Zoho Billing holds charges that are not billed yet and come with it")
        coupon, why = self._coupon(subscription, billing, sold)
        if why:
            unknown.append(why)
        lines, vat, total, untaxed = self._summed(subscription, sold, billing.on, coupon, bool(why))
        remarks = list(self._remarks(subscription, prices, billing.on))
        if untaxed and subscription.is_inclusive_tax is False:
            unknown.append(untaxed)
        elif untaxed:
            remarks.append(f"Its VAT is not known: {untaxed}.")
        credit: Decimal | None = ZERO
        if billing.within_term:
            credit, why = self._credit(subscription, billing, agreed)
            unknown += [why] if why else []
        discounts = [line.discount for line in lines]
        return Invoice(
            on=billing.on,
            currency=subscription.currency_code,
            prices_include_vat=subscription.is_inclusive_tax is not False,
            lines=lines,
            coupon=coupon.code if coupon else "",
            discount=None if None in discounts else sum(filter(None, discounts), ZERO),
            vat=None if unknown or untaxed else vat,
            total=None if unknown else total,
            credit=credit,
            rests_on=tuple(self._rests_on(subscription, billing, coupon)),
            unknown=tuple(dict.fromkeys(unknown)),
            remarks=tuple(remarks),
        )

    def _sold(
        self, subscription: Subscription, agreed: _Agreed, billing: _Billing, prices: Prices
    ) -> list[_Sold]:
        """The lines: plan, add-ons that recur, and on the first invoice what is charged once."""
        if not agreed.is_read:
            assert agreed.scheduled_on is not None
            unknown = (
                f"a change is scheduled in Zoho Billing for {_day(agreed.scheduled_on)} and was not read yet"
            )
            return [_Sold(LineKind.PLAN, subscription.plan_code, self._plan_name(subscription),
                          subscription.quantity, None, subscription.tax_id, _synced(subscription), unknown)]  # fmt: skip
        price, rests_on, unknown = self._plan(subscription, agreed, billing, prices)
        name = (
            self._plan_name(subscription) if agreed.plan_code == subscription.plan_code else agreed.plan_code
        )
        plan = _Sold(
            LineKind.PLAN, agreed.plan_code, name, agreed.quantity, price, agreed.tax_id, rests_on, unknown
        )
        addons = [self._addon(subscription, agreed, each, billing) for each in agreed.addons]
        recurring = [plan, *(each for each in addons if each.is_recurring)]
        if billing.within_term:
            recurring = self._prorated(subscription, recurring, billing.on, agreed)
        bills_once = billing.is_first or agreed.scheduled_on == billing.on
        once = [each for each in addons if not each.is_recurring] if bills_once else []
        if billing.is_first and subscription.setup_fee:
            fee = _Sold(LineKind.SETUP_FEE, agreed.plan_code, "Setup fee", 1, subscription.setup_fee,
                        agreed.tax_id, _synced(subscription), is_recurring=False)  # fmt: skip
            once = [fee, *once]
        return [*recurring, *once]

    def _addon(
        self, subscription: Subscription, agreed: _Agreed, addon: dict[str, Any], billing: _Billing
    ) -> _Sold:
        code, price = addon["code"], addon["price"]
        known = self.addons.get(code)
        kind = addon["type"] or (known.type if known else "")
        why = ""
        if kind not in ("recurring", "one_time"):
            why = f"Zoho Billing does not say whether the add-on {code} recurs"
        elif known is not None and known.pricing_scheme not in ("", "unit"):
            why = f"the add-on {code} is priced by {known.pricing_scheme}, and its amount is not previewed"
        elif price is None:
            why = f"Zoho Billing names no price for the add-on {code}"
        elif self._takes_latest(billing):
            why = f"Zoho Billing takes the latest price of the add-on {code} at each renewal"
        rests_on = _synced(subscription) if agreed.scheduled_on is None else _scheduled(subscription, agreed)
        return _Sold(
            LineKind.ADD_ON,
            code,
            addon.get("name") or (known.name if known else "") or code,
            addon["quantity"],
            None if why else Decimal(price),
            addon["tax_id"],
            rests_on,
            why,
            is_recurring=kind != "one_time",
        )

    def _summed(
        self,
        subscription: Subscription,
        sold: Sequence[_Sold],
        day: date,
        coupon: SyncedCoupon | None,
        is_discount_unknown: bool,
    ) -> tuple[tuple[InvoiceLine, ...], Decimal, Decimal, str]:
        """The lines with discount and VAT rate, VAT and total of all, and why the VAT is not known."""
        rates = [self._rate(line.tax_id, day) for line in sold]
        charges = tuple(
            Charge(line.total or ZERO, line.tax_id, rate or ZERO, _is_lowered(line, coupon))
            for line, (rate, _) in zip(sold, rates, strict=True)
        )
        off = Discount(coupon.value, coupon.is_percentage) if coupon else None
        sums = sums_of(charges, off, including_vat=subscription.is_inclusive_tax is not False)
        # A flat amount is spread over all lines: with one of them unknown, so is each share of it.
        is_unknown = is_discount_unknown or (
            coupon is not None and any(line.total is None for line in sold if _is_lowered(line, coupon))
        )
        lines = tuple(
            InvoiceLine(
                line.kind,
                line.code,
                line.name,
                line.quantity,
                line.unit_price,
                line.total,
                None if is_unknown or line.total is None else discount,
                rate,
                line.rests_on,
                line.unknown or why,
            )
            for line, discount, (rate, why) in zip(sold, sums.discounts, rates, strict=True)
        )
        return lines, sums.vat, sums.total, next((why for _, why in rates if why), "")

    def _rate(self, tax_id: str, day: date) -> tuple[Decimal | None, str]:
        """The rate of a line's tax on that day, or why it is not known."""
        if not tax_id:
            return ZERO, ""
        tax = self.taxes.get(tax_id)
        if tax is None or tax.rate is None:
            return None, f"the tax {tax_id} of Zoho Billing was not read yet"
        if not tax.is_vat:
            return tax.rate, ""
        rate = self._vat_on(day)
        return (None, _no_vat(day)) if rate is None else (rate, "")

    def _vat_on(self, day: date) -> Decimal | None:
        if day not in self._rates:
            fitting = (
                step.rate
                for step in self.vat
                if step.valid_from <= day and (step.valid_to is None or day < step.valid_to)
            )
            self._rates[day] = next(fitting, None)
        return self._rates[day]

    def _coupon(
        self, subscription: Subscription, billing: _Billing, sold: Sequence[_Sold]
    ) -> tuple[SyncedCoupon | None, str]:
        """The coupon that lowers this invoice, or why it is not known whether and by how much one does."""
        code = subscription.coupon_code
        if not code:
            return None, "Zoho Billing shows a discount without a coupon" if subscription.discounted else ""
        coupon = self.coupons.get(code)
        if coupon is None or not coupon.is_understood:
            return None, f"what the coupon {code} takes off was not read yet"
        left = _uses_left(subscription, coupon, billing)
        if left is None:
            return None, f"it is not known how many invoices the coupon {code} still lowers"
        if left <= 0:
            return None, ""
        if billing.within_term or any(line.kind == LineKind.SETUP_FEE for line in sold):
            what = "a change within a term" if billing.within_term else "a setup fee"
            return None, f"it is not known what the coupon {code} takes off an invoice with {what}"
        return coupon, ""

    # --- a change within a term

    def _prorated(
        self, subscription: Subscription, lines: list[_Sold], day: date, agreed: _Agreed
    ) -> list[_Sold]:
        """The rest of the term, `day` included, where the organisation bills it by the day.

        A plan of another length begins a term of its own, which is billed in full.
        """
        if agreed.interval_months != subscription.interval_months:
            return lines
        if subscription.prorates is False:
            return []
        return _for_the_rest(subscription, lines, day)

    def _credit(
        self, subscription: Subscription, billing: _Billing, agreed: _Agreed
    ) -> tuple[Decimal | None, str]:
        """What is given back of the term at its former prices."""
        if subscription.prorates is False:
            return ZERO, ""
        before = _as_read(subscription)
        why = NOT_READ if before.price is None else ""
        plan = _Sold(
            LineKind.PLAN, before.plan_code, "", before.quantity, before.price, before.tax_id, "", why
        )
        addons = (self._addon(subscription, before, each, billing) for each in before.addons)
        recurring = [plan, *(each for each in addons if each.is_recurring)]
        rest = _for_the_rest(subscription, recurring, billing.on)
        _, _, total, untaxed = self._summed(subscription, rest, billing.on, None, False)
        unknown = [line.unknown for line in rest if line.unknown]
        if untaxed and subscription.is_inclusive_tax is False:
            unknown.append(untaxed)
        return (None, unknown[0]) if unknown else (total, "")

    # --- in words

    def _rests_on(
        self, subscription: Subscription, billing: _Billing, coupon: SyncedCoupon | None
    ) -> Iterator[str]:
        seen = timezone.localtime(subscription.seen_at)
        yield f"billing day: Zoho Billing's list of {seen:%-d %b %Y}"
        if coupon is not None:
            left = _uses_left(subscription, coupon, billing)
            until = "without end" if coupon.times is None else f"for {left} more with this one"
            read = timezone.localtime(coupon.read_at)
            yield f"coupon {coupon.code}, {until}: read from Zoho Billing on {read:%-d %b %Y}"

    def _remarks(self, subscription: Subscription, prices: Prices, day: date) -> Iterator[str]:
        if self.renewal_pricing == RenewalPricing.UNKNOWN:
            yield "It is not recorded what Zoho Billing does with prices at a renewal: taken as retained."
        if subscription.gone_at is not None:
            yield "Zoho does not list it any more."
        for caveat in prices.caveats:
            if caveat.on is None or caveat.on <= day:
                yield caveat.text


class _Days:
    """The billing days of a subscription, from the next one that Zoho named on, with what is scheduled there."""

    def __init__(self, subscription: Subscription, prices: Prices) -> None:
        self.subscription = subscription
        self.changes_on = None if prices.is_ours else subscription.changes_on
        self.why_no_more = ""

    def after(self, at: datetime) -> Iterator[_Billing]:
        """Those whose invoice is still to be made."""
        return (billing for billing in self.all() if _morning(billing.on) > at)

    def on(self, day: date) -> _Billing:
        """The one of that day, or what it would be where it is none of those to come."""
        to_come = takewhile(lambda billing: billing.on <= day, self.all())
        found = next((billing for billing in to_come if billing.on == day), None)
        return found or _Billing(
            day, _terms_between(self.subscription, self.subscription.next_billing_on, day)
        )

    def all(self) -> Iterator[_Billing]:
        most = self.subscription.remaining_cycles
        for number, billing in enumerate(self._terms()):
            if most is not None and number >= most:
                self.why_no_more = "It expires: that was its last invoice."
                return
            yield billing

    def _terms(self) -> Iterator[_Billing]:
        subscription, status = self.subscription, self.subscription.status
        following, months = subscription.next_billing_on, subscription.interval_months
        if subscription.gone_at is not None:
            self.why_no_more = "Zoho does not list it any more."
        elif status in LEAVING:
            ends = subscription.current_term_ends_on
            self.why_no_more = f"It ends on {_day(ends)}." if ends else "It ends with its term."
        elif status in PAUSED and subscription.resumes_on is None:
            self.why_no_more = "It is paused: its next invoice is known once it is resumed."
        elif status not in (*BILLED, *PAUSED):
            self.why_no_more = f"It is {status.replace('_', ' ')}."
        elif following is None:
            self.why_no_more = "Zoho names no next billing date."
        elif status in WAITING:
            trial = timedelta(days=subscription.trial_days if status == "future" else 0)
            yield from self._from(following + trial, months, is_first=True)
        elif status in PAUSED and subscription.resumes_on is not None and subscription.resumes_on > following:
            yield from self._from(subscription.resumes_on, months)
        else:
            yield from self._as_named(following)

    def _from(self, start: date, months: int | None, *, is_first: bool = False) -> Iterator[_Billing]:
        """Terms that count from that day."""
        yield _Billing(start, 0, is_first=is_first)
        if months is None:
            self.why_no_more = "It is billed by weeks or days: later invoices are not previewed."
            return
        yield from (_Billing(in_months(start, number * months, start.day), number) for number in counting(1))

    def _as_named(self, following: date) -> Iterator[_Billing]:
        changed = _agreed_on(self.subscription, date.max, Prices(is_ours=self.changes_on is None))
        is_other_length = changed.interval_months != self.subscription.interval_months
        if self.changes_on is not None and self.changes_on < following:
            if changed.is_read and (self._bills(changed) or is_other_length):
                yield _Billing(self.changes_on, 0, within_term=True)
            if is_other_length:
                later = self._from(self.changes_on, changed.interval_months)
                yield from islice(later, 1, None)
                return
        for number in counting():
            day = billing_on(self.subscription, number)
            if day is None:
                yield _Billing(following, 0)
                self.why_no_more = "It is billed by weeks or days: later invoices are not previewed."
                return
            if is_other_length and self.changes_on is not None and day >= self.changes_on:
                yield from self._from(day, changed.interval_months)
                return
            yield _Billing(day, number)

    def _bills(self, changed: _Agreed) -> bool:
        """A change within the term makes an invoice: for the rest of the term, or for what is charged once."""
        once = any(each["type"] == "one_time" for each in changed.addons)
        return self.subscription.prorates is not False or once


class _MovesInOrder:
    """Moves that come in the order of their subscriptions' keys, taken subscription by subscription."""

    def __init__(self, moves: QuerySet[PriceMove]) -> None:
        self._rest = moves.iterator(chunk_size=2000)
        self._next = next(self._rest, None)

    def of(self, key: UUID) -> list[PriceMove]:
        """Those of one subscription. Keys are asked in their order."""
        found = []
        while self._next is not None and self._next.subscription_id <= key:
            if self._next.subscription_id == key:
                found.append(self._next)
            self._next = next(self._rest, None)
        return found


def _telling(moves: QuerySet[PriceMove]) -> QuerySet[PriceMove]:
    """Those that say what it will be billed: to come, or through since the subscription was read, or decided.

    Of published changes all: whoever has one is not judged anew.
    """
    to_come = (MoveState.PLANNED, MoveState.SCHEDULED, MoveState.HELD, MoveState.CONFLICT, MoveState.FAILED)
    known_at = Greatest("subscription__read_at", "subscription__imported_at")
    through = Q(state=MoveState.CONFIRMED, confirmed_at__gt=known_at)
    decided = Q(state=MoveState.NOT_NEEDED, decided_at__isnull=False)
    published = Q(change__status=PriceChangeStatus.PUBLISHED)
    told = moves.filter(Q(state__in=to_come) | through | decided | published)
    return told.select_related("change", "decided_by").order_by("subscription_id", "created_at", "pk")


def _take_move(
    move: PriceMove, subscription: Subscription, steps: list[PriceFrom], caveats: list[Caveat]
) -> None:
    """The price that a move brings, or why it does not bring it yet."""
    lands_on = move.lands_on if move.state in (MoveState.SCHEDULED, MoveState.CONFIRMED) else None
    day = lands_on or move.renewal_on
    by = ""
    if move.decided_by is not None and move.decided_at is not None:
        by = f"{name_of(move.decided_by)} decided on {timezone.localtime(move.decided_at):%-d %b %Y}"
    waits = move.state in (MoveState.HELD, MoveState.CONFLICT)
    is_through = move.state == MoveState.CONFIRMED and not _is_news(move, subscription)
    if is_through or (move.state == MoveState.NOT_NEEDED and not by):
        return
    if move.to_undo:
        caveats.append(Caveat(day, f"What Zoho has scheduled for it is being taken back: {move.why}"))
    elif move.state == MoveState.NOT_NEEDED:
        caveats.append(Caveat(day, f"{by} that this price change does not move it."))
    elif waits or day is None or (move.state == MoveState.FAILED and move.next_attempt_at is None):
        once = f" {rand(move.expected_price)} once it is moved." if not move.is_return else ""
        caveats.append(Caveat(day, f"{move.get_state_display()}: {move.why or 'no billing date.'}{once}"))
    else:
        rests_on = "back to the old price, with a credit" if move.is_return else _of_change(move.change)
        steps.append(PriceFrom(day, move.expected_price, f"{rests_on}; {by}" if by else rests_on))
        if move.state == MoveState.FAILED:
            caveats.append(Caveat(day, f"Zoho Billing has not taken its new price yet: {move.why}"))


def _is_news(move: PriceMove, subscription: Subscription) -> bool:
    """It was read back from Zoho later than the subscription."""
    return move.confirmed_at is not None and move.confirmed_at > subscription.details_known[1]


def _take_judgement(
    change: PriceChange, judged: Judgement, steps: list[PriceFrom], caveats: list[Caveat]
) -> None:
    """What a change brings that has made no move for it yet."""
    if judged.cohort in (Cohort.NEGOTIATED, Cohort.SINCE_UNKNOWN):
        caveats.append(Caveat(judged.renewal_on, f"{judged.cohort.label}: {judged.why}"))
    elif judged.moves and judged.renewal_on is not None:
        steps.append(PriceFrom(judged.renewal_on, judged.expected_price, _of_change(change)))


def _of_change(change: PriceChange) -> str:
    if change.published_at is None:
        return f"the draft of a price change to {rand(change.new_price)}"
    published = timezone.localtime(change.published_at)
    return f"the price rule, version {change.version}: price change published on {published:%-d %b %Y}"


def _agreed_on(subscription: Subscription, day: date, prices: Prices) -> _Agreed:
    """What is subscribed to on that day."""
    changes_on, changed = subscription.changes_on, subscription.scheduled_change
    if changes_on is None or prices.is_ours or day < changes_on:
        return _as_read(subscription)
    if changed is None:
        before = _as_read(subscription)
        return replace(before, price=None, scheduled_on=changes_on, is_read=False)
    return _Agreed(
        plan_code=changed["code"],
        price=None if changed["price"] is None else Decimal(changed["price"]),
        quantity=changed["quantity"],
        tax_id=changed["tax_id"],
        addons=changed["addons"],
        interval_months=changed["interval_months"],
        scheduled_on=changes_on,
    )


def _as_read(subscription: Subscription) -> _Agreed:
    return _Agreed(
        subscription.plan_code,
        subscription.plan_price,
        subscription.quantity,
        subscription.tax_id,
        subscription.addons,
        subscription.interval_months,
    )


def _for_the_rest(subscription: Subscription, lines: Sequence[_Sold], day: date) -> list[_Sold]:
    """The lines for the days of the term that are left, `day` included."""
    began, following = subscription.current_term_starts_on, subscription.next_billing_on
    if subscription.prorates is None or began is None or following is None:
        why = "it is not known whether Zoho Billing bills a change within a term by the day"
        return [replace(line, unit_price=None, unknown=line.unknown or why) for line in lines]
    share = Decimal((following - day).days) / Decimal((following - began).days)
    return [
        line if line.unit_price is None else replace(line, unit_price=cents(line.unit_price * share))
        for line in lines
    ]


def _is_lowered(line: _Sold, coupon: SyncedCoupon | None) -> bool:
    if coupon is None or line.kind == LineKind.SETUP_FEE:
        return False
    if line.kind == LineKind.PLAN:
        return coupon.lowers_plan(line.code)
    return coupon.lowers_addon(line.code, recurring=line.is_recurring)


def _uses_left(subscription: Subscription, coupon: SyncedCoupon, billing: _Billing) -> int | None:
    """How many invoices it lowers from this one on; None where that was not read. 1 for one without end."""
    if coupon.times is None:
        return 1
    counted_from, left = subscription.coupon_counted_from, subscription.coupon_uses_left
    if counted_from is None or left is None or subscription.next_billing_on is None:
        return None
    billed_since = _terms_between(subscription, counted_from, subscription.next_billing_on)
    return left - billed_since - billing.number


def _terms_between(subscription: Subscription, one: date | None, other: date) -> int:
    """Whole terms from one billing day to another."""
    if one is None or not subscription.interval_months:
        return 0
    months = (other.year - one.year) * 12 + other.month - one.month
    return round(months / subscription.interval_months)


def _morning(day: date) -> datetime:
    """When Zoho makes the invoices of a day."""
    return beginning_of(day) + timedelta(hours=RENEWALS_BEGIN.hour)


def _synced(subscription: Subscription) -> str:
    """How what is known of a subscription came here, and when."""
    source, as_of = subscription.details_known
    how = "read from Zoho Billing on" if source == Source.READ else "by the export of"
    return f"{how} {timezone.localtime(as_of):%-d %b %Y}"


def _scheduled(subscription: Subscription, agreed: _Agreed) -> str:
    assert agreed.scheduled_on is not None  # the caller saw it
    read = subscription.change_read_at or subscription.read_at
    on = f"scheduled in Zoho Billing for {_day(agreed.scheduled_on)}"
    return f"{on}, read on {timezone.localtime(read):%-d %b %Y}"


def _is_plain(subscription: Subscription) -> bool:
    """Its invoices bill the plan and nothing else."""
    more = subscription.addons, subscription.coupon_code, subscription.discounted, subscription.changes_on
    return not any((*more, subscription.has_unbilled_charges, subscription.status in WAITING))


def _no_vat(day: date) -> str:
    return f"no VAT rate is recorded for {_day(day)}"


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
