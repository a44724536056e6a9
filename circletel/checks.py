"""`manage.py check`: what is missing or contradictory in the settings, by name, before it bites."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

ZOHO_REQUIRED = (
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_API_URL",
    "ZOHO_CLIENT_ID",
    "ZOHO_CLIENT_SECRET",
    "ZOHO_REFRESH_TOKEN",
    "ZOHO_BILLING_ORGANIZATION_ID",
)
LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1"}
NO_MAIL = ("console.EmailBackend", "locmem.EmailBackend", "dummy.EmailBackend")
NO_DOMAIN = (".local", ".test", ".example", "example.com")
POSITIVE = (
    "ZOHO_BILLING_CALLS_PER_MINUTE",
    "ZOHO_BILLING_CALLS_PER_DAY",
    "ZOHO_BILLING_CONCURRENCY",
    "ZOHO_CRM_CREDITS_PER_DAY",
)


@register()
def check_settings(**_: Any) -> list[CheckMessage]:
    return [*_zoho_connection(), *_single_settings()]


@register(deploy=True)
def check_ready_for_production(**_: Any) -> list[CheckMessage]:
    return list(_unfit_for_production())


def _zoho_connection() -> Iterator[CheckMessage]:
    """All six Zoho settings or none; addresses must be addresses."""
    missing = [name for name in ZOHO_REQUIRED if not getattr(settings, name)]
    if len(missing) == len(ZOHO_REQUIRED):
        hint = f"Set {', '.join(ZOHO_REQUIRED)}."
        yield Warning("No Zoho is configured: nothing will be synced.", hint=hint, id="circletel.W001")
        return
    for name in missing:
        yield Error(f"{name} is not set.", hint="The Zoho settings go together.", id="circletel.E002")
    for name in ("ZOHO_ACCOUNTS_URL", "ZOHO_API_URL"):
        value = getattr(settings, name)
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            words = f"{name} is {value!r}, which is not an http(s) address."
            yield Error(words, hint="For example https://www.zohoapis.com", id="circletel.E003")


def _single_settings() -> Iterator[CheckMessage]:
    try:
        has_key = bool(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's way of saying empty
        has_key = False
    if not has_key:
        hint = "Set it to 50 random characters, kept secret."
        yield Error("DJANGO_SECRET_KEY is not set.", hint=hint, id="circletel.E001")
    for name in POSITIVE:
        if getattr(settings, name) < 1:
            yield Error(f"{name} is {getattr(settings, name)}; it must be 1 or more.", id="circletel.E004")
    if settings.ZOHO_BILLING_CALLS_PER_MINUTE > settings.ZOHO_BILLING_CALLS_PER_DAY:
        words = "ZOHO_BILLING_CALLS_PER_MINUTE is larger than ZOHO_BILLING_CALLS_PER_DAY: the whole day could be spent in one minute."
        yield Warning(words, id="circletel.W002")
    if settings.RESEND_API_KEY and not settings.RESEND_WEBHOOK_SECRET:
        words = "RESEND_WEBHOOK_SECRET is not set: deliveries and bounces are not heard of."
        yield Warning(words, hint="Resend shows it beside the webhook.", id="circletel.W004")
    for segment, days in settings.PRICE_NOTICE_DAYS.items():
        if days < 0:
            words = f"PRICE_NOTICE_DAYS_{segment.upper()} is {days}; it must be 0 or more."
            yield Error(words, hint="60 days is what customers have been promised.", id="circletel.E005")
    value, known = settings.ZOHO_BILLING_RENEWAL_PRICING, ("retain", "latest", "unknown")
    if value not in known:
        hint = f"One of {', '.join(known)}: see Settings, Subscriptions, General in Zoho Billing."
        yield Error(f"ZOHO_BILLING_RENEWAL_PRICING is {value!r}.", hint=hint, id="circletel.E020")


def _unfit_for_production() -> Iterator[CheckMessage]:
    """What is fine on a desk and not in production."""
    if settings.DEMO:
        words = "CIRCLETEL_DEMO is on: the demo's people and passwords are public."
        hint = "Take it out of the environment, on an empty database."
        yield Warning(words, hint=hint, id="circletel.W005")
    outside = [host for host in settings.ALLOWED_HOSTS if host not in LOCAL]
    if not outside or "*" in outside:
        hint = "Set it to the names people use, without *."
        yield Warning("DJANGO_ALLOWED_HOSTS names nobody, or everybody.", hint=hint, id="circletel.W006")
    if not settings.STAFF_TOTP_REQUIRED:
        hint = "Set STAFF_TOTP_REQUIRED=true."
        yield Warning("A password alone opens the back office.", hint=hint, id="circletel.W007")
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    if settings.EMAIL_BACKEND.endswith(NO_MAIL) or "." not in domain or domain.endswith(NO_DOMAIN):
        hint = "Set RESEND_API_KEY or EMAIL_URL, and DEFAULT_FROM_EMAIL."
        yield Warning("No mail leaves, or it comes from nowhere.", hint=hint, id="circletel.W008")
    if (pricing := settings.ZOHO_BILLING_RENEWAL_PRICING) != "retain":
        words = f"Renewal pricing of Zoho Billing is recorded as {pricing}: price changes are refused."
        hint = (
            "Choose Retain existing prices there under Settings, Subscriptions, General, Renewal pricing, and set"
            " ZOHO_BILLING_RENEWAL_PRICING=retain."
        )
        yield Warning(words, hint=hint, id="circletel.W009")
