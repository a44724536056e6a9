"""From customer to payment: what a subscription bills, and when."""

from datetime import date, timedelta

import pytest

VAT_INCLUSIVE = {"sub_total": 1564.35, "tax_total": 234.65, "total": 1799.0}


def refused(answer, code, status=400):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def told(answer, name, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()[name]


class Shop:
    """A plan at 799, an installation at 1 000 and a free router, and one customer."""

    def __init__(self, zoho):
        self.zoho = zoho
        zoho.set(use_latest_prices=False, proration=True, draft_invoices=False, invoices_tell_tax=True)
        self.vat = zoho.billing("GET", "/settings/taxes").json()["taxes"][0]["tax_id"]
        self.product_id = zoho.billing_product()
        self.plan = {
            "plan_code": "home",
            "name": "Home Fibre",
            "recurring_price": 799.0,
            "interval": 1,
            "tax_id": self.vat,
        }
        zoho.billing("POST", "/plans", json={**self.plan, "product_id": self.product_id})
        self.addon("install", 1000.0)
        self.addon("router", 0)
        body = {"display_name": "Nomsa", "email": "nomsa@example.com"}
        self.customer_id = told(zoho.billing("POST", "/customers", json=body), "customer", 201)["customer_id"]

    def addon(self, code, price, **more):
        body = {
            "addon_code": code,
            "name": code.title(),
            "unit_name": "once",
            "price_brackets": [{"price": price}],
            "type": "one_time",
            "product_id": self.product_id,
            "tax_id": self.vat,
            **more,
        }
        assert self.zoho.billing("POST", "/addons", json=body).status_code == 201

    def subscribe(self, *addons, price=None, **more):
        plan = {"plan_code": "home", **({} if price is None else {"price": price})}
        body = {
            "customer_id": self.customer_id,
            "plan": plan,
            "addons": [{"addon_code": code} for code in addons],
            "auto_collect": False,
            **more,
        }
        return told(self.zoho.billing("POST", "/subscriptions", json=body), "subscription", 201)

    def subscription(self, subscription):
        path = f"/subscriptions/{subscription['subscription_id']}"
        return told(self.zoho.billing("GET", path), "subscription")

    def change(self, subscription, *addons, **more):
        body = {
            "plan": {"plan_code": "home", **more.pop("plan", {})},
            "addons": [{"addon_code": code} for code in addons],
        }
        path = f"/subscriptions/{subscription['subscription_id']}"
        return self.zoho.billing("PUT", path, json={**body, **more})

    def invoice(self, subscription):
        path = f"/invoices/{self.subscription(subscription)['child_invoice_id']}"
        return told(self.zoho.billing("GET", path), "invoice")

    def invoices(self, subscription):
        query = {"subscription_id": subscription["subscription_id"]}
        return told(self.zoho.billing("GET", "/invoices", params=query), "invoices")

    def pay(self, invoice, amount=None, **more):
        amount = invoice["balance"] if amount is None else amount
        body = {
            "customer_id": self.customer_id,
            "payment_mode": "banktransfer",
            "amount": amount,
            "invoices": [{"invoice_id": invoice["invoice_id"], "amount_applied": amount}],
            **more,
        }
        return self.zoho.billing("POST", "/payments", json=body)

    def reprice(self, price):
        answer = self.zoho.billing("PUT", "/plans/home", json={**self.plan, "recurring_price": price})
        assert answer.status_code == 200

    def wait_until_billed(self, subscription):
        """Let the time be seven in the morning of the next billing day."""
        day = self.subscription(subscription)["next_billing_at"]
        return self.zoho.control("POST", "/clock", json={"to": f"{day}T07:00:00+02:00"})


@pytest.fixture
def shop(zoho):
    yield Shop(zoho)
    zoho.set(
        prices_include_vat=True,
        use_latest_prices=False,
        proration=True,
        draft_invoices=False,
        invoices_tell_tax=True,
    )


def lines(invoice):
    return [(i["code"], i["price"], i["quantity"], i["item_total"]) for i in invoice["invoice_items"]]


def test_the_first_invoice_has_the_plan_and_what_is_charged_once(shop):
    subscription = shop.subscribe("install", "router", reference_id="ours-1")
    invoice = shop.invoice(subscription)

    assert subscription["status"] == "live"
    assert lines(invoice) == [
        ("home", "799.00", 1, 799.0),
        ("install", "1000.00", 1, 1000.0),
        ("router", "0.00", 1, 0.0),
    ]
    assert {name: invoice[name] for name in VAT_INCLUSIVE} == VAT_INCLUSIVE
    assert invoice["taxes"][0]["tax_amount"] == "234.65"
    assert (invoice["status"], invoice["balance"], invoice["is_inclusive_tax"]) == ("sent", 1799.0, True)
    assert (subscription["amount"], subscription["sub_total"]) == (799.0, 694.78)


def test_an_organisation_whose_prices_exclude_vat_adds_it(shop):
    shop.zoho.set(prices_include_vat=False)
    invoice = shop.invoice(shop.subscribe("install"))

    assert [each["item_total"] for each in invoice["invoice_items"]] == [799.0, 1000.0]
    assert (invoice["sub_total"], invoice["tax_total"], invoice["total"]) == (1799.0, 269.85, 2068.85)
    organisation = shop.zoho.billing("GET", "/organizations").json()["organizations"][0]
    assert organisation["is_sales_inclusive_tax_enabled"] is False


def test_a_line_without_a_tax_bears_none(shop):
    shop.zoho.set(prices_include_vat=False)
    shop.addon("visit", 100.0, tax_id="")

    invoice = shop.invoice(shop.subscribe("visit"))

    assert (invoice["sub_total"], invoice["tax_total"], invoice["total"]) == (899.0, 119.85, 1018.85)


def test_an_invoice_may_keep_its_tax_to_itself(shop):
    shop.zoho.set(invoices_tell_tax=False)

    invoice = shop.invoice(shop.subscribe())

    assert not {"sub_total", "tax_total", "taxes", "is_inclusive_tax"} & set(invoice)
    assert invoice["total"] == 799.0


def test_only_the_plan_is_billed_again_and_at_six_in_the_morning(shop):
    subscription = shop.subscribe("install")
    day = date.fromisoformat(subscription["next_billing_at"])
    early = shop.zoho.control("POST", "/clock", json={"to": f"{day}T05:59:00+02:00"})
    assert early["invoices"] == 0

    assert shop.wait_until_billed(subscription)["invoices"] == 1

    renewed = shop.subscription(subscription)
    assert lines(shop.invoice(subscription)) == [("home", "799.00", 1, 799.0)]
    assert renewed["current_term_starts_at"] == day.isoformat() == renewed["last_billing_at"]
    assert renewed["next_billing_at"] > day.isoformat()
    assert len(shop.invoices(subscription)) == 2
    assert shop.invoices(subscription)[0]["status"] == "overdue"


def test_every_month_on_the_way_is_billed_and_the_31st_is_kept(shop):
    start = date(date.today().year + 1, 1, 31)
    subscription = shop.subscribe(starts_at=start.isoformat())
    assert (subscription["status"], subscription["child_invoice_id"]) == ("future", "")

    moved = shop.zoho.control("POST", "/clock", json={"to": f"{start.year}-04-30T07:00:00+02:00"})

    february = 29 if start.year % 4 == 0 else 28
    dates = [f"{start.year}-{each}" for each in ("01-31", f"02-{february}", "03-31", "04-30")]
    assert moved["invoices"] == 4
    assert [each["invoice_date"] for each in shop.invoices(subscription)] == dates
    assert shop.subscription(subscription)["next_billing_at"] == f"{start.year}-05-31"


def test_the_clock_survives_only_forward_and_limits_do_not_notice(shop):
    shop.subscribe()
    shop.zoho.set(billing_per_day=10_000)
    used = shop.zoho.control("GET", "/state")["limits"]["billing"]["today"]

    shop.zoho.control("POST", "/clock", json={"days": 2})

    assert shop.zoho.control("GET", "/state")["limits"]["billing"]["today"] == used
    back = shop.zoho.http.post("/_sandbox/clock", json={"days": -1})
    assert (back.status_code, back.json()) == (400, {"error": "the clock only goes forward"})


def test_a_story_begins_on_any_day_and_goes_forward_from_there(shop):
    begun = shop.zoho.control("POST", "/clock", json={"to": "2020-02-29T10:00:00+02:00"})
    assert begun["now"].startswith("2020-02-29T10:00:0")

    subscription = shop.subscribe()
    assert shop.subscription(subscription)["next_billing_at"] == "2020-03-29"


def test_editing_a_plan_moves_no_subscriber(shop):
    subscription = shop.subscribe()
    shop.reprice(899.0)

    shop.wait_until_billed(subscription)

    assert shop.invoice(subscription)["total"] == 799.0
    assert shop.subscription(subscription)["plan"]["price"] == 799.0
    assert shop.subscribe()["plan"]["price"] == 899.0


def test_unless_the_organisation_uses_the_latest_prices(shop):
    shop.zoho.set(use_latest_prices=True)
    subscription = shop.subscribe()
    shop.reprice(899.0)
    assert shop.subscription(subscription)["plan"]["price"] == 799.0

    shop.wait_until_billed(subscription)

    assert shop.invoice(subscription)["total"] == 899.0


def test_a_price_may_be_agreed_for_one_subscription_alone(shop):
    subscription = shop.subscribe(price=599.5)

    assert shop.invoice(subscription)["total"] == 599.5
    assert shop.zoho.billing("GET", "/plans/home").json()["plan"]["recurring_price"] == 799.0


def test_a_change_at_the_end_of_the_term_waits_for_the_renewal(shop):
    subscription = shop.subscribe()
    path = f"/subscriptions/{subscription['subscription_id']}/scheduledchanges"
    refused(shop.zoho.billing("GET", path), 1002, 404)

    changed = shop.change(subscription, plan={"price": 899.0}, end_of_term=True).json()["subscription"]

    assert (changed["plan"]["price"], changed["is_scheduled_update"]) == (799.0, True)
    assert told(shop.zoho.billing("GET", path), "subscription")["plan"]["price"] == 899.0
    assert len(shop.invoices(subscription)) == 1
    shop.wait_until_billed(subscription)
    assert shop.invoice(subscription)["total"] == 899.0
    refused(shop.zoho.billing("GET", path), 1002, 404)


def test_a_scheduled_change_can_be_taken_back(shop):
    subscription = shop.subscribe()
    shop.change(subscription, plan={"price": 899.0}, end_of_term=True)

    path = f"/subscriptions/{subscription['subscription_id']}/scheduledchanges"
    assert shop.zoho.billing("DELETE", path).status_code == 200

    shop.wait_until_billed(subscription)
    assert shop.invoice(subscription)["total"] == 799.0


def test_an_update_forgets_prices_and_addons_it_is_not_told_again(shop):
    shop.addon("static-ip", 50.0, type="recurring")
    subscription = shop.subscribe("static-ip", price=599.0)

    changed = shop.change(subscription, end_of_term=False).json()["subscription"]

    assert (changed["plan"]["price"], changed["addons"]) == (799.0, [])


def test_a_change_at_once_bills_and_credits_the_rest_of_the_term(shop):
    subscription = shop.subscribe()
    start, following = (
        date.fromisoformat(subscription[n]) for n in ("current_term_starts_at", "next_billing_at")
    )
    shop.zoho.control("POST", "/clock", json={"to": f"{start + timedelta(days=10)}T12:00:00+02:00"})

    shop.change(subscription, plan={"price": 1599.0})

    share = ((following - start).days - 10) / (following - start).days
    invoice = shop.invoice(subscription)
    assert invoice["total"] == pytest.approx(1599 * share, abs=0.01)
    assert invoice["credits_applied"] == pytest.approx(799 * share, abs=0.01)
    assert invoice["balance"] == pytest.approx(800 * share, abs=0.02)
    note = told(
        shop.zoho.billing("GET", f"/creditnotes/{invoice['credits'][0]['creditnote_id']}"), "credit_note"
    )
    assert (note["status"], note["balance"]) == ("closed", 0)
    assert shop.subscription(subscription)["next_billing_at"] == following.isoformat()
    refused(shop.zoho.billing("DELETE", f"/invoices/{invoice['invoice_id']}"), 2010)


def test_without_proration_a_change_at_once_bills_nothing_yet(shop):
    shop.zoho.set(proration=False)
    subscription = shop.subscribe()

    changed = shop.change(subscription, plan={"price": 899.0}).json()["subscription"]

    assert (changed["plan"]["price"], len(shop.invoices(subscription))) == (899.0, 1)


def test_cancelling_at_the_end_bills_no_further_term(shop):
    subscription = shop.subscribe()
    path = f"/subscriptions/{subscription['subscription_id']}"
    refused(shop.zoho.billing("POST", f"{path}/cancel"), 2)

    answer = shop.zoho.billing("POST", f"{path}/cancel", params={"cancel_at_end": "true"})

    assert told(answer, "subscription")["status"] == "non_renewing"
    assert shop.wait_until_billed(subscription)["invoices"] == 0
    assert shop.subscription(subscription)["status"] == "cancelled"
    refused(shop.zoho.billing("POST", f"{path}/cancel", params={"cancel_at_end": "false"}), 2010)


def test_a_term_sent_as_cycles_makes_the_subscription_expire(shop):
    shop.zoho.billing("PUT", "/plans/home", json={**shop.plan, "billing_cycles": 2})
    subscription = shop.subscribe()

    assert shop.wait_until_billed(subscription)["invoices"] == 1
    assert shop.wait_until_billed(subscription)["invoices"] == 0
    assert shop.subscription(subscription)["status"] == "expired"


def test_a_payment_settles_the_invoice_and_deleting_it_owes_it_again(shop):
    invoice = shop.invoice(shop.subscribe("install"))

    part = told(shop.pay(invoice, 799.0), "payment", 201)
    assert (part["status"], part["invoices"][0]["balance_amount"]) == ("success", 1000.0)
    rest = told(shop.pay({**invoice, "balance": 1000.0}), "payment", 201)
    assert rest["invoices"][0]["balance_amount"] == 0

    path = f"/invoices/{invoice['invoice_id']}"
    paid = told(shop.zoho.billing("GET", path), "invoice")
    assert (paid["status"], paid["balance"], paid["payment_made"]) == ("paid", 0.0, 1799.0)
    assert [each["amount"] for each in paid["payments"]] == [799.0, 1000.0]
    refused(shop.zoho.billing("DELETE", path), 2010)
    refused(shop.zoho.billing("POST", f"{path}/void"), 2010)
    assert shop.zoho.billing("DELETE", f"/payments/{rest['payment_id']}").status_code == 200
    again = told(shop.zoho.billing("GET", path), "invoice")
    assert (again["status"], again["balance"]) == ("partially_paid", 1000.0)


def test_a_payment_has_a_mode_an_amount_and_an_invoice_that_lacks_it(shop):
    invoice = shop.invoice(shop.subscribe())

    refused(shop.pay(invoice, payment_mode="eft"), 2)
    refused(shop.pay(invoice, 0), 2)
    refused(shop.pay(invoice, 800.0), 2010)
    refused(shop.pay(invoice, customer_id="1"), 3004)
    assert (
        shop.invoice({"subscription_id": shop.zoho.records("billing_subscriptions")[0]["subscription_id"]})[
            "balance"
        ]
        == 799.0
    )


def test_a_draft_is_opened_before_it_is_paid(shop):
    shop.zoho.set(draft_invoices=True)
    invoice = shop.invoice(shop.subscribe())
    assert invoice["status"] == "draft"
    refused(shop.pay(invoice), 2)

    assert shop.zoho.billing("POST", f"/invoices/{invoice['invoice_id']}/converttoopen").status_code == 200

    assert shop.pay(invoice).status_code == 201


def test_a_credit_note_settles_an_invoice(shop):
    invoice = shop.invoice(shop.subscribe())
    body = {
        "customer_id": shop.customer_id,
        "date": date.today().isoformat(),
        "creditnote_number": "CN-9",
        "creditnote_items": [{"code": "home", "quantity": 1, "price": 799.0, "tax_id": shop.vat}],
    }
    note = told(shop.zoho.billing("POST", "/creditnotes", json=body), "credit_note", 201)
    applied = {"invoices": [{"invoice_id": invoice["invoice_id"], "amount_applied": 799.0}]}

    path = f"/creditnotes/{note['creditnote_id']}"
    assert shop.zoho.billing("POST", f"{path}/invoices", json=applied).status_code == 200

    assert (note["total"], note["status"], note["taxes"][0]["tax_amount"]) == (799.0, "open", "104.22")
    settled = told(shop.zoho.billing("GET", f"/invoices/{invoice['invoice_id']}"), "invoice")
    assert (settled["status"], settled["credits_applied"]) == ("paid", 799.0)
    refused(shop.zoho.billing("DELETE", path), 2010)


def test_cleaning_up_goes_from_the_payment_to_the_customer(shop):
    subscription = shop.subscribe()
    invoice = shop.invoice(subscription)
    payment = told(shop.pay(invoice), "payment", 201)
    paths = [
        f"/payments/{payment['payment_id']}",
        f"/invoices/{invoice['invoice_id']}",
        f"/subscriptions/{subscription['subscription_id']}",
        f"/customers/{shop.customer_id}",
    ]
    for path in reversed(paths[1:]):
        refused(shop.zoho.billing("DELETE", path), 2010)

    assert [shop.zoho.billing("DELETE", path).status_code for path in paths] == [200] * 4
    refused(shop.zoho.billing("GET", paths[3]), 3004)
    refused(shop.zoho.billing("GET", paths[2]), 1002, 404)


def test_a_customer_has_a_name_of_their_own_and_an_email(shop):
    body = {"display_name": "nomsa", "email": "other@example.com"}
    refused(shop.zoho.billing("POST", "/customers", json=body), 3062)
    refused(shop.zoho.billing("POST", "/customers", json={"display_name": "Thabo"}), 2)
    refused(shop.zoho.billing("POST", "/customers", json={**body, "phone": None}), 2)
    everybody = shop.zoho.billing("GET", "/customers", params={"email": ""}).json()["customers"]
    assert [each["display_name"] for each in everybody] == ["Nomsa"]
    assert "billing_address" not in everybody[0]
    shop.subscribe()
    refused(shop.zoho.billing("POST", f"/customers/{shop.customer_id}/markasinactive"), 2010)


def test_a_subscription_needs_a_customer_and_an_active_plan_and_no_card(shop):
    post = "/subscriptions"
    whole = {"customer_id": shop.customer_id, "plan": {"plan_code": "home"}}
    refused(shop.zoho.billing("POST", post, json={"plan": {"plan_code": "home"}}), 2)
    refused(shop.zoho.billing("POST", post, json={**whole, "customer_id": "7"}), 3004)
    refused(shop.zoho.billing("POST", post, json={**whole, "plan": {"plan_code": "none"}}), 101002)
    refused(shop.zoho.billing("POST", post, json={**whole, "addons": [{"addon_code": "none"}]}), 102001)
    refused(shop.zoho.billing("POST", post, json={**whole, "auto_collect": True}), 2)
    refused(shop.zoho.billing("POST", post, json={**whole, "plan": {"plan_code": "home", "price": None}}), 2)
    shop.zoho.billing("POST", "/plans/home/markasinactive")
    refused(shop.zoho.billing("POST", post, json=whole), 101002)
    assert shop.zoho.records("billing_subscriptions") == []


def test_lists_are_thin_and_a_blank_filter_filters_nothing(shop):
    first, second = shop.subscribe(reference_id="a-1"), shop.subscribe(reference_id="b-2")

    everything = shop.zoho.billing("GET", "/subscriptions", params={"customer_id": ""}).json()
    some = shop.zoho.billing("GET", "/subscriptions", params={"reference_contains": "b-"}).json()

    assert [each["subscription_id"] for each in everything["subscriptions"]] == [
        first["subscription_id"],
        second["subscription_id"],
    ]
    assert not {"plan", "addons", "child_invoice_id"} & set(everything["subscriptions"][0])
    assert [each["reference_id"] for each in some["subscriptions"]] == ["b-2"]
    assert "invoice_items" not in shop.invoices(first)[0]


def test_what_was_agreed_and_the_date_outlive_the_process(start, tmp_path):
    path = str(tmp_path / "state.db")
    options = ("--state", path, "--billing-per-minute", "0")
    first = start(*options)
    first.sign_in()
    shop = Shop(first)
    subscription = shop.subscribe()
    first.control("POST", "/clock", json={"days": 40})
    now = first.control("GET", "/state")["now"]
    first.kill()

    shop.zoho = second = start(*options)
    second.sign_in()

    assert second.control("GET", "/state")["now"][:10] == now[:10]
    assert len(shop.invoices(subscription)) == 2
