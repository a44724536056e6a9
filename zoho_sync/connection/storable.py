"""What Zoho says, made fit to be kept: without secrets, and without what PostgreSQL refuses."""

import math
from typing import Any

from circletel.core.secrecy import hide

SECRETS = ("token", "secret", "password", "authorization")


def storable_text(text: str) -> str:
    """`text` without secrets and without what PostgreSQL refuses: NUL and half surrogate pairs."""
    return hide(text).replace("\x00", "").encode("utf-8", "replace").decode()


def clean(value: Any) -> Any:
    """JSON of any depth without secrets, as PostgreSQL can hold it."""
    match value:
        case dict():
            return {
                storable_text(str(key)): "…" if _is_secret(str(key)) else clean(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [clean(item) for item in value]
        case str():
            return storable_text(value)
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def _is_secret(key: str) -> bool:
    # `next_page_token` and the like are no secrets, but nobody misses them either.
    return any(word in key.lower() for word in SECRETS)
