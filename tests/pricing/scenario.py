"""Eight months of a provider: its calendar, what people do in them, and the product's jobs at their hours.

Our clock (time_machine) and Zoho's (the sandbox's) are moved together. Days on which nothing can happen are left out.
"""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial

from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.db.models.functions import Now

from circletel.core.models import Job, JobState
from pricing import deciding, services
from pricing.models import Hold, MoveState, PriceChange, PriceMove, PriceNotice
from pricing.notices import tracking as settling
from pricing.tasks import (
    apply_price_changes,
    count_customers,
    move_subscriptions,
    prove_billing,
    pull_subscriptions,
    recheck_moves,
    send_price_notices,
)
from tests.pricing.billing_world import JOHANNESBURG, instant
from tests.pricing.histories import package_opened
from tests.pricing.people import mr_daniels, ms_khumalo, wish
from tests.pricing.scenario_cast import CHEAPER, FIRST, LONG_AGO, OPENING, SECOND, WITHDRAWN, cast
from tests.processes import environment, kill_group, wait_until
from zoho_sync.billing.client import BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.keys import package_key
from zoho_sync.models import System

FIXED_UNTIL = "Price fixed until"
BEGIN, END = date(2027, 2, 1), date(2027, 8, 31)
BILLING_DAYS = (1, 5, 10, 12, 15, 20, 28, 29, 30, 31)
# When the schedule has them run; moves once more, after the notices and after what people do at ten.
HOURS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("00:30", pull_subscriptions),
    ("02:00", apply_price_changes),
    ("04:30", recheck_moves),
    ("07:30", move_subscriptions),
    ("08:00", send_price_notices),
    ("09:00", prove_billing),
    ("10:30", move_subscriptions),
)
# A Friday to a Tuesday, over the Saturday on which the first change takes effect.
OUTAGE = (instant("2027-04-08 07:20"), instant("2027-04-13 07:20"))
KILLED = instant("2027-03-15 07:25")


class Scenario:
    """`run` plays the story up to a day. `people` are its customers, `changes` its price changes by their event."""

    def __init__(self, zoho, travel, drain):
        self.zoho, self.travel, self.drain = zoho, travel, drain
        self.http = ZohoHttp(System.BILLING, sleep=lambda _seconds: None)
        self.client = BillingClient(self.http)
        self.people = cast()
        self.changes: dict[object, PriceChange] = {}
        self.killed_in_the_middle = False

    # --- the calendar

    def run(self, until=END):
        self.at(instant("2027-01-31 10:00"))
        self._open()
        for when, deed in sorted(self._calendar(until), key=lambda entry: entry[0]):
            self.at(when)
            deed()

    def at(self, when):
        if when <= datetime.now(JOHANNESBURG):
            return  # two deeds at the same minute
        self.travel.move_to(when)
        self.zoho.clock(to=when.isoformat())

    def _calendar(self, until):
        events = self._events()
        days = {BEGIN + timedelta(days=number) for number in range((until - BEGIN).days + 1)}
        stages = {
            event.effective.date() - timedelta(days=before)
            for event in (FIRST, WITHDRAWN, SECOND)
            for before in (0, 7, 30)
        }
        busy = stages | {when.date() for when, _ in events} | {BEGIN}
        last_of_month = {day for day in days if (day + timedelta(days=1)).day == 1}
        for day in sorted(day for day in days if day in busy | last_of_month or day.day in BILLING_DAYS):
            for hour, job in HOURS:
                yield datetime.combine(day, time.fromisoformat(hour), tzinfo=JOHANNESBURG), job
        yield from ((when, deed) for when, deed in events if when.date() in days)
        yield instant("2027-02-15 03:15"), count_customers

    # --- the beginning

    def _open(self):
        self.zoho.set(billing_custom_fields={"subscription": [FIXED_UNTIL]})
        self.packages = {name: package_opened(price) for name, price in OPENING.items()}
        self.drain()
        self._make_coupon()
        for person in self.people:
            if person.joins is None:
                self._subscribe(person, starts_at=f"{LONG_AGO}-{person.day:02}")

    def _make_coupon(self):
        """Ten percent off the plan, for good."""
        code = package_key(self.packages["home"])
        [plan] = [one for one in self.zoho.records("billing_plans") if one["plan_code"] == code]
        body = {
            "coupon_code": "WELCOME",
            "name": "Welcome",
            "type": "forever",
            "discount_by": "percentage",
            "discount_value": 10,
            "product_id": plan["product_id"],
        }
        self.client._send("POST", "coupons", safe=False, body=body)

    def _subscribe(self, person, starts_at=None):
        email = f"{person.name.replace(' ', '.').lower()}@example.com"
        customer = self.client.create_customer(Customer(display_name=person.name, email=email))
        plan = {"plan_code": package_key(self.packages[person.package]), "quantity": person.units}
        if starts_at:
            # Nobody's list price of today: what they were quoted then.
            plan["price"] = float(person.own_price or OPENING[person.package])
        body = {"customer_id": customer.customer_id, "auto_collect": False, "plan": plan}
        if starts_at:
            body["starts_at"] = starts_at
        if person.fixed_until:
            body["custom_fields"] = [{"label": FIXED_UNTIL, "value": person.fixed_until.isoformat()}]
        if person.coupon:
            body["coupon_code"] = "WELCOME"
        made = self.client._send("POST", "subscriptions", safe=False, body=body)
        person.id = made["subscription"]["subscription_id"]

    # --- what people do

    def _events(self):
        people = {person.name: person for person in self.people}
        edited, before = people["Edited when scheduled"], people["Edited before"]
        return [
            *(
                (event.published, partial(self._publish, event))
                for event in (FIRST, WITHDRAWN, SECOND, CHEAPER)
            ),
            (WITHDRAWN.cancelled, self._cancel),
            *((person.joins, partial(self._subscribe, person)) for person in self.people if person.joins),
            *((person.leaves, partial(self._leave, person)) for person in self.people if person.leaves),
            (instant("2027-02-10 12:00"), partial(self._bounce, people["Bounced"])),
            (KILLED, self._kill_a_worker),
            (instant("2027-03-26 10:00"), self._keep_and_credit),
            # After the renewal of the thirtieth, and before a worker comes by.
            (instant("2027-03-30 07:10"), partial(self._edit, before, 830)),
            (instant("2027-04-02 10:00"), partial(self._edit, edited, 850)),
            (OUTAGE[0], self._outage_begins),
            (OUTAGE[1], self.zoho.clear_faults),
            (instant("2027-04-25 10:00"), partial(self._settle_notice, people["Bounced"])),
            (instant("2027-05-10 10:00"), self._decide_conflicts),
            (instant("2027-07-02 10:00"), self._settle_what_was_billed),
        ]

    def _publish(self, event):
        asked = wish(new_price=event.price, effective_date=event.effective.date())
        package = self.packages[event.package]
        draft = services.create_price_change(package.pk, asked, actor=ms_khumalo())
        self.changes[event] = services.publish_price_change(draft.pk, actor=mr_daniels())
        self.drain()
        send_price_notices()

    def _cancel(self):
        change = self.changes[WITHDRAWN]
        services.cancel_price_change(change.pk, actor=mr_daniels(), reason="A competitor stays cheap")
        self.drain()
        send_price_notices()

    def _leave(self, person):
        self.client.cancel_subscription(person.id, at_end=True)

    def _bounce(self, person):
        notice = PriceNotice.objects.get(
            change=self.changes[FIRST], subscription__subscription_id=person.id, stage="announcement"
        )
        event = AnymailTrackingEvent(
            event_type=EventType.BOUNCED, message_id=notice.provider_id, event_id="bounce-1",
            description="No such mailbox",
        )  # fmt: skip
        tracking.send(sender=None, event=event, esp_name="Test")

    def _settle_notice(self, person):
        notice = PriceNotice.objects.get(state="bounced", subscription__subscription_id=person.id)
        settling.settle(notice.pk, actor=mr_daniels(), reason="Told by telephone")

    def _edit(self, person, price):
        """Somebody types another price into Zoho, from the next bill on."""
        self.zoho.set(proration=False)
        code = package_key(self.packages[person.package])
        self.client.update_subscription(person.id, Ordered(code, price, person.units), end_of_term=False)
        self.zoho.set(proration=True)

    def _keep_and_credit(self):
        held = PriceMove.objects.filter(change=self.changes[WITHDRAWN], hold=Hold.KEEP_OR_CREDIT)
        one = held.filter(subscription__customer_name="Light credited").get()
        other = held.filter(subscription__customer_name="Light keeps").get()
        deciding.decide([one.pk], deed="credit", actor=mr_daniels(), reason="Complained")
        deciding.decide([other.pk], deed="keep", actor=mr_daniels(), reason="As quoted")

    def _decide_conflicts(self):
        conflicts = PriceMove.objects.filter(change=self.changes[FIRST], state=MoveState.CONFLICT)
        if ids := list(conflicts.values_list("pk", flat=True)):
            deciding.decide(
                ids, deed="move_anyway", actor=mr_daniels(), reason="The old agreement was a mistake"
            )

    def _settle_what_was_billed(self):
        for change in self.changes.values():
            wrong = change.moves.filter(
                verdict__in=("under", "over"), state=MoveState.CONFIRMED, settled_at=None
            )
            if ids := list(wrong.values_list("pk", flat=True)):
                deciding.decide(ids, deed="settle", actor=mr_daniels(), reason="Waived")

    # --- what goes wrong

    def _outage_begins(self):
        self.zoho.fault(
            match={"path": "/billing/*"}, action={"status": 503, "body": "Service unavailable"}, times=None
        )

    def _kill_a_worker(self):
        """kill -9 while Zoho has taken the change and its answer is still on the way."""
        self.zoho.fault(
            match={"method": "PUT", "path": "/billing/v1/subscriptions/*"}, action={"slow_drip_ms": 3000}
        )
        since = self.zoho.state()["last_request"]
        command = [sys.executable, "-m", "tests.pricing.scenario_worker", KILLED.isoformat()]
        worker = subprocess.Popen(command, env=environment(), start_new_session=True)
        try:
            wait_until(lambda: self._is_taken(since), what="the change at Zoho's")
        finally:
            kill_group(worker)
        # Days of this story take moments of the database's clock, by which the killed worker's lease still holds.
        Job.objects.filter(state=JobState.RUNNING).update(leased_until=Now() - timedelta(seconds=1))
        [unsure] = PriceMove.objects.exclude(lease_token=None)
        self.killed_in_the_middle = (unsure.state, unsure.sent_at is not None) == (MoveState.PLANNED, True)

    def _is_taken(self, since):
        return any(
            one["method"] == "PUT" and one["status"] == 200 for one in self.zoho.requests(since, "billing")
        )
