"""From Zoho's answers, as recorded and as documented, to a row of the mirror."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from pricing.mirror.reading import Unreadable, Verdict, judge_row, take_answer, take_row, with_vat
from pricing.models import Subscription
from zoho_sync.billing.subscriptions import Subscription as Told

READ_AT = datetime(2026, 11, 3, tzinfo=UTC)
VAT = Decimal("0.15")
# As a real event carried it: more fields than any file lists, amounts as numbers, blanks for what is not set.
ANSWER = {
    "subscription_id": "90300000079200",
    "subscription_number": "SUB-00007",
    "customer": {
        "customer_id": "903000000000099",
        "display_name": "Nomsa Dlamini",
        "email": "nomsa@example.com",
    },
    "status": "live",
    "amount": 918.85,
    "sub_total": 799,
    "created_time": "2026-11-02T10:15:30+0200",
    "created_at": "2026-11-02",
    "activated_at": "2026-11-02",
    "current_term_starts_at": "2026-11-02",
    "current_term_ends_at": "2026-12-01",
    "next_billing_at": "2026-12-02",
    "expires_at": "",
    "child_invoice_id": 90300000079900,
    "plan": {"plan_code": "home", "price": 799, "quantity": 1, "tax_id": "", "discount": 0, "tags": []},
    "addons": [
        {"addon_code": "static-ip", "price": "49.00", "quantity": 2, "tax_id": "7", "type": "recurring"},
        {"addon_code": "install", "price": 1000, "quantity": 1, "type": "one_time"},
        {"addon_code": "backup", "price": 25, "quantity": 1},
    ],
    "custom_fields": [{"label": "Price fixed until", "value": "2027-06-30"}],
    "pricebook_id": "",
}


def read(months=1, **values):
    subscription = Subscription()
    take_answer(subscription, Told.read(ANSWER | values), VAT, at=READ_AT, contract_months=months)
    return subscription


def test_everything_is_read():
    row = read()

    assert (row.number, row.customer_id, row.customer_name, row.customer_email) == (
        "SUB-00007",
        "903000000000099",
        "Nomsa Dlamini",
        "nomsa@example.com",
    )
    assert (row.price, row.amount, row.quantity) == (Decimal("799.00"), Decimal("918.85"), 1)
    assert row.signed_up_at == datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC)
    assert (row.current_term_starts_on, row.current_term_ends_on, row.next_billing_on) == (
        date(2026, 11, 2),
        date(2026, 12, 1),
        date(2026, 12, 2),
    )
    assert (row.last_invoice_id, row.discounted, row.fixed_until) == ("90300000079900", False, None)


def test_add_ons_are_kept_with_what_is_said_of_their_kind():
    blank = {"name": "", "tax_id": ""}
    assert read().addons == [
        {**blank, "code": "static-ip", "price": "49.00", "quantity": 2, "tax_id": "7", "type": "recurring"},
        {**blank, "code": "install", "price": "1000.00", "quantity": 1, "type": "one_time"},
        {**blank, "code": "backup", "price": "25.00", "quantity": 1, "type": ""},
    ]
    ours = read(addons=[{"addon_code": "ab12_INSTALLATION"}, {"addon_code": "x", "price": ""}]).addons
    assert [(each["type"], each["price"]) for each in ours] == [("one_time", None), ("", None)]


def test_terms_are_kept_as_the_next_invoices_need_them():
    row = read()
    assert (row.plan_price, row.currency_code, row.interval_months, row.remaining_cycles) == (
        Decimal("799.00"),
        "ZAR",
        1,
        None,
    )
    assert (row.started_on, row.setup_fee, row.trial_days, row.coupon_code) == (date(2026, 11, 2), 0, 0, "")
    assert (row.paused_on, row.resumes_on, row.prorates, row.changes_on) == (None,) * 4

    row = read(
        interval=3,
        interval_unit="months",
        remaining_billing_cycles=2,
        currency_code="usd",
        coupon={"coupon_code": "SPRING"},
        pause_date="2026-11-20",
        resume_date="2026-12-20",
        can_prorate=True,
        is_scheduled_update=True,
        apply_changes_on="2026-11-25",
        unbilled_charge_id="9",
        is_inclusive_tax=False,
        plan=ANSWER["plan"] | {"setup_fee": 250, "trial_days": 14},
    )
    assert (row.plan_price, row.price, row.currency_code) == (Decimal("799.00"), Decimal("918.85"), "USD")
    assert (row.interval_months, row.remaining_cycles, row.coupon_code) == (3, 2, "SPRING")
    assert (row.setup_fee, row.trial_days, row.has_unbilled_charges) == (Decimal("250.00"), 14, True)
    assert (row.paused_on, row.resumes_on) == (date(2026, 11, 20), date(2026, 12, 20))
    assert (row.prorates, row.changes_on) == (True, date(2026, 11, 25))


@pytest.mark.parametrize(
    ("values", "months"),
    [
        ({"interval": "1", "interval_unit": "years"}, 12),
        ({"interval": 2, "interval_unit": "Years"}, 24),
        ({"interval": 6}, 6),
        ({"interval": 2, "interval_unit": "weeks"}, None),
    ],
)
def test_a_term_in_months(values, months):
    assert read(**values).interval_months == months


def test_what_is_scheduled_without_a_day_begins_with_the_next_term():
    assert read(is_scheduled_update=True).changes_on == date(2026, 12, 2)
    assert read(is_scheduled_update=False, apply_changes_on="2026-11-25").changes_on is None


def test_another_coupon_is_counted_anew():
    row = read(coupon={"coupon_code": "SPRING"})
    row.coupon_uses_left, row.coupon_counted_from, row.coupon_counted_at = 2, date(2026, 12, 2), READ_AT

    take_answer(row, Told.read(ANSWER | {"coupon": {"coupon_code": "SPRING"}}), VAT, at=READ_AT)
    assert row.coupon_uses_left == 2
    take_answer(row, Told.read(ANSWER | {"coupon": {"coupon_code": "SUMMER"}}), VAT, at=READ_AT)
    assert (row.coupon_uses_left, row.coupon_counted_from, row.coupon_counted_at) == (None, None, None)


def test_since_when_it_is_on_its_plan_is_not_known_at_first():
    row = read()

    assert (row.on_package_since, row.on_package_since_how) == (None, "")
    assert row.may_have_come == (datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC), READ_AT)
    assert row.came_at == row.signed_up_at


def test_another_plan_was_come_onto_when_it_was_seen():
    row, later = read(), READ_AT + timedelta(days=30)
    row.read_at = row.plan_seen_at = READ_AT + timedelta(days=29)
    row.since_read_at = READ_AT

    take_answer(row, Told.read(ANSWER | {"plan": ANSWER["plan"] | {"plan_code": "office"}}), VAT, at=later)

    assert (row.on_package_since, row.on_package_since_how) == (later, "seen")
    assert row.may_have_come == (READ_AT + timedelta(days=29), later)
    assert (row.came_at, row.plan_seen_at, row.since_read_at) == (later, later, None)

    # And back again.
    take_answer(row, Told.read(ANSWER), VAT, at=later + timedelta(days=1))
    assert row.may_have_come == (later, later + timedelta(days=1))


def test_a_contract_that_holds_its_price_counts_from_the_day_it_came_onto_the_package(settings):
    settings.PRICING_FIXED_TERM_HOLDS_PRICE = True
    row = read(months=24)
    assert row.fixed_until == date(2028, 11, 1)

    came = datetime(2027, 3, 10, 10, tzinfo=UTC)
    office = Told.read(ANSWER | {"plan": ANSWER["plan"] | {"plan_code": "office"}})
    row.read_at = READ_AT
    take_answer(row, office, VAT, at=came, contract_months=12)
    assert row.fixed_until == date(2028, 3, 9)


@pytest.mark.parametrize(
    "values",
    [
        {"coupon": {"coupon_code": "SPRING", "discount_amount": 50}},
        {"coupons": [{"coupon_code": "SPRING"}]},
        {"plan": ANSWER["plan"] | {"discount": 10}},
        {"discount": "10.00"},
    ],
)
def test_a_coupon_is_seen_wherever_zoho_writes_it(values):
    assert read(**values).discounted


@pytest.mark.parametrize("values", [{"coupon": {}}, {"coupon": ""}, {"coupons": []}, {"discount": ""}])
def test_no_coupon_is_no_discount(values):
    assert not read(**values).discounted


def test_amounts_without_vat_get_it_to_the_cent():
    assert with_vat(Decimal("694.78"), False, Decimal("0.15")) == Decimal("799.00")
    # 0.07 × 1.15 = 0.0805; 0.30 × 1.15 = 0.345: half up.
    assert with_vat(Decimal("0.07"), False, Decimal("0.15")) == Decimal("0.08")
    assert with_vat(Decimal("0.30"), False, Decimal("0.15")) == Decimal("0.35")
    assert with_vat(Decimal("694.78"), True, Decimal("0.15")) == Decimal("694.78")


def test_what_the_subscription_says_counts_before_the_organisation(settings):
    assert read(is_inclusive_tax=False).price == Decimal("918.85")
    settings.ZOHO_PRICES_INCLUDE_VAT = False

    assert read(is_inclusive_tax=True).price == Decimal("799.00")
    assert read().price == Decimal("918.85")


def test_who_began_before_they_were_entered_signed_up_then():
    """Customers of old, brought into Zoho later."""
    assert read(activated_at="2019-05-01").signed_up_at == datetime(2019, 4, 30, 22, tzinfo=UTC)
    later = read(activated_at="2026-12-01")
    assert later.signed_up_at == datetime(2026, 11, 2, 8, 15, 30, tzinfo=UTC)
    no_time = read(created_time="")
    assert no_time.signed_up_at == datetime(2026, 11, 1, 22, tzinfo=UTC)
    late_at_night = read(created_time="2026-11-02T00:30:00+0200")
    assert late_at_night.signed_up_at == datetime(2026, 11, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"plan": {}}, "Zoho names no plan for 90300000079200."),
        ({"plan": {"plan_code": "home"}}, "Zoho names no price for 90300000079200."),
        (
            {"created_time": "", "created_at": "", "activated_at": ""},
            "Zoho does not say when 90300000079200 was made.",
        ),
    ],
)
def test_what_the_mirror_needs_is_never_guessed(values, words):
    with pytest.raises(Unreadable) as refusal:
        read(**values)
    assert str(refusal.value) == words


def test_a_promised_price_is_read_from_the_custom_field(settings):
    settings.PRICING_FIXED_UNTIL_FIELD = "Price fixed until"
    settings.PRICING_FIXED_TERM_HOLDS_PRICE = True

    assert read(months=24).fixed_until == date(2027, 6, 30)
    assert read(months=24, custom_fields=[]).fixed_until == date(2028, 11, 1)
    assert read(months=1, custom_fields=[]).fixed_until is None
    with pytest.raises(Unreadable, match="Price fixed until of 90300000079200 is 'June': write it as"):
        read(custom_fields=[{"label": "Price fixed until", "value": "June"}])


ROW = {
    "subscription_id": "1",
    "status": "live",
    "amount": 799,
    "current_term_starts_at": "2026-11-02",
    "next_billing_at": "2026-12-02",
    "updated_time": "2026-11-02T10:00:00+0200",
}
RENEWED = {
    "current_term_starts_at": "2026-12-02",
    "next_billing_at": "2027-01-02",
    "updated_time": "2026-12-02T06:00:00+0200",
}


def known(**values):
    return Subscription(**{"subscription_id": "1", "status": "live", "listed": ROW} | values)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, Verdict.SAME),
        (RENEWED, Verdict.RENEWED),
        (RENEWED | {"amount": 899}, Verdict.CHANGED),
        ({"updated_time": "2026-11-20T10:00:00+0200"}, Verdict.CHANGED),
        ({"salesperson_name": "Sipho"}, Verdict.CHANGED),
        ({"status": "non_renewing"}, Verdict.CHANGED),
        ({"status": "cancelled"}, Verdict.ENDED),
        # Until when is not in the list.
        ({"status": "paused"}, Verdict.CHANGED),
    ],
)
def test_rows_tell_what_has_to_be_read(row, verdict):
    assert judge_row(ROW | row, known()) is verdict


def test_rows_of_strangers_returners_and_everybody():
    assert judge_row(ROW, None) is Verdict.NEW
    assert judge_row(ROW | {"status": "expired"}, None) is Verdict.PASSED_OVER
    assert judge_row(ROW, known(gone_at=datetime(2026, 12, 1, tzinfo=UTC))) is Verdict.CHANGED
    assert judge_row(ROW, known(), full=True) is Verdict.CHANGED
    ended = ROW | {"status": "cancelled"}
    assert judge_row(ended, known(status="cancelled", listed=ended), full=True) is Verdict.SAME


def test_a_new_term_forgets_the_last_invoice():
    row = known(last_invoice_id="9", next_billing_on=date(2026, 12, 2))

    take_row(row, ROW | RENEWED)
    assert (row.next_billing_on, row.last_invoice_id) == (date(2027, 1, 2), "")
    assert row.listed == ROW | RENEWED
