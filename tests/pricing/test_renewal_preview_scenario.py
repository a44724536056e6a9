"""What is foreseen, invoice by invoice and to the cent, against what Zoho bills when its clock goes on."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from catalogue.models import VatRate, excluding_vat
from pricing import moving
from pricing.models import PriceMove
from tests.pricing.billing_foreseen import Foresight
from tests.pricing.billing_world import instant
from tests.pricing.histories import package_opened
from tests.pricing.people import R799, R899, published
from zoho_sync.keys import package_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(zoho, drain, settings, no_stages):
    """10 January 2027: a package on sale at R 799, and its plan in Zoho."""
    settings.ZOHO_BILLING_RENEWAL_PRICING = "retain"
    zoho.set(
        use_latest_prices=False, proration=True, draft_invoices=False, used_coupons_stay=True,
        prices_include_vat=True, token_seconds=40 * 365 * 86_400, token_refreshes=0,
    )  # fmt: skip
    with time_machine.travel(instant("2027-01-10 09:00"), tick=True) as travel:
        found = Foresight(zoho, travel)
        found.package = package_opened(R799)
        drain()
        found.at("2027-01-10 10:00")
        yield found
        found.http.close()
    zoho.set(prices_include_vat=True, used_coupons_stay=True)


def package_code(shop):
    return package_key(shop.package)


def days(seen):
    return [invoice.on.isoformat() for invoice in seen.invoices]


def totals(seen):
    return [str(invoice.total) for invoice in seen.invoices]


def test_a_monthly_subscription_to_one_package(shop):
    one = shop.subscribe(shop.package)

    seen = shop.compare(one)

    assert days(seen) == ["2027-02-10", "2027-03-10", "2027-04-10"]
    assert totals(seen) == ["799.00"] * 3
    [line] = seen.invoices[0].lines
    assert (line.vat_rate, seen.invoices[0].vat) == (Decimal("0.1500"), Decimal("104.22"))
    assert line.rests_on == "the price rule, version 1; read from Zoho Billing on 10 Jan 2027"
    assert (seen.invoices[0].remarks, seen.ends) == ((), "")


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ("2027-01-31", ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("2027-01-30", ["2027-02-28", "2027-03-30", "2027-04-30", "2027-05-30"]),
        ("2027-01-29", ["2027-02-28", "2027-03-29", "2027-04-29", "2027-05-29"]),
        ("2028-01-31", ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        ("2027-11-30", ["2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30"]),
    ],
)
def test_the_last_days_of_months(shop, starts, expected):
    one = shop.subscribe(shop.package, starts_at=starts)
    shop.at(f"{starts} 10:00")

    assert days(shop.compare(one, 4)) == expected
    # Seen in the short month as well.
    assert len(shop.compare(one, 4).invoices) == 4


def test_a_month_that_is_short_is_looked_at_from_within(shop):
    one = shop.subscribe(shop.package, starts_at="2027-01-31")
    shop.at("2027-03-01 10:00")

    assert days(shop.compare(one)) == ["2027-03-31", "2027-04-30", "2027-05-31"]


def test_terms_of_three_months_and_of_a_year(shop):
    shop.plan("quarter", 2000, interval_unit="months")
    shop.client._send("PUT", "plans", "quarter", safe=True, body={
        "plan_code": "quarter", "name": "quarter", "recurring_price": 2000.0, "interval": 3,
    })  # fmt: skip
    shop.plan("year", 7990.5, interval_unit="years")
    quarterly = shop.subscribe("quarter", starts_at="2027-08-31")
    yearly = shop.subscribe("year", starts_at="2028-02-29")
    shop.at("2027-12-01 10:00")
    assert days(shop.foresee(quarterly)) == ["2028-02-29", "2028-05-31", "2028-08-31"]
    shop.at("2028-02-29 10:00")

    seen = shop.compare(yearly, 4)

    assert days(seen) == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    assert totals(seen) == ["7990.50"] * 4
    assert (
        seen.invoices[0].lines[0].rests_on
        == "the price in Zoho Billing, read from Zoho Billing on 29 Feb 2028"
    )


def test_three_units_and_two_add_ons(shop):
    shop.addon("static-ip", 45.0)
    shop.addon("backup", 25.5)
    shop.addon("install", 1500.0, type="one_time")
    plan = {"plan_code": package_code(shop), "quantity": 3}
    one = shop.subscribe(plan, [("static-ip", 2), ("backup", 1), ("install", 1)])

    seen = shop.compare(one)

    assert [(line.code, line.total) for line in seen.invoices[0].lines] == [
        (package_code(shop), Decimal("2397.00")),
        ("static-ip", Decimal("90.00")),
        ("backup", Decimal("25.50")),
    ]
    assert totals(seen) == ["2512.50"] * 3


@pytest.mark.parametrize("stays", [True, False])
def test_a_percentage_that_ends(shop, stays):
    shop.zoho.set(used_coupons_stay=stays)
    shop.coupon("spring", percent=12.5, times=3)
    one = shop.subscribe(shop.package, coupon_code="spring")

    seen = shop.compare(one)

    assert totals(seen) == ["699.12", "699.12", "799.00"]
    assert [invoice.coupon for invoice in seen.invoices] == ["spring", "spring", ""]
    assert seen.invoices[0].rests_on[1] == (
        "coupon spring, for 2 more with this one: read from Zoho Billing on 10 Jan 2027"
    )
    assert totals(shop.compare(one)) == ["799.00"] * 3


def test_an_amount_that_ends_and_is_put_on_later(shop):
    shop.addon("static-ip", 45.0)
    shop.coupon("sorry", flat=100, times=2, apply_to_addons="all_recurring")
    one = shop.subscribe(shop.package, [("static-ip", 1)])
    shop.at("2027-03-15 10:00")
    shop.tell(one, "coupons", "sorry")

    assert totals(shop.compare(one, 1)) == ["744.00"]
    # Seen again after one of the two.
    assert totals(shop.compare(one)) == ["744.00", "844.00", "844.00"]


def test_a_coupon_counts_on_while_the_list_alone_says_that_it_renewed(shop):
    shop.coupon("spring", percent=10, times=4)
    one = shop.subscribe(shop.package, coupon_code="spring")
    shop.sync()
    shop.at("2027-02-11 10:00")
    start = shop.zoho.state()["last_request"]

    seen = shop.compare(one, 4)

    assert totals(seen) == ["719.10", "719.10", "799.00", "799.00"]
    read = [each["path"] for each in shop.zoho.requests(start, "billing")]
    assert not any(f"/subscriptions/{one}" in path for path in read)


def test_a_coupon_for_one_add_on_and_one_without_end(shop):
    shop.addon("static-ip", 45.0)
    shop.addon("backup", 25.0)
    shop.coupon("ip", percent=100, apply_to_plans="none", apply_to_addons="select", addons=[{"addon_code": "static-ip"}])  # fmt: skip
    one = shop.subscribe(shop.package, [("static-ip", 1), ("backup", 1)], coupon_code="ip")

    assert totals(shop.compare(one)) == ["824.00"] * 3


def test_a_trial_with_what_is_charged_once(shop):
    shop.addon("install", 1500.0, type="one_time")
    plan = {"plan_code": package_code(shop), "trial_days": 14, "setup_fee": 250.0}
    one = shop.subscribe(plan, [("install", 1)])

    seen = shop.compare(one)

    assert days(seen) == ["2027-01-24", "2027-02-24", "2027-03-24"]
    assert totals(seen) == ["2549.00", "799.00", "799.00"]
    assert [line.kind for line in seen.invoices[0].lines] == ["plan", "setup_fee", "add_on"]


def test_one_that_is_still_to_start(shop):
    one = shop.subscribe(shop.package, starts_at="2027-03-31")
    assert days(shop.compare(one)) == ["2027-03-31", "2027-04-30", "2027-05-31"]

    trial = {"plan_code": package_code(shop), "trial_days": 7}
    other = shop.subscribe(trial, starts_at="2027-06-10")
    assert days(shop.compare(other)) == ["2027-06-17", "2027-07-17", "2027-08-17"]


def test_paused_without_a_date_and_resumed_after_its_billing_day(shop):
    one = shop.subscribe(shop.package)
    shop.at("2027-02-02 10:00")
    shop.tell(one, "pause")

    paused = shop.foresee(one)
    assert (paused.invoices, paused.ends) == (
        (),
        "It is paused: its next invoice is known once it is resumed.",
    )

    shop.at("2027-02-20 10:00")
    shop.tell(one, "resume")
    assert days(shop.compare(one)) == ["2027-03-20", "2027-04-20", "2027-05-20"]


@pytest.mark.parametrize(
    ("resumes", "expected"),
    [
        ("2027-02-05", ["2027-02-10", "2027-03-10", "2027-04-10"]),
        ("2027-02-10", ["2027-02-10", "2027-03-10", "2027-04-10"]),
        ("2027-02-25", ["2027-02-25", "2027-03-25", "2027-04-25"]),
    ],
)
def test_paused_until_a_day(shop, resumes, expected):
    one = shop.subscribe(shop.package)
    shop.tell(one, "pause", resume_date=resumes)

    seen = shop.compare(one)

    assert (days(seen), totals(seen)) == (expected, ["799.00"] * 3)


def test_one_that_leaves_and_one_that_expires(shop):
    leaving = shop.subscribe(shop.package)
    shop.client.cancel_subscription(leaving, at_end=True)
    shop.plan("twice", 500, billing_cycles=3)
    expiring = shop.subscribe("twice")

    seen = shop.compare(expiring)

    assert (days(seen), seen.ends) == (
        ["2027-02-10", "2027-03-10"],
        "It expires: that was its last invoice.",
    )
    assert shop.compare(leaving).invoices == ()


def test_a_leaver_is_told_when_it_ends(shop):
    leaving = shop.subscribe(shop.package)
    shop.client.cancel_subscription(leaving, at_end=True)

    assert shop.foresee(leaving).ends == "It ends on 9 Feb 2027."


# --- VAT


def new_vat(shop):
    """16 % from 1 May 2027 on, here and, on that day, in Zoho."""
    VatRate.objects.filter(valid_to=None).update(valid_to=date(2027, 5, 1))
    VatRate.objects.create(rate=Decimal("0.16"), valid_from=date(2027, 5, 1))


def test_vat_of_the_day_of_each_invoice(shop):
    shop.addon("static-ip", 45.0)
    new_vat(shop)
    one = shop.subscribe(shop.package, [("static-ip", 1)], starts_at="2027-03-05")
    shop.at("2027-03-05 10:00")
    seen = shop.foresee(one)
    shop.at("2027-05-01 00:30")
    shop.zoho.edit("billing_taxes", shop.vat, tax_percentage=16)

    shop.at("2027-06-06 10:00")

    assert [(each.on.isoformat(), each.vat, each.total) for each in seen.invoices] == [
        (day, vat, total) for day, _, vat, total, _ in shop.billed(one)[1:]
    ]
    # The price stays; the part of it that is VAT does not.
    assert [str(each.vat) for each in seen.invoices] == ["110.09", "116.41", "116.41"]


def test_prices_without_vat_get_the_vat_of_the_day(shop, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    shop.zoho.set(prices_include_vat=False)
    new_vat(shop)
    shop.addon("static-ip", 39.13)
    shop.coupon("spring", percent=10)
    plan = {"plan_code": package_code(shop), "price": 694.78, "quantity": 2}
    one = shop.subscribe(plan, [("static-ip", 1)], starts_at="2027-03-05", coupon_code="spring")
    shop.at("2027-03-05 10:00")
    seen = shop.foresee(one)
    shop.at("2027-05-01 00:30")
    shop.zoho.edit("billing_taxes", shop.vat, tax_percentage=16)

    shop.at("2027-06-06 10:00")

    assert [(each.on.isoformat(), each.vat, each.total) for each in seen.invoices] == [
        (day, vat, total) for day, _, vat, total, _ in shop.billed(one)[1:]
    ]
    assert totals(seen) == ["1483.19", "1496.09", "1496.09"]
    assert seen.invoices[0].prices_include_vat is False


# --- price changes


def moved(shop):
    """One run of the worker that moves subscriptions."""
    return moving.drain(now=shop.now, http=shop.http)


def test_a_published_change_is_foreseen_before_and_after_zoho_knows(shop):
    one = shop.subscribe(shop.package, starts_at="2027-02-15")
    shop.at("2027-03-02 10:00")
    shop.sync()
    published(shop.package, at=shop.now + timedelta(minutes=1))

    seen = shop.foresee(one)

    assert (days(seen), totals(seen)) == (
        ["2027-03-15", "2027-04-15", "2027-05-15"],
        ["799.00", "799.00", "899.00"],
    )
    assert seen.invoices[2].lines[0].rests_on == (
        "the price rule, version 2: price change published on 2 Mar 2027"
    )
    shop.at("2027-04-16 10:00")
    moved(shop)
    assert PriceMove.objects.get().state == "scheduled"
    assert totals(shop.foresee(one)) == ["899.00"] * 3
    assert totals(shop.compare(one)) == ["899.00"] * 3


def test_a_published_change_where_prices_exclude_vat(shop, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    shop.zoho.set(prices_include_vat=False)
    plan = {"plan_code": package_code(shop), "price": float(excluding_vat(R799, Decimal("0.15")))}
    one = shop.subscribe(plan, starts_at="2027-02-15")
    shop.at("2027-03-02 10:00")
    shop.sync()
    published(shop.package, at=shop.now + timedelta(minutes=1))
    shop.at("2027-04-16 10:00")
    moved(shop)

    seen = shop.compare(one)

    assert seen.invoices[0].lines[0].unit_price == excluding_vat(R899, Decimal("0.15"))
    assert totals(seen) == ["899.00"] * 3


def test_a_held_move_is_foreseen_at_what_zoho_bills_and_says_so(shop):
    plan = {"plan_code": package_code(shop), "price": 650.0}
    one = shop.subscribe(plan, starts_at="2027-02-15")
    shop.at("2027-03-02 10:00")
    shop.sync()
    published(shop.package, at=shop.now + timedelta(minutes=1))

    seen = shop.compare(one)

    assert totals(seen) == ["650.00"] * 3
    assert seen.invoices[1].remarks == ()
    assert seen.invoices[2].remarks == (
        "Held for a person: It pays R 650,00; R 799,00 would be its price. R 650,00 once it is moved.".replace(
            "R ", "R\u00a0"
        ),
    )
    assert seen.invoices[0].lines[0].rests_on.startswith("the price in Zoho Billing, where the rule says")


def test_use_latest_prices(shop, settings):
    settings.ZOHO_BILLING_RENEWAL_PRICING = "latest"
    shop.zoho.set(use_latest_prices=True)
    one = shop.subscribe({"plan_code": package_code(shop), "price": 500.0})

    assert totals(shop.compare(one)) == ["799.00"] * 3


# --- a change within the term


def scheduled_for(shop, one, day, addons=(), **plan):
    """Somebody has another plan begin on that day, on Zoho's own screen."""
    shop.tell(
        one, method="PUT", plan={"plan_code": package_code(shop), **plan},
        addons=[{"addon_code": code} for code in addons], end_of_term=True,
    )  # fmt: skip
    shop.zoho.edit("billing_subscriptions", one, scheduled_on=day)


def test_a_change_for_a_day_is_prorated(shop):
    shop.addon("static-ip", 45.0)
    shop.addon("backup", 25.5)
    one = shop.subscribe(shop.package, [("static-ip", 2)])
    scheduled_for(shop, one, "2027-01-25", ["static-ip", "backup"], price=999.0, quantity=2)

    seen = shop.compare(one)

    assert days(seen) == ["2027-01-25", "2027-02-10", "2027-03-10"]
    # Sixteen of 31 days: 2 × 515,61, 23,23 and 13,16 billed, 412,39 and 2 × 23,23 credited.
    assert [str(line.total) for line in seen.invoices[0].lines] == ["1031.22", "23.23", "13.16"]
    assert str(seen.invoices[0].credit) == "458.85"
    assert totals(seen)[1:] == ["2068.50"] * 2


def test_a_change_for_a_day_where_nothing_is_prorated(shop):
    shop.zoho.set(proration=False)
    one = shop.subscribe(shop.package)
    scheduled_for(shop, one, "2027-01-25", price=999.0)

    assert (days(seen := shop.compare(one)), totals(seen)) == (
        ["2027-02-10", "2027-03-10", "2027-04-10"],
        ["999.00"] * 3,
    )


def test_somebody_elses_change_at_the_end_of_the_term(shop):
    shop.addon("install", 1500.0, type="one_time")
    one = shop.subscribe(shop.package)
    shop.tell(
        one, method="PUT", plan={"plan_code": package_code(shop), "price": 650.0},
        addons=[{"addon_code": "install"}], end_of_term=True,
    )  # fmt: skip

    seen = shop.compare(one)

    assert totals(seen) == ["2150.00", "650.00", "650.00"]
    assert seen.invoices[1].lines[0].rests_on == (
        "scheduled in Zoho Billing for 10 Feb 2027, read on 10 Jan 2027"
    )


def test_a_plan_of_another_length_begins_a_term_of_its_own(shop):
    shop.plan("year", 7990, interval_unit="years")
    one = shop.subscribe(shop.package)
    shop.tell(one, method="PUT", plan={"plan_code": "year"}, end_of_term=True)
    shop.zoho.edit("billing_subscriptions", one, scheduled_on="2027-01-25")

    seen = shop.compare(one, 2)

    assert days(seen) == ["2027-01-25", "2028-01-25"]
    assert totals(seen) == ["7990.00"] * 2

    other = shop.subscribe(shop.package)
    shop.tell(other, method="PUT", plan={"plan_code": "year"}, end_of_term=True)
    assert days(shop.compare(other, 2)) == ["2028-02-26", "2029-02-26"]
