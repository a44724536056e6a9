"""From Zoho's answers, as recorded and as documented, to a row of the mirror."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pricing.mirror.reading import Unreadable, Verdict, judge_row, take_answer, take_row, with_vat
from pricing.models import Subscription
from zoho_sync.billing.subscriptions import Subscription as Told

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
    take_answer(subscription, Told.read(ANSWER | values), VAT, contract_months=months)
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


def test_add_ons_that_recur_are_kept_to_be_sent_again():
    assert read().addons == [
        {"code": "static-ip", "price": "49.00", "quantity": 2, "tax_id": "7"},
        {"code": "backup", "price": "25.00", "quantity": 1, "tax_id": ""},
    ]


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
