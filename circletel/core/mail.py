"""E-mail by Resend: each message once, and what became of it heard from Resend itself.

Receivers of `anymail.signals.tracking` are told of deliveries and bounces; the `message_id` of an event is that
of `message.anymail_status` after `send()`.
"""

from typing import Any

from anymail.backends.resend import EmailBackend, ResendPayload
from anymail.exceptions import AnymailAPIError, AnymailWebhookValidationFailure
from anymail.webhooks.resend import ResendTrackingWebhookView
from django.conf import settings
from django.http import HttpRequest
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

LONGEST_KEY = 256


class OncePayload(ResendPayload):
    """A message with a Message-ID of its own is sent once, however often it is handed to Resend within a day."""

    def set_extra_headers(self, headers: Any) -> None:
        super().set_extra_headers(headers)
        if key := headers.get("Message-ID"):
            self.headers["Idempotency-Key"] = str(key)[:LONGEST_KEY]


class ResendBackend(EmailBackend):
    def build_message_payload(self, message: Any, defaults: Any) -> OncePayload:
        return OncePayload(message, defaults, self)


def words_of(trouble: Exception) -> str:
    """Why a message was not sent, without the addresses and passwords that mail libraries quote."""
    if not isinstance(trouble, AnymailAPIError) or not trouble.status_code:
        return type(trouble).__name__
    said = f"{trouble.esp_name} answered {trouble.status_code}"
    if trouble.status_code in (401, 403):
        return f"{said}: check RESEND_API_KEY, and that the domain of DEFAULT_FROM_EMAIL is verified there"
    return said


class ResendWebhook(ResendTrackingWebhookView):
    """Where Resend tells what became of a message. Refuses (400) whatever RESEND_WEBHOOK_SECRET did not sign just now.

    Anymail's own check needs svix, which costs each process a second and 20 MB; this is the part of it that checks.
    """

    # A password in the address is what Anymail asks for; the signature takes its place.
    warn_if_no_basic_auth = False

    def validate_request(self, request: HttpRequest) -> None:
        headers = {
            f"webhook-{name}": request.headers.get(f"svix-{name}", "")
            for name in ("id", "timestamp", "signature")
        }
        try:
            Webhook(settings.RESEND_WEBHOOK_SECRET).verify(request.body, headers, json_parse=False)
        except (WebhookVerificationError, EmptyWebhookSecretError, ValueError) as refusal:
            raise AnymailWebhookValidationFailure(f"Resend did not sign this call: {refusal}") from None

    def parse_events(self, request: HttpRequest) -> Any:
        try:
            return super().parse_events(request)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            raise AnymailWebhookValidationFailure("Resend's call says nothing that is known") from None
