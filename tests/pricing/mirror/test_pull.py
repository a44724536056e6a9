"""The mirror against the sandbox, over HTTP: what it says, and what it costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event

import pytest

from catalogue.models import ServicePackage
from catalogue.signals import subscriptions_asked
from pricing.mirror.pull import Order, pull_subscriptions
from pricing.models import OwedRead, Subscription, SubscriptionPull
from tests.pricing.mirror.conftest import pulled
from tests.pricing.people import R799
from zoho_sync.backfill.report import Ending
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.keys import package_key

pytestmark = pytest.mark.django_db


def mirror(told):
    return Subscription.objects.get(subscription_id=told.subscription_id)


def test_what_zoho_says_is_mirrored(shop):
    told = shop.join()
    before = datetime.now(UTC) - timedelta(seconds=60)

    report = pulled()

    assert (report.ending, report.read, report.problems) == (Ending.IN_STEP, 1, [])
    row = mirror(told)
    assert (row.package, row.plan_code, row.price, row.amount) == (
        shop.package,
        told.plan.code,
        R799,
        R799,
    )
    assert (row.status, row.quantity, row.discounted, row.addons) == ("live", 1, False, [])
    assert (row.customer_id, row.customer_email) == (told.customer_id, told.email)
    assert row.customer_email.endswith("@example.com")
    assert (row.next_billing_on, row.current_term_starts_on) == (
        told.next_billing_at,
        told.current_term_starts_at,
    )
    assert before < row.signed_up_at < datetime.now(UTC)
    assert (row.fixed_until, row.gone_at, row.last_invoice_id) == (None, None, told.invoice_id)
    assert row.number.startswith("SUB-")
    assert row.listed["subscription_id"] == told.subscription_id


def test_a_price_of_its_own_is_mirrored(shop):
    shop.join(price=Decimal("649.50"))

    pulled()

    assert Subscription.objects.get().price == Decimal("649.50")


def test_prices_without_vat_are_mirrored_with_it(shop, settings):
    shop.zoho.set(prices_include_vat=False)
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    told = shop.join(price=Decimal("694.78"))

    pulled()

    assert (mirror(told).price, mirror(told).is_inclusive_tax) == (R799, False)


def test_nothing_is_read_twice_and_only_what_changed_again(shop):
    first, second = shop.join(), shop.join()
    start = shop.now
    pulled()
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1, "subscriptions/{id}": 2}

    start = shop.now
    assert pulled().counts == {"same": 2}
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1}

    shop.client.update_subscription(
        first.subscription_id, Ordered(first.plan.code, Decimal("699.00")), end_of_term=False
    )
    start = shop.now
    report = pulled()
    assert report.counts == {"same": 1, "changed": 1}
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1, "subscriptions/{id}": 1}
    assert (mirror(first).price, mirror(second).price) == (Decimal("699.00"), R799)

    start = shop.now
    assert pulled(full=True).read == 2
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1, "subscriptions/{id}": 2}


def test_a_renewal_under_the_same_agreement_costs_no_call(shop):
    told = shop.join()
    pulled()
    before = mirror(told)
    shop.zoho.clock(to=f"{told.next_billing_at}T08:00:00+02:00")
    start = shop.now

    report = pulled()

    assert report.counts == {"renewed": 1}
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1}
    after = mirror(told)
    assert after.current_term_starts_on == before.next_billing_on
    assert after.next_billing_on > before.next_billing_on
    assert (after.price, after.last_invoice_id) == (R799, "")


def test_a_renewal_at_another_price_is_read(shop):
    told = shop.join()
    pulled()
    shop.client.update_subscription(
        told.subscription_id, Ordered(told.plan.code, Decimal("899.00")), end_of_term=True
    )
    shop.zoho.clock(to=f"{told.next_billing_at}T08:00:00+02:00")

    assert pulled().counts == {"changed": 1}
    assert mirror(told).price == Decimal("899.00")


def test_who_leaves_ends_without_a_call(shop):
    leaving, gone = shop.join(), shop.join()
    pulled()
    shop.client.cancel_subscription(leaving.subscription_id, at_end=True)
    shop.client.cancel_subscription(gone.subscription_id, at_end=False)
    start = shop.now

    report = pulled()

    assert report.counts == {"changed": 1, "ended": 1}
    assert shop.calls(start)["subscriptions/{id}"] == 1
    assert (mirror(leaving).status, mirror(gone).status) == ("non_renewing", "cancelled")
    assert mirror(gone).next_billing_on is None
    assert list(Subscription.objects.standing()) == [mirror(leaving)]
    assert list(Subscription.objects.renewing()) == []
    assert pulled().counts == {"same": 2}


def test_who_had_left_before_is_passed_over(shop):
    told = shop.join()
    shop.client.cancel_subscription(told.subscription_id, at_end=False)
    start = shop.now

    assert pulled().counts == {"passed_over": 1}
    assert "subscriptions/{id}" not in shop.calls(start)
    assert not Subscription.objects.exists()


def remove(shop, told):
    shop.client.void_invoice(told.invoice_id)
    shop.client.delete_subscription(told.subscription_id)


def test_what_is_gone_is_asked_for_before_it_is_called_gone(shop):
    kept, gone = [shop.join() for _ in range(3)], shop.join()
    pulled()
    remove(shop, gone)
    start = shop.now

    report = pulled()

    assert (report.vanished, report.gone, report.ending) == (1, 1, Ending.IN_STEP)
    assert shop.calls(start)["subscriptions/{id}"] == 1
    assert mirror(gone).gone_at is not None
    assert {mirror(each).gone_at for each in kept} == {None}
    again = pulled()
    assert (again.vanished, again.gone) == (0, 0)


def test_a_list_that_lacks_too_many_marks_none_and_raises_an_alarm(shop):
    told = [shop.join() for _ in range(6)]
    pulled()
    for each in told[:3]:
        remove(shop, each)
    start = shop.now

    report = pulled()

    assert report.ending is Ending.NEEDS_PERSON
    assert report.words.startswith("Zoho lists 3 of 6 subscriptions: 3 are missing, more than 20 %.")
    assert "subscriptions/{id}" not in shop.calls(start)
    assert not Subscription.objects.exclude(gone_at=None).exists()
    assert pulled(accept_vanished=True).gone == 3


def test_an_incomplete_list_marks_nobody(shop):
    kept, gone = [shop.join() for _ in range(2)], shop.join()
    pulled()
    remove(shop, gone)
    body = {"code": 0, "message": "success", "subscriptions": [], "page_context": {"has_more_page": True}}
    shop.zoho.fault(
        match={"method": "GET", "path": "/billing/v1/subscriptions"}, action={"status": 200, "body": body}
    )

    report = pulled()

    assert (report.ending, report.gone) == (Ending.LATER, 0)
    assert "is empty, although more was announced" in report.words
    assert mirror(gone).gone_at is None
    assert mirror(kept[0]).gone_at is None


def test_a_dry_run_shows_the_plan_and_writes_nothing(shop):
    shop.join()
    shop.join()
    start = shop.now

    report = pulled(dry_run=True)

    assert (report.counts, report.ending) == ({"new": 2}, Ending.DIFFERS)
    assert shop.calls(start) == {"subscriptions": 1}
    # Two to read, one page of customers.
    assert report.forecast.calls == 3
    assert not (Subscription.objects.exists())
    assert not (SubscriptionPull.objects.exists())
    lines = [" ".join(line.split()) for line in report.said]
    assert lines[0].startswith("0 subscriptions are known. Subscriptions and customers are listed first")
    assert "new 2 to be read for the first time" in lines
    assert lines[-1] == "Nothing was written."
    pulled()
    assert pulled(dry_run=True).ending is Ending.IN_STEP


def test_a_pull_that_ran_out_of_calls_goes_on_without_repeating_one(shop):
    told = [shop.join() for _ in range(4)]
    start = shop.now
    # One page of each list, and two subscriptions.
    first = pulled(max_calls=4)
    assert (first.ending, first.read, first.owed, first.calls) == (Ending.LATER, 2, 2, 4)

    second = pulled(resume=True)

    assert (second.ending, second.read, second.owed) == (Ending.IN_STEP, 2, 0)
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1, "subscriptions/{id}": 4}
    ids = [each["path"] for each in shop.zoho.requests(start, "billing")]
    assert len(ids) == len(set(ids)) == 6
    assert Subscription.objects.count() == len(told)
    assert SubscriptionPull.objects.count() == 1
    assert not OwedRead.objects.exists()


def test_a_pull_killed_in_the_middle_goes_on(shop, monkeypatch):
    told = [shop.join() for _ in range(3)]
    start = shop.now
    save, saved = Subscription.save, []

    def dies(self, *args, **options):
        if saved:
            raise KeyboardInterrupt
        saved.append(self)
        save(self, *args, **options)

    monkeypatch.setattr(Subscription, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        pulled()
    monkeypatch.undo()

    report = pulled(resume=True)

    assert (report.read, Subscription.objects.count()) == (2, len(told))
    # The one whose answer was lost with the process is the only call made twice.
    assert shop.calls(start) == {"subscriptions": 1, "customers": 1, "subscriptions/{id}": 4}


def test_ctrl_c_ends_between_two_calls(shop):
    shop.join()
    stop = Event()
    stop.set()
    start = shop.now

    report = pull_subscriptions(Order(), say=lambda _line: None, stop=stop)

    assert (report.ending, report.calls) == (Ending.INTERRUPTED, 0)
    assert shop.calls(start) == {}


def test_more_than_a_page_takes_a_call_for_each_two_hundred(shop):
    customer = shop.join().customer_id
    for _ in range(200):
        shop.client.create_subscription(customer, Ordered(package_key(shop.package)))
    start = shop.now

    report = pulled()

    assert report.read == 201
    assert shop.calls(start) == {"subscriptions": 2, "customers": 1, "subscriptions/{id}": 201}
    start = shop.now
    assert pulled().counts == {"same": 201}
    assert shop.calls(start) == {"subscriptions": 2, "customers": 1}


def test_an_address_that_changed_reaches_the_mirror(shop):
    told = shop.join()
    pulled()
    name = told.customer_name
    shop.client._send(
        "PUT",
        "customers",
        told.customer_id,
        safe=True,
        body={"display_name": name, "email": "new.address@example.com"},
    )

    pulled()

    assert mirror(told).customer_email == "new.address@example.com"


@pytest.mark.parametrize(
    ("told_of_it", "kept"), [({}, True), ({"email": None}, True), ({"email": ""}, False)]
)
def test_a_list_without_addresses_takes_none_away_and_a_blank_one_does(shop, told_of_it, kept):
    told = shop.join()
    pulled()
    thin = {"customer_id": told.customer_id, "display_name": told.customer_name} | told_of_it
    shop.zoho.fault(
        match={"method": "GET", "path": "/billing/v1/customers"},
        action={"status": 200, "body": {"code": 0, "message": "success", "customers": [thin]}},
    )

    pulled()

    assert mirror(told).customer_email == (told.email if kept else "")


def test_one_that_cannot_be_read_stops_no_other(shop):
    first, second = shop.join(), shop.join()
    body = {"code": 0, "message": "success", "subscription": {"subscription_id": first.subscription_id}}
    shop.zoho.fault(
        match={"method": "GET", "path": f"/billing/v1/subscriptions/{first.subscription_id}"},
        action={"status": 200, "body": body},
    )

    report = pulled()

    assert (report.ending, report.read) == (Ending.NEEDS_PERSON, 1)
    assert report.problems == [f"Zoho names no plan for {first.subscription_id}."]
    assert [each.subscription_id for each in Subscription.objects.all()] == [second.subscription_id]
    shop.zoho.clear_faults()
    assert pulled().read == 1


def test_a_plan_that_is_not_ours_is_mirrored_without_a_package(shop):
    product = shop.zoho.records("billing_products")[0]["product_id"]
    body = {
        "plan_code": "legacy",
        "name": "Legacy",
        "recurring_price": 399,
        "interval": 1,
        "product_id": product,
    }
    shop.client._send("POST", "plans", safe=False, body=body)
    told = shop.join(plan="legacy")

    pulled()

    assert (mirror(told).package, mirror(told).price) == (None, Decimal("399.00"))


def test_background_work_leaves_the_reserve_to_people(shop, monkeypatch):
    shop.join()
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 100)

    report = pulled(patience=0)

    assert (report.ending, report.calls) == (Ending.LATER, 0)
    assert "grants background work no more calls" in report.words


def test_a_contract_holds_the_price_only_where_that_is_said(shop, settings):
    told = shop.join()
    pulled()
    assert mirror(told).fixed_until is None

    settings.PRICING_FIXED_TERM_HOLDS_PRICE = True
    pulled(full=True)

    came = told.created_at.date()
    assert shop.package.contract_months == 12
    # A year from the day they came, less one; a leap day may lie within.
    assert (mirror(told).fixed_until - came).days in (364, 365)


def test_the_catalogue_hears_of_standing_subscriptions(shop):
    shop.join()
    shop.client.cancel_subscription(shop.join().subscription_id, at_end=False)
    pulled()

    answers = [answer for _, answer in subscriptions_asked.send(ServicePackage, package=shop.package)]

    assert sum(answers) == 1
