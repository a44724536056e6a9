"""What happens by itself as days go by: subscriptions start, renew, end. And the clock that lets days go by.

Zoho makes renewal invoices at about 06:00 in the organisation's zone (help: "Subscriptions").
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from zoho_sync.sandbox.clock import billing_time
from zoho_sync.sandbox.state import State
from zoho_sync.sandbox.store import Document

from .agreements import (
    addon_lines,
    at_latest_prices,
    first_lines,
    in_term,
    recurring_lines,
)
from .changes import change_now
from .discounts import coupon_of, used
from .invoices import raise_invoice

RUN_AT = timedelta(hours=6)
WAITING = ("future", "trial")
RENEWED = ("live", "unpaid", "dunning")


def advance(state: State, until: datetime) -> int:
    """Let the time be `until`; the number of invoices that came of it. Time goes back only before the first customer."""
    if until < state.clock.now() and len(state.billing_subscriptions):
        raise ValueError("the clock only goes forward")
    before = len(state.billing_invoices)
    state.clock.ahead += until - state.clock.now()
    state.store.set_value("clock", {"ahead_seconds": state.clock.ahead.total_seconds()})
    catch_up(state)
    return len(state.billing_invoices) - before


def catch_up(state: State) -> None:
    """Do what the morning runs until now had to do; nothing when the last one is done already."""
    day = (state.clock.now() - RUN_AT).date()
    if state.store.values.get("billing_run", {}).get("day") == day.isoformat():
        return
    for subscription in list(state.billing_subscriptions):
        while is_due(subscription, day):
            subscription = state.billing_subscriptions.put(turned(state, subscription))
    state.store.set_value("billing_run", {"day": day.isoformat()})


def is_due(subscription: Document, day: date) -> bool:
    return any(each <= day.isoformat() for each in waits_for(subscription))


def waits_for(subscription: Document) -> list[str]:
    """The days on which something happens to it by itself."""
    if subscription["status"] == "paused":
        return [subscription["resume_date"]] if subscription["resume_date"] else []
    if subscription["status"] not in (*WAITING, *RENEWED, "non_renewing"):
        return []
    changes_on = subscription["scheduled_on"] if subscription["scheduled"] else ""
    return [each for each in (subscription["next_billing_at"], changes_on) if each]


def turned(state: State, subscription: Document) -> Document:
    """The subscription after the first of the days it was waiting for."""
    day = date.fromisoformat(min(waits_for(subscription)))
    if subscription["status"] == "paused":
        return resumed(state, subscription, day)
    if subscription["status"] in WAITING:
        return after_waiting(state, subscription, day)
    if day.isoformat() < subscription["next_billing_at"]:
        return change_now(state, subscription, subscription["scheduled"], day)
    if subscription["status"] == "non_renewing":
        return ended(state, subscription, "cancelled", day)
    if subscription["remaining_billing_cycles"] == 0:
        return ended(state, subscription, "expired", day)
    return renewed(state, subscription, day)


def after_waiting(state: State, subscription: Document, day: date) -> Document:
    """Live, or in the trial that begins on the day a future subscription starts. Help: "Future subscriptions"."""
    trial = subscription["plan"]["trial_days"]
    if subscription["status"] == "future" and trial:
        ends = (day + timedelta(days=trial)).isoformat()
        return {**subscription, "status": "trial", "next_billing_at": ends}
    return started(state, subscription, day)


def resumed(state: State, subscription: Document, day: date) -> Document:
    """Live again. After a billing date has passed, what it would have billed is billed now, and terms count from here.

    Zoho Billing KB: "What happens when I resume my customer's paused subscription?"
    """
    live = {**subscription, "status": "live", "pause_date": "", "resume_date": ""}
    if day.isoformat() <= subscription["next_billing_at"]:
        return live
    return billed(state, in_term(live, day, 0), [])


def started(state: State, subscription: Document, anchor: date, number: int = 0) -> Document:
    """The subscription live in its first term, billed with everything that is charged once."""
    live = {**subscription, "status": "live", "activated_at": anchor.isoformat()}
    return billed(state, in_term(live, anchor, number), first_lines(subscription))


def renewed(state: State, subscription: Document, day: date) -> Document:
    """The next term: under the change that was scheduled, else at the agreed or the latest prices."""
    scheduled = subscription["scheduled"]
    if scheduled:
        changed = {**subscription, **scheduled, "scheduled": {}, "scheduled_on": ""}
        return billed(state, in_next_term(subscription, changed, day), addon_lines(changed))
    if state.settings.use_latest_prices:
        subscription = at_latest_prices(state, subscription)
    return billed(state, in_next_term(subscription, subscription, day), [])


def in_next_term(before: Document, after: Document, day: date) -> Document:
    """Terms go on counting from where they began, unless they are of another length now."""
    if (before["interval"], before["interval_unit"]) != (after["interval"], after["interval_unit"]):
        return in_term(after, day, 0)
    return in_term(after, date.fromisoformat(before["anchor"]), before["term"] + 1)


def billed(state: State, subscription: Document, once: list[Document]) -> Document:
    """The subscription with an invoice for its current term, and `once` beside it."""
    day = max(
        date.fromisoformat(subscription["current_term_starts_at"]),
        date.fromisoformat(subscription["activated_at"]),
    )
    lines = [*recurring_lines(subscription), *once]
    coupon = coupon_of(state, subscription)
    invoice = raise_invoice(state, subscription, lines, day, coupon)
    if coupon:
        subscription = used(state, subscription)
    left = subscription["remaining_billing_cycles"]
    return {
        **subscription,
        "remaining_billing_cycles": left - 1 if left > 0 else left,
        "last_billing_at": day.isoformat(),
        "child_invoice_id": invoice["invoice_id"],
        "updated_time": billing_time(state.clock.now()),
    }


def ended(state: State, subscription: Document, status: str, day: date) -> Document:
    named = {"cancelled": "cancelled_at", "expired": "expires_at"}[status]
    return {
        **subscription,
        "status": status,
        named: day.isoformat(),
        "next_billing_at": "",
        "scheduled": {},
        "scheduled_on": "",
        "updated_time": billing_time(state.clock.now()),
    }
