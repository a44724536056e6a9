"""What `zoho_fields check` says about Zoho Billing, and promotions as plan prices."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.factories import live_package

pytestmark = pytest.mark.django_db


def check():
    out = StringIO()
    try:
        call_command("zoho_fields", "check", stdout=out)
    except CommandError as error:
        return out.getvalue().splitlines(), str(error)
    return out.getvalue().splitlines(), ""


def billing_lines(lines):
    return [line.split("Zoho Billing: ")[1] for line in lines if "Zoho Billing:" in line]


def test_an_organisation_that_agrees_with_us_is_said_to(zoho):
    lines, error = check()

    vat = zoho.records("billing_taxes")[0]["tax_id"]
    assert error == ""
    assert billing_lines(lines) == ["prices include VAT there as here", f"VAT of 15 % is tax {vat}"]


def test_prices_that_disagree_fail_the_check(zoho, settings):
    settings.ZOHO_PRICES_INCLUDE_VAT = False

    lines, error = check()

    assert "is not ready" in error
    assert "customers would be billed too little" in billing_lines(lines)[0]


def test_missing_labels_are_named_with_what_to_make_where(zoho, drain, settings):
    live_package(sku="HF-100")
    drain()
    zoho.set(billing_custom_fields={"plan": ["Provider"]})
    settings.ZOHO_BILLING_CUSTOM_FIELDS = ["Provider", "Download Speed", "Colour"]

    lines, error = check()

    colour, provider, speed = billing_lines(lines)[2:]
    assert "is not ready" in error
    assert colour.startswith(
        "ZOHO_BILLING_CUSTOM_FIELDS names 'Colour', which nothing fills. Known: Package Id"
    )
    assert provider == "custom field 'Provider' is there"
    assert speed.startswith("'Download Speed' is missing. In Zoho Billing under Settings, Preferences, Plans")
    assert "of type Number with exactly the label 'Download Speed'" in speed
    plan = zoho.records("billing_plans")[0]
    assert (plan["recurring_price"], list(plan["custom_fields"].values())) == (799.0, ["DFA"])


def test_a_label_that_a_plan_was_accepted_with_costs_no_call(zoho, drain, settings):
    zoho.set(billing_custom_fields={"plan": ["Provider"]})
    settings.ZOHO_BILLING_CUSTOM_FIELDS = ["Provider"]
    live_package()
    drain()

    lines, error = check()

    assert (error, billing_lines(lines)[2]) == ("", "custom field 'Provider' is there")
    assert "PUT /billing/v1/plans/{plan_code}" not in zoho.state()["calls"]["billing"]["endpoints"]


def test_before_the_first_plan_a_label_cannot_be_tried(zoho, settings):
    settings.ZOHO_BILLING_CUSTOM_FIELDS = ["Provider"]

    lines, error = check()

    assert error == ""
    assert billing_lines(lines)[2].startswith("'Provider' can be tried once a plan is synced.")


def test_a_promotion_is_no_plan_price(zoho, drain):
    live_package(promotion_price=Decimal("599.00"), promotion_months=3)
    drain()

    assert zoho.records("billing_plans")[0]["recurring_price"] == 799.0
