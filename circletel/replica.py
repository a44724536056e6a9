"""What the storefront reads may come from a replica: STOREFRONT_DATABASE_URL. Everything else asks the primary."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

ALIAS = "storefront"
PATHS = ("/api/v1/packages/",)
_from_replica: ContextVar[bool] = ContextVar("from_replica", default=False)


class ReplicaMiddleware:
    """Marks requests that only read what is on sale. A replica is a moment behind, which caches are too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or not request.path_info.startswith(PATHS):
            return self.get_response(request)
        marked = _from_replica.set(True)
        try:
            return self.get_response(request)
        finally:
            _from_replica.reset(marked)


class ReplicaRouter:
    """Sends the reads of marked requests to the replica, where there is one. Nothing is ever written there."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if _from_replica.get() and ALIAS in settings.DATABASES else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None
