"""E-mail by Resend: each message once, and what became of it heard from Resend itself.

Receivers of `anymail.signals.tracking` are told of deliveries and bounces; the `message_id` of an event is that
of `message.anymail_status` after `send()`.
"""

import base64
import binascii
import hashlib
import hmac
import time
import warnings
from typing import Any

from anymail.backends.resend import EmailBackend, ResendPayload
from anymail.exceptions import AnymailAPIError, AnymailInsecureWebhookWarning, AnymailWebhookValidationFailure
from anymail.webhooks.resend import ResendTrackingWebhookView
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

# How far Resend's clock and ours may be apart, in seconds. An older call may be somebody repeating it.
TOLERANCE = 300
LONGEST_KEY = 256
# Seconds since 1970 in more digits are no time: Python turns them into no float, or refuses to read them.
LONGEST_STAMP = 12

# Anymail asks for a password in the address; the signature takes its place.
warnings.filterwarnings("ignore", category=AnymailInsecureWebhookWarning)


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
    """Where Resend tells what became of a message. Refuses (400) whatever RESEND_WEBHOOK_SECRET did not sign."""

    def validate_request(self, request: HttpRequest) -> None:
        key = _key(settings.RESEND_WEBHOOK_SECRET)
        stamp = request.headers.get("svix-timestamp", "")
        is_time = stamp.isdecimal() and len(stamp) <= LONGEST_STAMP
        if not key or not is_time or abs(time.time() - int(stamp)) > TOLERANCE:
            raise AnymailWebhookValidationFailure("Resend's call is unsigned, too old, or no secret is set")
        signed = f"{request.headers.get('svix-id', '')}.{stamp}.".encode() + request.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        # One for each secret that is valid while Resend changes it: "v1,… v1,…".
        offered = request.headers.get("svix-signature", "").split()
        if not any(constant_time_compare(one, f"v1,{expected}") for one in offered):
            raise AnymailWebhookValidationFailure("Resend's call bears a wrong signature")

    def parse_events(self, request: HttpRequest) -> Any:
        try:
            return super().parse_events(request)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            raise AnymailWebhookValidationFailure("Resend's call says nothing that is known") from None


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return b""
