"""One ZohoSyncLog row per call: what was sent, what came back, secrets removed."""

import json
import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from circletel.origin import current_origin
from circletel.secrecy import hide
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import ZohoSyncLog

SECRETS = ("token", "secret", "password", "authorization")
LONGEST_BODY = 200_000


def begin_log(
    *,
    system: str,
    method: str,
    path: str,
    request: Any,
    packages: Sequence[UUID] = (),
    records: int = 0,
    attempt: int = 1,
) -> UUID:
    """Write a call down before it leaves: a worker that dies meanwhile leaves a row without an answer."""
    return ZohoSyncLog.objects.create(
        system=system,
        method=method,
        path=hide(path)[:300],
        packages=list(packages),
        records=records,
        request=storable(request),
        attempt=attempt,
        correlation_id=current_origin().correlation_id,
    ).pk


def end_log(
    pk: UUID, *, response: Any, http_status: int | None, error: ZohoError | None, seconds: float
) -> None:
    ZohoSyncLog.objects.filter(pk=pk).update(
        response=storable(response),
        http_status=http_status,
        error_class=type(error).__name__ if error else "",
        error=storable_text(str(error)) if error else "",
        duration_ms=round(seconds * 1000),
    )


def storable(body: Any) -> Any:
    """`body` without secrets, as PostgreSQL's JSON can hold it, cut where it is very long."""
    clean = _clean(body)
    text = json.dumps(clean)
    return (
        clean if len(text) <= LONGEST_BODY else {"cut_after_characters": LONGEST_BODY, "begins": text[:2000]}
    )


def storable_text(text: str) -> str:
    """`text` without secrets and without what PostgreSQL refuses: NUL and half surrogate pairs."""
    return hide(text).replace("\x00", "").encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    match value:
        case dict():
            return {
                storable_text(str(key)): "…" if _is_secret(str(key)) else _clean(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [_clean(item) for item in value]
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
