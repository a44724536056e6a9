"""The smoke test against the sandbox: what it proves, what it finds, and what it leaves behind."""

import json
from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from circletel.core import jobs
from circletel.core.errors import NotAllowed
from circletel.core.models import AuditEntry, Job
from tests.factories import live_package, ms_naidoo, person
from zoho_sync import smoke_test
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db
TRANSACTIONS = ("customers", "subscriptions", "invoices", "payments", "creditnotes")
# The shape of what Zoho Billing answers to GET /organizations for an organisation in daily use.
PRODUCTION = {
    "code": 0,
    "message": "success",
    "organizations": [
        {
            "organization_id": "10000001",
            "name": "CircleTel",
            "currency_code": "ZAR",
            "mode": "live",
            "is_sales_inclusive_tax_enabled": True,
        }
    ],
}


@pytest.fixture
def package(drain):
    """In step with Billing: 799.00 a month, 1 000.00 to install, a router included."""
    package = live_package(
        sku="HF-100",
        installation_fee=Decimal("1000.00"),
        hardware={"model": "Reyee RG-EW1300G", "included": True},
    )
    drain()
    return package


def run(*arguments):
    """What is printed, and whether it passed."""
    out = StringIO()
    try:
        call_command("billing_smoke_test", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue() + str(error), False
    return out.getvalue(), True


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def left(zoho):
    return {kind: len(zoho.records(f"billing_{kind}")) for kind in TRANSACTIONS}


def crosses(text):
    return [line[2:] for line in lines(text) if line.startswith("✗")]


def disturb(zoho, method, path, **action):
    zoho.fault(match={"method": method, "path": f"/billing/v1/{path}"}, action=action)


def test_a_package_is_billed_as_quoted_and_nothing_is_left(zoho, package):
    text, passed = run("--package", "hf-100")

    assert (passed, crosses(text)) == (True, [])
    said = lines(text)
    assert said[1] == "✓ Organisation Sandbox (test), prices include VAT"
    assert any(
        line.startswith("✓ Line: Billing plan HF-100_consumer_DFA,") and line.endswith("1 × 799.00")
        for line in said
    )
    assert any(
        line.startswith("✓ Line: Billing installation") and line.endswith("1 × 1000.00") for line in said
    )
    assert any(line.startswith("✓ Line: Billing hardware") and line.endswith("1 × 0.00") for line in said)
    assert "✓ VAT 15 % 234.65 within prices" in said
    assert "✓ Total R 1 799,00, expected R 1 799,00" in said
    assert "✓ Payment R 1 799,00 recorded, R 0,00 left" in said
    assert "✓ Paid paid, balance R 0,00" in said
    assert "✓ Clean-up nothing is left in Zoho that bills anybody" in said
    assert said[-1] == "Passed."
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)
    job = Job.objects.get()
    assert (job.state, len(job.log), job.requested_by) == ("done", 13, None)
    assert job.log[0][1] == "✓ Organisation: Sandbox (test), prices include VAT"
    assert AuditEntry.objects.filter(action="requested", target_id=str(job.pk)).count() == 1


def test_where_prices_exclude_vat_the_customer_pays_the_same(zoho, drain, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False
    zoho.set(prices_include_vat=False)
    live_package(installation_fee=Decimal("1000.00"))
    drain()

    text, passed = run()

    assert (passed, crosses(text)) == (True, [])
    assert "✓ VAT 15 % 234.65 on top of prices" in lines(text)
    assert "✓ Total R 1 799,00, expected R 1 799,00" in lines(text)


def test_an_invoice_that_does_not_tell_its_vat_still_proves_the_total(zoho, package):
    zoho.set(invoices_tell_tax=False)

    text, passed = run()

    assert passed
    assert "✓ VAT 15 % 234.65 within prices, computed: Zoho does not tell it" in lines(text)


def test_a_draft_is_opened_and_paid(zoho, package):
    zoho.set(draft_invoices=True)

    assert run()[1]
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)


def test_json_for_programs(zoho, package):
    text, passed = run("--json")

    result = json.loads(text)
    assert (passed, result["passed"], result["package"]["sku"]) == (True, True, "HF-100")
    assert [step["passed"] for step in result["steps"]] == [True] * 13
    assert {"customer", "subscription", "invoice", "payment"} < set(result["made"])


def test_kept_when_asked(zoho, package):
    text, passed = run("--keep")

    assert passed
    assert left(zoho) == {**dict.fromkeys(TRANSACTIONS, 1), "creditnotes": 0}
    assert zoho.records("billing_invoices")[0]["status"] == "paid"
    assert "Kept in Zoho, as asked" in text


def test_a_price_changed_by_hand_in_zoho_is_found(zoho, package):
    zoho.edit("billing_plans", "HF-100_consumer_DFA", recurring_price=749.0)

    text, passed = run()

    assert not passed
    found = crosses(text)
    assert "Subscription price is 749.00, expected 799.00" in found
    assert (
        "Line: Billing plan price is 749.00, expected 799.00; line total is 749.00, expected 799.00" in found
    )
    assert "Total total is 1749.00, expected 1799.00" in found
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)


def test_a_setup_fee_beside_the_installation_is_found(zoho, package):
    zoho.edit("billing_plans", "HF-100_consumer_DFA", setup_fee=500.0)

    text, passed = run()

    assert not passed
    assert "Invoice HF-100_consumer_DFA is billed 2 times" in crosses(text)
    assert any(line.startswith("Total total is 2299.00") for line in crosses(text))


def test_another_name_in_zoho_is_found(zoho, package):
    zoho.edit("billing_addons", "HF-100_consumer_DFA_HARDWARE", name="Free thing")

    assert crosses(run()[0])[0].startswith("Line: Billing hardware name is Free thing, expected Hardware: ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "subscriptions"),
        ("GET", "invoices/*"),
        ("POST", "payments"),
        ("GET", "subscriptions/*"),
    ],
)
def test_whatever_is_refused_the_clean_up_follows(zoho, package, method, path):
    disturb(zoho, method, path, status=400, body={"code": 2, "message": "Invalid value passed"})

    text, passed = run()

    assert (passed, len(crosses(text))) == (False, 1)
    assert "Invalid value passed" in text
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)
    assert Job.objects.get().state == "failed"


@pytest.mark.parametrize("path", ["customers", "subscriptions", "payments"])
def test_a_lost_answer_is_read_back_and_nothing_is_made_twice(zoho, package, path):
    disturb(zoho, "POST", path, drop="after")

    text, passed = run()

    assert (passed, crosses(text)) == (True, [])
    assert zoho.state()["calls"]["billing"]["endpoints"][f"POST /billing/v1/{path}"] == 1
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)


def test_a_customer_who_was_never_made_ends_the_test(zoho, package):
    disturb(zoho, "POST", "customers", drop="before")

    text, passed = run()

    assert (passed, len(crosses(text))) == (False, 1)
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)


def test_an_invoice_that_cannot_be_taken_away_is_credited(zoho, package):
    refusal = {"status": 400, "body": {"code": 2010, "message": "cannot be deleted"}}
    for method, path in (("DELETE", "invoices/*"), ("POST", "invoices/*/void")):
        disturb(zoho, method, path, **refusal)

    text, passed = run()

    assert (passed, crosses(text)) == (True, [])
    [invoice] = zoho.records("billing_invoices")
    assert (invoice["balance"], invoice["credits_applied"]) == (0.0, 1799.0)
    assert zoho.records("billing_subscriptions")[0]["status"] == "cancelled"
    assert zoho.records("billing_customers")[0]["status"] == "inactive"


def test_what_cannot_be_cleaned_up_is_said(zoho, package):
    zoho.fault(
        match={"method": "DELETE", "path": "/billing/v1/payments/*"},
        action={"status": 400, "body": {"code": 2, "message": "locked by the bookkeeper"}},
    )

    text, passed = run()

    assert not passed
    [cross] = crosses(text)
    assert cross.startswith("Clean-up invoices:")
    assert "locked by the bookkeeper" in cross
    assert (
        Job.objects.get().parameters["made"]["invoice"] == zoho.records("billing_invoices")[0]["invoice_id"]
    )


def test_production_is_refused_unless_told_so_twice(zoho, package):
    zoho.fault(
        match={"path": "/billing/v1/organizations"}, action={"status": 200, "body": PRODUCTION}, times=None
    )

    for arguments in ((), ("--yes-production",)):
        text, passed = run(*arguments)
        assert not passed
        assert "CircleTel is no test organisation" in text
    assert "POST /billing/v1/customers" not in zoho.state()["calls"]["billing"]["endpoints"]
    assert run("--yes-production", "--yes-production")[1]


def test_an_organisation_that_adds_vat_to_our_inclusive_prices_ends_the_test_at_once(zoho, package):
    zoho.set(prices_include_vat=False)

    cache.clear()

    text, passed = run()

    assert not passed
    assert "customers would be billed 15 % too much" in text
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)


def test_a_package_has_to_be_there_and_in_step(zoho, drain):
    assert "No active package is in step" in run()[0]
    assert "No package with the SKU NONE is on sale" in run("--package", "NONE")[0]
    package = live_package(sku="HF-7")
    assert "is not in step with Zoho Billing: Billing product" in run("--package", "HF-7")[0]
    drain()
    ProductIntegration.objects.filter(package=package, kind=Kind.BILLING_PLAN).update(status=SyncStatus.DEAD)
    assert "needs a person" in run("--package", "HF-7")[0]
    assert not Job.objects.exists()


def test_only_an_operator_may_ask_and_only_one_waits(zoho, package):
    operator = person("sipho.dlamini", "Sync operator")
    with pytest.raises(NotAllowed):
        smoke_test.request(package, actor=ms_naidoo())

    waiting = smoke_test.request(None, actor=operator)

    assert (waiting.parameters["sku"], waiting.requested_by) == ("HF-100", operator)
    with pytest.raises(jobs.AlreadyOpen, match="“Billing smoke test” is waiting already"):
        smoke_test.request(package, actor=operator)
    assert jobs.run(waiting.pk)
    calls = zoho.state()["calls"]["billing"]
    assert (jobs.run(waiting.pk), Job.objects.get().state) == (False, "done")
    assert zoho.state()["calls"]["billing"] == calls


def test_a_run_that_was_taken_from_it_cleans_up_all_the_same(zoho, package, monkeypatch):
    """The worker was taken for lost in the middle. The job ended as failed then, and what was made has to go."""
    job = smoke_test.request(package, actor=person("sipho.dlamini", "Sync operator"))

    def told(running, text):
        Job.objects.filter(pk=job.pk).update(lease_token=uuid4())
        running.renew()

    monkeypatch.setattr(jobs.RunningJob, "log", told)
    jobs.run(job.pk)

    assert zoho.state()["calls"]["billing"]["endpoints"]["POST /billing/v1/customers"] == 1
    assert left(zoho) == dict.fromkeys(TRANSACTIONS, 0)
