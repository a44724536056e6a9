"""What must never be read in a log, a row or on a page: our secrets, wherever they turn up."""

import math
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

HIDDEN = "…"
SECRET_SETTINGS = (
    "SECRET_KEY",
    "ZOHO_CLIENT_SECRET",
    "ZOHO_REFRESH_TOKEN",
    "SLACK_WEBHOOK_URL",
    "EMAIL_HOST_PASSWORD",
    "RESEND_API_KEY",
    "RESEND_WEBHOOK_SECRET",
    "METRICS_TOKEN",
    "SENTRY_DSN",
)
# Names in a body under which a caller proves itself. `next_page_token` is no secret, but nobody misses it either.
SECRET_KEYS = ("token", "secret", "password", "authorization")
# Shorter ones would make every other word disappear.
SHORTEST = 8
# Zoho's tokens, and whatever travels behind the word that announces a credential.
_TOKENS = re.compile(
    r"\b1000\.[0-9a-f]{16,}\.[0-9a-f]{16,}|(?<=Zoho-oauthtoken )[^\s\"',}]+|(?<=Bearer )[^\s\"',}]+"
)
_PEOPLE = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


def hide(text: str) -> str:
    """`text` without our secrets, tokens of Zoho's, and what PostgreSQL refuses: NUL and half surrogate pairs."""
    text = text.replace("\x00", "").encode("utf-8", "replace").decode()
    if len(text) < SHORTEST:
        return text
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    return _TOKENS.sub(HIDDEN, text)


def hide_people(text: str) -> str:
    """`text` without e-mail addresses."""
    return _PEOPLE.sub(HIDDEN, text)


def hidden(value: Any) -> Any:
    """JSON of any depth without secrets, as PostgreSQL can hold it."""
    match value:
        case str():
            return hide(value)
        case dict():
            return {
                hide(str(key)): HIDDEN if item and _is_secret(str(key)) else hidden(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [hidden(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_KEYS)


def _secrets() -> tuple[str, ...]:
    return _secrets_of_settings() if settings.configured else ()


@cache
def _secrets_of_settings() -> tuple[str, ...]:
    """Collected once: it is asked of each text in each answer of Zoho's."""
    found = [str(getattr(settings, name, "") or "") for name in SECRET_SETTINGS]
    # The end of a webhook's path is what makes it secret.
    found.append(urlsplit(str(getattr(settings, "SLACK_WEBHOOK_URL", "") or "")).path.rpartition("/")[2])
    found.append(str(settings.DATABASES["default"].get("PASSWORD") or ""))
    return tuple(secret for secret in found if len(secret) >= SHORTEST)


@receiver(setting_changed)
def _settings_changed(**_: Any) -> None:
    _secrets_of_settings.cache_clear()
