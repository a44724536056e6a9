"""`manage.py check`: what is missing or contradictory in the settings, by name, before it bites."""

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
def check_secret_key(**_: Any) -> list[CheckMessage]:
    try:
        missing = not settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's way of saying empty
        missing = True
    hint = "Set it to 50 random characters, kept secret."
    return [Error("DJANGO_SECRET_KEY is not set.", hint=hint, id="circletel.E001")] if missing else []


@register()
def check_zoho_connection(**_: Any) -> list[CheckMessage]:
    """All six Zoho settings or none; addresses must be addresses."""
    missing = [name for name in ZOHO_REQUIRED if not getattr(settings, name)]
    if len(missing) == len(ZOHO_REQUIRED):
        return [
            Warning(
                "No Zoho is configured: nothing will be synced.",
                hint=f"Set {', '.join(ZOHO_REQUIRED)}.",
                id="circletel.W001",
            )
        ]
    found: list[CheckMessage] = [
        Error(f"{name} is not set.", hint="The Zoho settings go together.", id="circletel.E002")
        for name in missing
    ]
    for name in ("ZOHO_ACCOUNTS_URL", "ZOHO_API_URL"):
        value = getattr(settings, name)
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            found.append(
                Error(
                    f"{name} is {value!r}, which is not an http(s) address.",
                    hint="For example https://www.zohoapis.com",
                    id="circletel.E003",
                )
            )
    return found


@register()
def check_positive_numbers(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} is {getattr(settings, name)}; it must be 1 or more.", id="circletel.E004")
        for name in POSITIVE
        if getattr(settings, name) < 1
    ]


@register()
def check_mail(**_: Any) -> list[CheckMessage]:
    if settings.RESEND_API_KEY and not settings.RESEND_WEBHOOK_SECRET:
        words = "RESEND_WEBHOOK_SECRET is not set: deliveries and bounces are not heard of."
        return [Warning(words, hint="Resend shows it beside the webhook.", id="circletel.W004")]
    return []


@register()
def check_notice(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"PRICE_NOTICE_DAYS_{segment.upper()} is {days}; it must be 0 or more.",
            hint="60 days is what customers have been promised.",
            id="circletel.E005",
        )
        for segment, days in settings.PRICE_NOTICE_DAYS.items()
        if days < 0
    ]


@register()
def check_contradictions(**_: Any) -> list[CheckMessage]:
    if settings.ZOHO_BILLING_CALLS_PER_MINUTE <= settings.ZOHO_BILLING_CALLS_PER_DAY:
        return []
    return [
        Warning(
            "ZOHO_BILLING_CALLS_PER_MINUTE is larger than ZOHO_BILLING_CALLS_PER_DAY: the whole day could be spent in one minute.",
            id="circletel.W002",
        )
    ]


@register()
def check_renewal_pricing(**_: Any) -> list[CheckMessage]:
    """The word must be one of three."""
    value, known = settings.ZOHO_BILLING_RENEWAL_PRICING, ("retain", "latest", "unknown")
    if value in known:
        return []
    hint = f"One of {', '.join(known)}: see Settings, Subscriptions, General in Zoho Billing."
    return [Error(f"ZOHO_BILLING_RENEWAL_PRICING is {value!r}.", hint=hint, id="circletel.E020")]


@register(deploy=True)
def check_ready_for_production(**_: Any) -> list[CheckMessage]:
    """What is fine on a desk and not in production."""
    outside = [host for host in settings.ALLOWED_HOSTS if host not in LOCAL]
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    found = (
        (
            settings.DEMO,
            "CIRCLETEL_DEMO is on: the demo's people and passwords are public.",
            "Take it out of the environment, on an empty database.",
            "W005",
        ),
        (
            not outside or "*" in outside,
            "DJANGO_ALLOWED_HOSTS names nobody, or everybody.",
            "Set it to the names people use, without *.",
            "W006",
        ),
        (
            not settings.STAFF_TOTP_REQUIRED,
            "A password alone opens the back office.",
            "Set STAFF_TOTP_REQUIRED=true.",
            "W007",
        ),
        (
            settings.EMAIL_BACKEND.endswith(NO_MAIL) or "." not in domain or domain.endswith(NO_DOMAIN),
            "No mail leaves, or it comes from nowhere.",
            "Set RESEND_API_KEY or EMAIL_URL, and DEFAULT_FROM_EMAIL.",
            "W008",
        ),
        (
            settings.ZOHO_BILLING_RENEWAL_PRICING != "retain",
            f"Renewal pricing of Zoho Billing is recorded as {settings.ZOHO_BILLING_RENEWAL_PRICING}: price changes"
            " are refused.",
            "Choose Retain existing prices there under Settings, Subscriptions, General, Renewal pricing, and set"
            " ZOHO_BILLING_RENEWAL_PRICING=retain.",
            "W009",
        ),
    )
    return [
        Warning(words, hint=hint, id=f"circletel.{id}") for is_wrong, words, hint, id in found if is_wrong
    ]
