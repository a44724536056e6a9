"""The Billing client against the sandbox, over HTTP."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from zoho_sync.billing.client import ADDONS, PLANS, PRODUCTS, BillingClient
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.invoices import Invoice
from zoho_sync.billing.subscriptions import Ordered, Subscription
from zoho_sync.connection.errors import (
    DuplicateRecord,
    Misconfigured,
    NeedsPerson,
    OutcomeUnknown,
    RecordGone,
    ServerTrouble,
)
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.models import System

pytestmark = pytest.mark.django_db
NOMSA = Customer("Nomsa", "nomsa@example.com")
PLAN = {"name": "Home Fibre", "recurring_price": 799.00, "interval": 1, "interval_unit": "months"}


@pytest.fixture
def client(zoho):
    http = ZohoHttp(System.BILLING, sleep=lambda _seconds: None)
    yield BillingClient(http)
    http.close()


def endpoints(zoho):
    return zoho.state()["calls"].get("billing", {}).get("endpoints", {})


@pytest.fixture
def shop(client):
    """A plan at 799.00 and an installation at 1 000.00, with VAT."""
    product = client.create(PRODUCTS, {"name": "Fibre"})
    common = {"product_id": product.remote_id, "tax_id": client.vat_id(Decimal("0.15"))}
    client.create(PLANS, {"plan_code": "home", **PLAN, **common})
    client.create(
        ADDONS,
        {
            "addon_code": "install",
            "name": "Installation",
            "unit_name": "unit",
            "pricing_scheme": "unit",
            "price_brackets": [{"price": 1000.00}],
            "type": "one_time",
            "applicable_to_all_plans": False,
            "plans": [{"plan_code": "home"}],
            **common,
        },
    )
    return client


def subscribed(client, *addons, price=None):
    customer = client.create_customer(NOMSA)
    return client.create_subscription(
        customer.customer_id, Ordered("home", price), [Ordered(code) for code in addons], reference_id="ours"
    )


def test_a_record_is_found_by_its_key_alone(zoho, shop):
    plan = shop.find(PLANS, "home")

    assert (plan.address, plan.amount("recurring_price"), plan.is_active) == ("home", Decimal("799.00"), True)
    assert shop.find(PLANS, "hom") is None
    assert shop.find(PRODUCTS, "fibre") is None


def test_updating_a_plan_is_one_call_and_makes_none(zoho, shop):
    before = endpoints(zoho)

    shop.update(PLANS, "home", {"plan_code": "home", **PLAN, "recurring_price": 899.00})

    paths = {path for path, number in endpoints(zoho).items() if number != before.get(path)}
    assert paths == {"PUT /billing/v1/plans/{plan_code}"}
    assert shop.find(PLANS, "home").amount("recurring_price") == Decimal("899.00")
    with pytest.raises(RecordGone):
        shop.update(PLANS, "other", {"plan_code": "other", **PLAN})


def test_a_product_is_found_beyond_the_first_page(zoho, client):
    for number in range(201):
        client.create(PRODUCTS, {"name": f"P{number}"})

    assert client.find(PRODUCTS, "P200").values["name"] == "P200"
    assert endpoints(zoho)["GET /billing/v1/products"] == 2


def test_a_subscription_is_read_as_it_was_agreed(shop):
    made = subscribed(shop, "install", price=Decimal("599.50"))

    again = shop.get_subscription(made.subscription_id)

    assert (again.status, again.plan.code, again.plan.price) == ("live", "home", Decimal("599.50"))
    assert [(each.code, each.price) for each in again.addons] == [("install", Decimal("1000.00"))]
    assert again.current_term_starts_at + timedelta(days=27) < again.next_billing_at
    assert again.is_inclusive_tax is True
    [row] = shop.iter_subscriptions(customer_id=made.customer_id, reference_id="ours", status="LIVE")
    assert (row.subscription_id, row.next_billing_at) == (made.subscription_id, made.next_billing_at)
    assert list(shop.iter_subscriptions(reference_id="our")) == []


def test_a_price_scheduled_for_the_end_of_the_term_shows_and_can_be_dropped(zoho, shop):
    made = subscribed(shop)
    assert shop.get_scheduled_changes(made.subscription_id) is None

    shop.update_subscription(made.subscription_id, Ordered("home", Decimal("899.00")), end_of_term=True)

    assert shop.get_scheduled_changes(made.subscription_id).plan.price == Decimal("899.00")
    assert shop.get_subscription(made.subscription_id).plan.price == Decimal("799.00")
    shop.drop_scheduled_changes(made.subscription_id)
    assert shop.get_scheduled_changes(made.subscription_id) is None
    with pytest.raises(ValueError, match="says its price"):
        shop.update_subscription(made.subscription_id, Ordered("home"), end_of_term=True)


def test_a_scheduled_price_is_billed_at_the_renewal(zoho, shop):
    made = subscribed(shop, "install")
    shop.update_subscription(made.subscription_id, Ordered("home", Decimal("899.00")), end_of_term=True)

    zoho.clock(to=f"{made.next_billing_at}T07:00:00+02:00")

    latest = shop.get_invoice(shop.get_subscription(made.subscription_id).invoice_id)
    assert [(line.code, line.total) for line in latest.lines] == [("home", Decimal("899.00"))]
    totals = [row.total for row in shop.iter_invoices(subscription_id=made.subscription_id)]
    assert totals == [Decimal("1799.00"), Decimal("899.00")]


def test_an_invoice_is_paid_and_the_payment_taken_back(shop):
    invoice = shop.get_invoice(subscribed(shop, "install").invoice_id)
    assert (invoice.total, invoice.tax_total, invoice.balance) == (
        Decimal("1799.00"),
        Decimal("234.65"),
        Decimal("1799.00"),
    )

    payment = shop.record_payment(invoice, invoice.balance, on=date.today(), reference_number="r")

    assert payment.balances == {invoice.invoice_id: Decimal("0.00")}
    assert shop._get("payment", dict, "payments", payment.payment_id)["reference_number"] == "r"
    paid = shop.get_invoice(invoice.invoice_id)
    assert (paid.status, paid.balance, paid.payments) == ("paid", Decimal("0.00"), (payment.payment_id,))
    with pytest.raises(NeedsPerson):
        shop.delete_invoice(invoice.invoice_id)
    shop.delete_payment(payment.payment_id)
    shop.delete_payment(payment.payment_id)
    assert shop.get_invoice(invoice.invoice_id).status == "sent"


def test_a_credit_note_settles_what_an_invoice_bills(shop):
    invoice = shop.get_invoice(subscribed(shop).invoice_id)

    note = shop.create_credit_note(invoice, number="CN-1", on=date.today())
    shop.apply_credit_note(note, invoice, note.total)

    settled = shop.get_invoice(invoice.invoice_id)
    assert (settled.total, settled.balance) == (Decimal("799.00"), Decimal("0.00"))


def test_cancelled_now_or_with_the_term(shop):
    made = subscribed(shop)

    assert shop.cancel_subscription(made.subscription_id, at_end=True).status == "non_renewing"
    assert shop.cancel_subscription(made.subscription_id, at_end=False).status == "cancelled"


def test_customers_are_found_by_their_exact_address_alone(shop):
    made = shop.create_customer(NOMSA)

    assert list(shop.find_customers("NOMSA@example.com")) == [made]
    assert list(shop.find_customers("nom@example.com")) == []
    with pytest.raises(DuplicateRecord):
        shop.create_customer(NOMSA)
    shop.delete_customer(made.customer_id)
    assert list(shop.find_customers("nomsa@example.com")) == []


BLANKS = [
    lambda c: c.find_customers(" "),
    lambda c: c.get_invoice(""),
    lambda c: c.find(PLANS, ""),
    lambda c: c.find(PRODUCTS, " "),
    lambda c: c.iter_subscriptions(customer_id=""),
    lambda c: c.iter_subscriptions(reference_id=" "),
    lambda c: c.iter_invoices(subscription_id=""),
    lambda c: c.create_subscription("", Ordered("home")),
]


@pytest.mark.parametrize("errand", BLANKS)
def test_a_blank_key_is_refused_before_anything_is_sent(zoho, client, errand):
    before = endpoints(zoho)

    with pytest.raises(ValueError, match="blank key"):
        list(errand(client) or [])

    assert endpoints(zoho) == before


@pytest.mark.parametrize(
    ("path", "body", "errand"),
    [
        ("invoices/7", {"invoice": {"invoice_id": 8}}, lambda c: c.get_invoice("7")),
        ("subscriptions/7", {"subscription": []}, lambda c: c.get_subscription("7")),
    ],
)
def test_a_record_that_was_not_asked_for_is_not_used(zoho, client, path, body, errand):
    zoho.fault(
        match={"path": f"/billing/v1/{path}"},
        action={"status": 200, "body": {"code": 0, "message": "success", **body}},
    )

    with pytest.raises(ServerTrouble):
        errand(client)


def test_a_success_has_code_0(zoho, client):
    zoho.fault(
        match={"path": "/billing/v1/invoices/7"},
        action={
            "status": 200,
            "body": {"code": 3004, "message": "no valid customer", "invoice": {"invoice_id": "7"}},
        },
    )

    with pytest.raises(RecordGone, match="no valid customer"):
        client.get_invoice("7")


@pytest.mark.parametrize(
    ("path", "errand"),
    [
        ("customers", lambda c: c.create_customer(NOMSA)),
        ("subscriptions", lambda c: c.create_subscription("7", Ordered("home"))),
        ("plans", lambda c: c.create(PLANS, {"plan_code": "new", **PLAN, "product_id": "7"})),
    ],
)
def test_what_makes_something_is_never_sent_twice(zoho, client, path, errand):
    zoho.fault(match={"method": "POST", "path": f"/billing/v1/{path}"}, action={"drop": "after"}, times=None)

    with pytest.raises(OutcomeUnknown):
        errand(client)

    assert endpoints(zoho)[f"POST /billing/v1/{path}"] == 1


@pytest.mark.parametrize("end_of_term", [False, True])
def test_a_change_without_an_answer_is_not_sent_again_before_it_was_read_back(zoho, shop, end_of_term):
    made = subscribed(shop)
    zoho.fault(match={"method": "PUT", "path": "/billing/v1/subscriptions/*"}, action={"drop": "after"})

    with pytest.raises(OutcomeUnknown):
        shop.update_subscription(made.subscription_id, Ordered("home", Decimal(2)), end_of_term=end_of_term)

    assert endpoints(zoho)["PUT /billing/v1/subscriptions/{subscription_id}"] == 1


def test_readers_take_what_zoho_writes_and_survive_what_it_leaves_out():
    odd = Invoice.read(
        {
            "invoice_id": 90000000123,
            "invoice_number": "INV-1",
            "date": "2026-03-01",
            "total": "10.5",
            "balance": "",
            "invoice_items": [{"code": "c", "price": "9.90", "quantity": 1, "item_total": 9.9}, "?"],
            "taxes": [{"tax_amount": "1.37"}],
            "unheard_of": {},
        }
    )

    assert (odd.invoice_id, odd.number, odd.invoice_date) == ("90000000123", "INV-1", date(2026, 3, 1))
    assert (odd.total, odd.balance, odd.tax_total) == (Decimal("10.50"), Decimal("0.00"), Decimal("1.37"))
    assert [line.price for line in odd.lines] == [Decimal("9.90")]
    assert Invoice.read({}).tax_total is None
    assert Subscription.read({"customer": {"customer_id": "5"}}).customer_id == "5"


def test_the_vat_is_found_by_rate_and_told_from_others_by_name(zoho, client, settings):
    taxes = {tax.name: tax.tax_id for tax in client.list_taxes()}
    assert client.vat_id(Decimal("0.15")) == taxes["Standard Rate"]

    with pytest.raises(Misconfigured, match=r"one tax of 16 % named Standard Rate; .* it has: none"):
        client.vat_id(Decimal("0.16"))


def test_one_of_two_taxes_of_the_same_rate_needs_its_name(zoho, client, settings):
    body = {
        "code": 0,
        "taxes": [
            {"tax_id": 1, "tax_name": "Old", "tax_percentage": 15},
            {"tax_id": 2, "tax_name": "VAT", "tax_percentage": "15"},
        ],
    }
    zoho.fault(match={"path": "/billing/v1/settings/taxes"}, action={"status": 200, "body": body}, times=None)
    with pytest.raises(Misconfigured, match="it has: Old, VAT"):
        client.vat_id(Decimal("0.15"))

    settings.ZOHO_BILLING_VAT_NAME = "vat"

    assert client.vat_id(Decimal("0.15")) == "2"


def test_the_organisation_is_the_one_that_is_set(client, settings):
    found = client.get_organisation()
    assert (found.currency_code, found.prices_include_vat, found.is_for_testing) == ("ZAR", True, True)

    settings.ZOHO_BILLING_ORGANIZATION_ID = "777"

    with pytest.raises(Misconfigured, match="is 777, and the integration's user belongs to 10000001"):
        client.get_organisation()


def test_nulls_never_leave(zoho, shop):
    subscribed(shop)

    assert [request for request in zoho.requests(system="billing") if "null" in request["body"]] == []
