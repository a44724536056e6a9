"""How much Zoho lets one organisation do. A refused call costs nothing but is refused all the same.

Times here are the real clock's: moving the sandbox's calendar must not free anybody's quota.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .clock import ORGANISATION_ZONE
from .settings import Settings
from .store import Store

DAY = 86_400
HOUR = 3_600


class LimitReached(Exception):
    """The call is refused; `code` is the system's own name or number for the limit."""

    def __init__(self, code: int | str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BillingLimits:
    """Per minute (44), per day (45) and at once (1070), per organisation. Zoho Billing API: introduction.

    The day is the organisation's civil day: when Zoho really starts a new one is not documented.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._minute: deque[float] = deque()
        self.running = 0

    def reset(self) -> None:
        self._minute.clear()

    def check_and_count(self) -> None:
        """Count this call, or refuse it."""
        now = time.time()
        used = self._used_today()
        if now < used["blocked_until"]:
            raise self._minute_limit()
        if self._settings.billing_per_day and used["count"] >= self._settings.billing_per_day:
            raise LimitReached(
                45, "The API call for this organization has exceeded the maximum call rate limit per day."
            )
        self._forget_before(now - 60)
        if self._settings.billing_per_minute and len(self._minute) >= self._settings.billing_per_minute:
            blocked_until = now + self._settings.billing_block_seconds
            self._store.set_value("billing_use", {**used, "blocked_until": blocked_until})
            self._minute.clear()
            raise self._minute_limit()
        self._minute.append(now)
        self._store.set_value("billing_use", {**used, "count": used["count"] + 1})

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the places for calls at the same time."""
        if self._settings.billing_concurrency and self.running >= self._settings.billing_concurrency:
            raise LimitReached(
                1070, "The maximum number of in process requests has been reached. Try again later."
            )
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def as_json(self) -> dict[str, Any]:
        used = self._used_today()
        self._forget_before(time.time() - 60)
        return {
            "this_minute": len(self._minute),
            "per_minute": self._settings.billing_per_minute,
            "today": used["count"],
            "per_day": self._settings.billing_per_day,
            "running": self.running,
            "concurrency": self._settings.billing_concurrency,
            "blocked_seconds": max(0, round(used["blocked_until"] - time.time())),
        }

    def _used_today(self) -> dict[str, Any]:
        today = datetime.now(ORGANISATION_ZONE).date().isoformat()
        used = self._store.values.get("billing_use", {})
        blocked_until = used.get("blocked_until", 0)
        return (
            used if used.get("day") == today else {"day": today, "count": 0, "blocked_until": blocked_until}
        )

    def _forget_before(self, moment: float) -> None:
        while self._minute and self._minute[0] <= moment:
            self._minute.popleft()

    def _minute_limit(self) -> LimitReached:
        return LimitReached(
            44,
            "For security reasons you have been blocked for some time as you have exceeded "
            "the maximum number of requests per minute that can be made from one account.",
        )


class CrmLimits:
    """Credits per rolling 24 hours and calls at once, with a smaller circle for heavy calls.

    Zoho CRM API: "API Limits". Which limit was hit, a 429 does not say. Used credits are kept by the hour.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.running = 0
        self.running_heavy = 0

    def reset(self) -> None:
        """Nothing to do: the credits used are a stored value, and went with the others."""

    def spend(self, credits: int) -> None:
        if self._settings.crm_credits and self.used() + credits > self._settings.crm_credits:
            raise too_many_requests()
        hours = self._recent_hours()
        this_hour = str(int(time.time() // HOUR))
        hours[this_hour] = hours.get(this_hour, 0) + credits
        self._store.set_value("crm_credits", hours)

    @contextmanager
    def slot(self, heavy: bool) -> Iterator[None]:
        full = self._settings.crm_concurrency and self.running >= self._settings.crm_concurrency
        heavy_limit = self._settings.crm_heavy_concurrency
        if full or (heavy and heavy_limit and self.running_heavy >= heavy_limit):
            raise too_many_requests()
        self.running += 1
        self.running_heavy += heavy
        try:
            yield
        finally:
            self.running -= 1
            self.running_heavy -= heavy

    def used(self) -> int:
        return sum(self._recent_hours().values())

    def headers(self) -> dict[str, str]:
        """`X-API-CREDITS-REMAINING` shows up only once half of the credits are gone."""
        limit = self._settings.crm_credits
        if not limit or self.used() * 2 < limit:
            return {}
        return {"X-API-CREDITS-REMAINING": str(limit - self.used())}

    def as_json(self) -> dict[str, Any]:
        return {
            "credits_used": self.used(),
            "credits": self._settings.crm_credits,
            "running": self.running,
            "concurrency": self._settings.crm_concurrency,
            "running_heavy": self.running_heavy,
            "heavy_concurrency": self._settings.crm_heavy_concurrency,
        }

    def _recent_hours(self) -> dict[str, int]:
        oldest = (time.time() - DAY) // HOUR
        return {
            hour: n for hour, n in self._store.values.get("crm_credits", {}).items() if int(hour) > oldest
        }


def too_many_requests() -> LimitReached:
    return LimitReached("TOO_MANY_REQUESTS", "You have made too many requests. Please try again later.")
