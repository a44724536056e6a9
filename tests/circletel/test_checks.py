import pytest
from django.core.checks import run_checks

from zoho_sync import timing
from zoho_sync.connection import http

COMPLETE = {
    "ZOHO_ACCOUNTS_URL": "https://accounts.zoho.com",
    "ZOHO_API_URL": "https://www.zohoapis.com",
    "ZOHO_CLIENT_ID": "id",
    "ZOHO_CLIENT_SECRET": "secret",
    "ZOHO_REFRESH_TOKEN": "token",
    "ZOHO_BILLING_ORGANIZATION_ID": "1",
}


@pytest.fixture
def complete(settings):
    for name, value in COMPLETE.items():
        setattr(settings, name, value)
    return settings


def found():
    return {(message.id, message.msg) for message in run_checks() if message.id.startswith("circletel.")}


def test_complete_settings_raise_no_complaint(complete):
    assert found() == set()


@pytest.mark.parametrize("name", COMPLETE)
def test_one_missing_zoho_setting_is_named(complete, name):
    setattr(complete, name, "")

    assert found() == {("circletel.E002", f"{name} is not set.")}


def test_no_zoho_at_all_is_only_a_warning(complete):
    for name in COMPLETE:
        setattr(complete, name, "")

    assert {id for id, _ in found()} == {"circletel.W001"}


def test_an_address_without_a_scheme_is_named(complete):
    complete.ZOHO_API_URL = "www.zohoapis.com"

    assert found() == {
        ("circletel.E003", "ZOHO_API_URL is 'www.zohoapis.com', which is not an http(s) address.")
    }


def test_a_missing_secret_key_is_named(complete):
    complete.SECRET_KEY = ""

    assert ("circletel.E001", "DJANGO_SECRET_KEY is not set.") in found()


@pytest.mark.parametrize("name", ["ZOHO_BILLING_CALLS_PER_MINUTE", "ZOHO_BILLING_CONCURRENCY"])
def test_numbers_below_one_are_named(complete, name):
    setattr(complete, name, 0)

    assert ("circletel.E004", f"{name} is 0; it must be 1 or more.") in found()


def test_a_minute_that_could_spend_the_day_is_a_contradiction(complete):
    complete.ZOHO_BILLING_CALLS_PER_MINUTE, complete.ZOHO_BILLING_CALLS_PER_DAY = 100, 50

    assert {id for id, _ in found()} == {"circletel.W002"}


def test_a_lease_outlasts_one_call_with_its_retries():
    tries = len(http.PAUSES) + 1
    longest = tries * (http.CONNECT_TIMEOUT_SECONDS + http.READ_TIMEOUT_SECONDS) + sum(http.PAUSES)
    assert longest < timing.LEASE_SECONDS


def test_deliveries_that_nobody_hears_of_are_named(complete):
    complete.RESEND_API_KEY, complete.RESEND_WEBHOOK_SECRET = "re_1", ""

    assert found() == {
        ("circletel.W004", "RESEND_WEBHOOK_SECRET is not set: deliveries and bounces are not heard of.")
    }


def test_what_renewals_do_is_one_of_three_words(complete):
    complete.ZOHO_BILLING_RENEWAL_PRICING = "Retain"
    assert found() == {("circletel.E020", "ZOHO_BILLING_RENEWAL_PRICING is 'Retain'.")}


READY = {
    "DEMO": False,
    "ALLOWED_HOSTS": ["catalogue.example.org"],
    "STAFF_TOTP_REQUIRED": True,
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "DEFAULT_FROM_EMAIL": "a@circletel.co.za",
    "ZOHO_BILLING_RENEWAL_PRICING": "retain",
}


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("DEMO", False, None),
        ("DEMO", True, "circletel.W005"),
        ("ALLOWED_HOSTS", ["localhost"], "circletel.W006"),
        ("ALLOWED_HOSTS", ["*"], "circletel.W006"),
        ("STAFF_TOTP_REQUIRED", False, "circletel.W007"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "circletel.W008"),
        ("DEFAULT_FROM_EMAIL", "catalogue@localhost", "circletel.W008"),
        ("ZOHO_BILLING_RENEWAL_PRICING", "latest", "circletel.W009"),
        ("ZOHO_BILLING_RENEWAL_PRICING", "unknown", "circletel.W009"),
    ],
)
def test_what_is_fine_on_a_desk_and_not_in_production_is_named(complete, name, value, id):
    for each, fine in READY.items():
        setattr(complete, each, fine)
    setattr(complete, name, value)

    told = run_checks(include_deployment_checks=True)

    assert [each.id for each in told if str(each.id).startswith("circletel.")] == [id] * (id is not None)
