"""Coupons on invoices, and subscriptions that are paused: what is billed then, and when."""

from datetime import date, timedelta

import pytest

from .test_billing_subscriptions import lines, refused, shop, told  # noqa: F401


@pytest.fixture
def coupon(shop):  # noqa: F811
    def make(**values):
        body = {
            "coupon_code": "spring",
            "name": "Spring",
            "type": "forever",
            "discount_by": "percentage",
            "discount_value": 10,
            "product_id": shop.product_id,
            **values,
        }
        return shop.zoho.billing("POST", "/coupons", json=body)

    yield make
    shop.zoho.set(used_coupons_stay=True)


def taken_off(invoice):
    return [each["discount_amount"] for each in invoice["invoice_items"]]


def totals(shop, subscription):  # noqa: F811
    return [each["total"] for each in shop.invoices(subscription)]


def test_a_percentage_is_taken_off_the_plan_alone_unless_the_coupon_says_more(shop, coupon):  # noqa: F811
    shop.addon("static-ip", 49.0, type="recurring")
    coupon(discount_value=12.5)

    invoice = shop.invoice(shop.subscribe("static-ip", "install", coupon_code="spring"))

    assert lines(invoice)[0] == ("home", "799.00", 1, 799.0)
    assert taken_off(invoice) == [99.88, 0, 0]
    # 1 848,00 less 99,88; the VAT is in what is left.
    assert (invoice["total"], invoice["tax_total"]) == (1748.12, 228.02)
    assert invoice["coupons"] == [
        {"coupon_code": "spring", "coupon_name": "Spring", "discount_amount": 99.88}
    ]


def test_a_flat_amount_is_spread_over_what_the_coupon_is_for(shop, coupon):  # noqa: F811
    shop.addon("static-ip", 49.0, type="recurring")
    coupon(discount_by="flat", discount_value=100, apply_to_addons="all_recurring")

    invoice = shop.invoice(shop.subscribe("static-ip", "install", coupon_code="spring"))

    assert taken_off(invoice) == [94.22, 5.78, 0]
    assert invoice["total"] == 1748.0


def test_more_than_there_is_to_pay_is_not_taken_off(shop, coupon):  # noqa: F811
    coupon(discount_by="flat", discount_value=1000)

    invoice = shop.invoice(shop.subscribe(coupon_code="spring"))

    assert (taken_off(invoice), invoice["total"], invoice["status"]) == ([799.0], 0.0, "paid")


def test_without_vat_in_the_prices_the_discount_has_none_in_it_either(shop, coupon):  # noqa: F811
    shop.zoho.set(prices_include_vat=False)
    coupon(discount_by="flat", discount_value=100)

    invoice = shop.invoice(shop.subscribe(coupon_code="spring"))

    assert (invoice["sub_total"], invoice["tax_total"], invoice["total"]) == (699.0, 104.85, 803.85)


@pytest.mark.parametrize("stays", [True, False])
def test_a_coupon_ends_after_its_number_of_invoices(shop, coupon, stays):  # noqa: F811
    shop.zoho.set(used_coupons_stay=stays)
    coupon(type="duration", duration=2)
    subscription = shop.subscribe(coupon_code="spring")

    for _ in range(2):
        shop.wait_until_billed(subscription)

    assert totals(shop, subscription) == [719.1, 719.1, 799.0]
    after = shop.subscription(subscription)
    assert (after["amount"], "coupon" in after) == (799.0, stays)


def test_one_put_on_later_begins_with_the_next_invoice_and_can_be_taken_off(shop, coupon):  # noqa: F811
    subscription = shop.subscribe()
    coupon(type="one_time")
    path = f"/subscriptions/{subscription['subscription_id']}/coupons"

    assert shop.zoho.billing("POST", f"{path}/spring").status_code == 200

    assert shop.subscription(subscription)["coupon"] == {
        "coupon_code": "spring",
        "coupon_name": "Spring",
        "discount_amount": 79.9,
    }
    assert shop.subscription(subscription)["amount"] == 719.1
    shop.wait_until_billed(subscription)
    shop.wait_until_billed(subscription)
    assert totals(shop, subscription) == [799.0, 719.1, 799.0]
    assert shop.zoho.billing("DELETE", path).status_code == 200
    assert "coupon" not in shop.subscription(subscription)


def test_a_coupon_is_listed_thinly_and_told_whole(shop, coupon):  # noqa: F811
    made = told(coupon(type="duration", duration=3), "coupon", 201)

    assert (made["duration"], made["status"], made["redemption_count"]) == (3, "active", 0)
    assert told(shop.zoho.billing("GET", "/coupons/spring"), "coupon") == made
    [listed] = told(shop.zoho.billing("GET", "/coupons"), "coupons")
    assert (listed["coupon_code"], listed["discount_value"]) == ("spring", 10)
    assert not {"duration", "apply_to_plans", "addons"} & set(listed)


def test_what_a_coupon_cannot_be(shop, coupon):  # noqa: F811
    refused(coupon(type="duration"), 2)
    refused(coupon(discount_value=101), 2)
    refused(coupon(apply_to_plans="select"), 2)
    assert coupon().status_code == 201
    refused(coupon(), 103002)
    refused(shop.zoho.billing("GET", "/coupons/summer"), 103001)


def test_an_inactive_or_expired_coupon_goes_on_no_subscription_and_stays_where_it_is(shop, coupon):  # noqa: F811
    coupon(expiry_at=(date.today() + timedelta(days=3)).isoformat())
    subscription = shop.subscribe(coupon_code="spring")
    other = shop.subscribe()
    refused(shop.zoho.billing("DELETE", "/coupons/spring"), 2010)

    shop.wait_until_billed(subscription)

    path = f"/subscriptions/{other['subscription_id']}/coupons/spring"
    refused(shop.zoho.billing("POST", path), 103001)
    assert totals(shop, subscription) == [719.1, 719.1]


# --- paused


def pause(shop, subscription, **body):  # noqa: F811
    path = f"/subscriptions/{subscription['subscription_id']}"
    return told(shop.zoho.billing("POST", f"{path}/pause", json=body), "subscription")


def resume(shop, subscription):  # noqa: F811
    path = f"/subscriptions/{subscription['subscription_id']}"
    return told(shop.zoho.billing("POST", f"{path}/resume"), "subscription")


def test_a_paused_subscription_is_not_billed_and_loses_what_was_scheduled(shop):  # noqa: F811
    subscription = shop.subscribe()
    shop.change(subscription, plan={"price": 899.0}, end_of_term=True)

    paused = pause(shop, subscription)

    assert (paused["status"], paused["is_scheduled_update"]) == ("paused", False)
    assert paused["pause_date"] == date.today().isoformat()
    assert shop.wait_until_billed(subscription)["invoices"] == 0
    refused(shop.change(subscription, plan={"price": 899.0}), 2010)


def test_resumed_before_its_billing_date_it_is_billed_as_ever(shop):  # noqa: F811
    subscription = shop.subscribe()
    day = subscription["next_billing_at"]
    pause(shop, subscription)
    shop.zoho.control("POST", "/clock", json={"days": 5})

    resumed = resume(shop, subscription)

    assert (resumed["status"], resumed["next_billing_at"]) == ("live", day)
    assert shop.wait_until_billed(subscription)["invoices"] == 1
    assert shop.invoices(subscription)[1]["invoice_date"] == day


def test_resumed_after_it_the_bill_is_made_at_once_and_the_date_moves(shop):  # noqa: F811
    subscription = shop.subscribe(starts_at=f"{date.today().year + 1}-03-05")
    year = date.today().year + 1
    shop.zoho.control("POST", "/clock", json={"to": f"{year}-04-02T10:00:00+02:00"})
    pause(shop, subscription)
    shop.zoho.control("POST", "/clock", json={"to": f"{year}-04-10T10:00:00+02:00"})

    resumed = resume(shop, subscription)

    assert (resumed["status"], resumed["next_billing_at"]) == ("live", f"{year}-05-10")
    dates = [each["invoice_date"] for each in shop.invoices(subscription)]
    assert dates == [f"{year}-03-05", f"{year}-04-10"]


def test_a_date_to_resume_on_is_kept(shop):  # noqa: F811
    subscription = shop.subscribe()
    until = date.fromisoformat(subscription["next_billing_at"]) + timedelta(days=10)
    paused = pause(shop, subscription, resume_date=until.isoformat())

    shop.zoho.control("POST", "/clock", json={"to": f"{until}T07:00:00+02:00"})

    assert paused["resume_date"] == until.isoformat()
    assert shop.subscription(subscription)["status"] == "live"
    assert shop.invoices(subscription)[1]["invoice_date"] == until.isoformat()


# --- a change on a day within the term


def test_a_change_scheduled_for_a_day_is_made_on_it_and_prorated(shop):  # noqa: F811
    start = date(date.today().year + 1, 4, 1)
    subscription = shop.subscribe(starts_at=start.isoformat())
    shop.zoho.control("POST", "/clock", json={"to": f"{start}T10:00:00+02:00"})
    shop.change(subscription, plan={"price": 999.0}, end_of_term=True)
    path = f"/records/billing_subscriptions/{subscription['subscription_id']}"
    day = start + timedelta(days=15)
    shop.zoho.control("POST", path, json={"scheduled_on": day.isoformat()})
    assert shop.subscription(subscription)["apply_changes_on"] == day.isoformat()

    shop.zoho.control("POST", "/clock", json={"to": f"{day}T07:00:00+02:00"})

    changed = shop.subscription(subscription)
    assert (changed["plan"]["price"], changed["next_billing_at"]) == (999.0, f"{start.year}-05-01")
    invoice = shop.invoice(subscription)
    # Fifteen of thirty days at the new price, and as many credited at the old one.
    assert (invoice["invoice_date"], invoice["total"]) == (day.isoformat(), 499.5)
    assert invoice["credits_applied"] == 399.5


def test_a_trial_begins_on_the_day_a_future_subscription_starts(shop):  # noqa: F811
    shop.zoho.billing("PUT", "/plans/home", json={**shop.plan, "trial_period": 14})
    start = date.today() + timedelta(days=3)

    subscription = shop.subscribe(starts_at=start.isoformat())

    shop.zoho.control("POST", "/clock", json={"to": f"{start}T07:00:00+02:00"})
    trial = shop.subscription(subscription)
    ends = (start + timedelta(days=14)).isoformat()
    assert (subscription["status"], trial["status"], trial["next_billing_at"]) == ("future", "trial", ends)
    assert shop.invoices(subscription) == []
    shop.wait_until_billed(subscription)
    assert shop.invoices(subscription)[0]["invoice_date"] == ends
