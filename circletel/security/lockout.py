"""What somebody sees after too many failed log-ins."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def locked_out(
    request: HttpRequest, _response: Any, credentials: Any = None, *_: Any, **__: Any
) -> HttpResponse:
    """429 with how long it lasts and who can lift it."""
    minutes = round(settings.AXES_COOLOFF_TIME.total_seconds() / 60)
    context = {"failure_limit": settings.AXES_FAILURE_LIMIT, "minutes": minutes}
    return render(request, "circletel/locked_out.html", context, status=429)
