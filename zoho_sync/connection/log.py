"""One ZohoSyncLog row per call: what was sent, what came back, secrets removed."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from circletel.core.origin import current_origin
from circletel.core.secrecy import hidden, hide
from zoho_sync.connection.errors import ZohoError
from zoho_sync.models import ZohoSyncLog

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
        error=hide(str(error)) if error else "",
        duration_ms=round(seconds * 1000),
    )


def storable(body: Any) -> Any:
    """`body` without secrets, as PostgreSQL's JSON can hold it, cut where it is very long.

    What JSON does not know is text: no call may fail because it cannot be written down.
    """
    text = json.dumps(hidden(body), default=str)
    if len(text) > LONGEST_BODY:
        return {"cut_after_characters": LONGEST_BODY, "begins": text[:2000]}
    return json.loads(text)
