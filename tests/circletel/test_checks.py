import pytest
from django.core.checks import run_checks

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


@pytest.mark.parametrize(
    "name", ["ZOHO_BILLING_CALLS_PER_MINUTE", "ZOHO_CRM_CONCURRENCY", "ZOHO_LEASE_SECONDS"]
)
def test_numbers_below_one_are_named(complete, name):
    setattr(complete, name, 0)

    assert ("circletel.E004", f"{name} is 0; it must be 1 or more.") in found()


def test_a_minute_that_could_spend_the_day_is_a_contradiction(complete):
    complete.ZOHO_BILLING_CALLS_PER_MINUTE, complete.ZOHO_BILLING_CALLS_PER_DAY = 100, 50

    assert {id for id, _ in found()} == {"circletel.W002"}


def test_a_lease_shorter_than_one_call_is_a_contradiction(complete):
    complete.ZOHO_LEASE_SECONDS = 30

    assert {id for id, _ in found()} == {"circletel.W003"}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"EMAIL_PROVIDER": "sendgrid"}, ("circletel.E006", "EMAIL_PROVIDER is 'sendgrid'.")),
        ({"EMAIL_PROVIDER": "smtp"}, ("circletel.E007", "EMAIL_URL names no mail server.")),
        ({"EMAIL_PROVIDER": "resend"}, ("circletel.E008", "RESEND_API_KEY is not set.")),
        (
            {"EMAIL_PROVIDER": "resend", "RESEND_API_KEY": "re_1"},
            (
                "circletel.W004",
                "RESEND_WEBHOOK_SECRET is not set: deliveries and bounces are not heard of.",
            ),
        ),
    ],
)
def test_half_a_mail_provider_is_named(complete, values, complaint):
    for name, value in values.items():
        setattr(complete, name, value)

    assert found() == {complaint}


def test_what_renewals_do_is_one_of_three_words(complete):
    complete.ZOHO_BILLING_RENEWAL_PRICING = "Retain"
    assert found() == {("circletel.E020", "ZOHO_BILLING_RENEWAL_PRICING is 'Retain'.")}
