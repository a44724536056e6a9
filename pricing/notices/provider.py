"""Handing one message to the mail provider, and reading from its answer what is known about it afterwards."""

import smtplib
import socket
from dataclasses import dataclass
from enum import Enum
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from circletel.core.mail import words_of
from pricing.models import PriceNotice
from pricing.notices.texts import Text

# They take every message and deliver none.
REACH_NOBODY = ("console", "dummy", "filebased")
# The provider did not take it and says so; nothing is wrong with the message.
NOT_TAKEN_STATUS = (401, 403, 408, 425, 429, 503)
NOT_TAKEN = (
    requests.ConnectTimeout,
    ConnectionRefusedError,
    socket.gaierror,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
)
REFUSED = (AnymailRecipientsRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused)


class Outcome(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The provider will not have this message: a person has to look at it."""
    NOT_TAKEN = "not taken"
    """The provider takes nothing just now. Certainly not sent; the next message would fare no better."""
    UNKNOWN = "unknown"
    """It may or may not have been sent."""


@dataclass(frozen=True)
class Answer:
    outcome: Outcome
    provider_id: str = ""
    words: str = ""


def hand_over(notice: PriceNotice, text: Text, connection: BaseEmailBackend) -> Answer:
    """Send one notice. Never raises for what mail does; what the process dies of stays unknown."""
    message = message_for(notice, text, connection)
    try:
        number = message.send()
    except Exception as trouble:
        return Answer(outcome_of(trouble), words=words_of(trouble))
    status = getattr(message, "anymail_status", None)
    if status is not None and status.status is not None:
        if not status.status & {"sent", "queued", "unknown"}:
            return Answer(Outcome.REFUSED, words=f"the provider says {', '.join(sorted(status.status))}")
        return Answer(Outcome.ACCEPTED, provider_id=str(status.message_id or ""))
    if not number:
        return Answer(Outcome.REFUSED, words="the mail server took no recipient")
    return Answer(Outcome.ACCEPTED, provider_id=message.extra_headers["Message-ID"])


def message_for(notice: PriceNotice, text: Text, connection: BaseEmailBackend) -> EmailMultiAlternatives:
    """Its Message-ID is that of its round, and with Resend its idempotency key too: sent twice, it arrives once."""
    message = EmailMultiAlternatives(
        text.subject,
        text.body,
        from_email=settings.PRICE_NOTICE_FROM or None,
        to=[notice.email],
        reply_to=settings.PRICE_NOTICE_REPLY_TO,
        headers={"Message-ID": f"<{notice.pk}.{notice.round}@notices.circletel>"},
        connection=connection,
    )
    message.attach_alternative(text.html, "text/html")
    # How an event of the provider finds its notice when the answer to the call was lost.
    message.metadata = {"notice": str(notice.pk), "round": notice.round}  # type: ignore[attr-defined]
    return message


def nobody_reached() -> str:
    """Why nothing would arrive anywhere with these settings; empty when it would."""
    backend = settings.EMAIL_BACKEND
    if not settings.DEMO and any(f".{name}." in backend for name in REACH_NOBODY):
        return "no mail provider is set up: EMAIL_URL and the settings beside it name one"
    return ""


def outcome_of(trouble: BaseException) -> Outcome:
    """What is known of a message whose sending raised `trouble`."""
    if isinstance(trouble, REFUSED):
        return Outcome.REFUSED
    if isinstance(trouble, AnymailAPIError) and trouble.status_code:
        if trouble.status_code in NOT_TAKEN_STATUS:
            return Outcome.NOT_TAKEN
        return Outcome.REFUSED if 400 <= trouble.status_code < 500 else Outcome.UNKNOWN
    if any(isinstance(cause, NOT_TAKEN) for cause in _causes(trouble)):
        return Outcome.NOT_TAKEN
    if isinstance(trouble, smtplib.SMTPResponseException):
        return Outcome.REFUSED if trouble.smtp_code >= 500 else Outcome.NOT_TAKEN
    if isinstance(trouble, requests.RequestException | OSError | smtplib.SMTPException):
        return Outcome.UNKNOWN
    # Not a matter of the wire: the message could not be made at all.
    return Outcome.REFUSED if isinstance(trouble, AnymailError | ValueError) else Outcome.UNKNOWN


def _causes(trouble: BaseException) -> list[BaseException]:
    """The trouble itself and what lies beneath it, down to the socket."""
    found: list[BaseException] = []
    beneath: list[Any] = [trouble]
    while beneath:
        one = beneath.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            beneath += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
