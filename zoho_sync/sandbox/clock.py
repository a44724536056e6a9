"""The time in the sandbox, and the two ways Zoho writes it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

# South Africa has no daylight saving, so its zone is a fixed offset and needs no zone database.
ORGANISATION_ZONE = timezone(timedelta(hours=2), "Africa/Johannesburg")


class Clock:
    """Now, as the organisation's calendar has it. `ahead` can move it forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(ORGANISATION_ZONE) + self.ahead


def crm_time(moment: datetime) -> str:
    """2026-03-01T09:30:00+02:00: CRM gives seconds, in the user's zone."""
    return moment.astimezone(ORGANISATION_ZONE).isoformat(timespec="seconds")


def billing_time(moment: datetime) -> str:
    """2026-03-01T09:30:00+0200: Billing writes the offset without a colon."""
    return moment.astimezone(ORGANISATION_ZONE).strftime("%Y-%m-%dT%H:%M:%S%z")


def parse_time(text: str) -> datetime | None:
    """An ISO 8601 instant; None when it is none, or has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
