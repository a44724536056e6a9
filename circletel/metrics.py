"""`/metrics` for Prometheus: what stands in the database and Redis, counted anew at each scrape, and request times.

Every web process answers with the same numbers. Request times are those of all processes of one web server,
which share a folder of their own for it (`share_request_times`, before anything else is imported).
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

if TYPE_CHECKING:
    from prometheus_client import Histogram

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
LOOPBACK = ("127.0.0.1", "::1")
BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10)


def share_request_times() -> None:
    """Have the processes of this web server count together. Removes what servers that are gone have left."""
    if os.environ.get(FOLDER):
        return
    root = Path(tempfile.gettempdir()) / f"circletel-metrics-{os.geteuid()}"
    # All workers of one server have the same parent; one that was started again joins the others.
    mine = root / str(os.getppid())
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in root.iterdir():
        if other.name.isdecimal() and not Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    os.environ[FOLDER] = str(mine)


_request_times: "Histogram | None" = None
_making = threading.Lock()


def request_times() -> "Histogram":
    """Made on first use: the library looks for the shared folder when it is imported."""
    global _request_times
    # Two first requests at once must not make it twice: the library refuses the second.
    with _making:
        if _request_times is None:
            from prometheus_client import Histogram, disable_created_metrics

            disable_created_metrics()
            _request_times = Histogram(
                "circletel_request_seconds",
                "How long requests took, by view.",
                ("method", "view", "status"),
                buckets=BUCKETS,
            )
        return _request_times


class TimingMiddleware:
    """Times each request under the name of its view; addresses and ids never become labels."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.monotonic()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name or match.route) if match else "none"
        method = (
            request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        )
        labels = (method, view, f"{response.status_code // 100}xx")
        request_times().labels(*labels).observe(time.monotonic() - begun)
        return response


def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever bears METRICS_TOKEN; without one, for staff and for this machine. 403 for others."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    from circletel.figures import Figures

    if not _may_read(request):
        return HttpResponse("Not for you: see METRICS_TOKEN.\n", status=403, content_type="text/plain")
    registry = CollectorRegistry(auto_describe=False)
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)
    else:
        registry.register(request_times())
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        offered = request.headers.get("Authorization", "")
        return constant_time_compare(offered, f"Bearer {settings.METRICS_TOKEN}")
    # What a proxy on this machine passes on comes from elsewhere.
    is_local = request.META.get("REMOTE_ADDR") in LOOPBACK and "X-Forwarded-For" not in request.headers
    return is_local or (request.user.is_authenticated and request.user.is_staff)
