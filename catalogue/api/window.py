"""What all doors of the storefront have in common: read by anyone, answered as JSON, kept as long as it is true."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import get_conditional_response
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from catalogue.api import problems
from catalogue.storefront import epoch as epochs
from catalogue.storefront.document import as_json
from catalogue.storefront.epoch import Epoch
from catalogue.storefront.kept import Kept
from circletel.core.rest.negotiation import AlwaysJson
from circletel.core.rest.problems import CONTENT_TYPE

JSON = "application/json"
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")
# For so many seconds others may keep an answer without asking; never past the next known change.
MAX_AGE_SECONDS = 60
# What each process keeps of answers already made.
kept = Kept(32 * 1024 * 1024)


class Throttle(SimpleRateThrottle):
    """So many requests from one address, as STOREFRONT_THROTTLE says."""

    scope = "storefront"

    def get_rate(self) -> str | None:
        return settings.STOREFRONT_THROTTLE or None

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"storefront-throttle:{self.get_ident(request)}"


@dataclass(frozen=True)
class Moment:
    """The one instant, and the one state of the catalogue, that an answer rests on."""

    now: datetime
    epoch: Epoch


class StorefrontView(APIView):
    """GET and HEAD go straight to `get`; REST framework does the rest."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head", "options"]

    def body(self, request: HttpRequest, moment: Moment, **kwargs: Any) -> tuple[bytes, int | None]:
        """What `kept_answer` answers, and the revision it was read at, if that is known. Raises Problem."""
        raise NotImplementedError

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response: Any
        if request.method in ("GET", "HEAD"):
            response = self._guarded(request, kwargs)
        else:
            response = super().dispatch(request, *args, **kwargs)
        if settings.STOREFRONT_CORS_ORIGINS:
            _allow_origin(request, response)
        return response

    def _guarded(self, request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponse:
        """Refusals as problem details; a bug of ours is Django's to report."""
        try:
            if settings.STOREFRONT_THROTTLE:
                throttle = Throttle()
                if not throttle.allow_request(request, self):  # type: ignore[arg-type]  # it reads META alone
                    self.throttled(request, throttle.wait() or 1)  # type: ignore[arg-type]
            response: HttpResponse = self.get(request, **kwargs)  # type: ignore[attr-defined]
            return response
        except Exception as error:
            refusal = problems.as_problem(error, {})
            if refusal is None:
                raise
            return _refused(refusal)

    def kept_answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        epoch, keeps = epochs.current(now)
        moment = Moment(now, epoch)
        if not keeps:
            return HttpResponse(self.body(request, moment, **kwargs)[0], content_type=JSON)
        # What lies behind the question mark is part of the address as it was written.
        address = (
            f"{request.scheme}://{request.get_host()}{request.path}?{request.META.get('QUERY_STRING', '')}"
        )
        tag = f'{epoch.etag[:-1]}-{zlib.crc32(address.encode("utf-8", "surrogatepass")):x}"'
        body = kept.get(epoch, address)
        if body is None:
            body, revision = self.body(request, moment, **kwargs)
            if revision not in (None, epoch.revision):
                # The catalogue moved on meanwhile: right, but not to be kept or tagged.
                return HttpResponse(body, content_type=JSON)
            kept.put(epoch, address, body)
        return _told(request, body, moment, tag)


def _told(request: HttpRequest, body: bytes, moment: Moment, tag: str) -> HttpResponse:
    """With how long it is certainly true, and how to ask whether it still is; without body for who asks and has it."""
    settled = moment.epoch.is_settled(moment.now)
    response: HttpResponse | None = None
    # Reading all these headers costs a twentieth of a repeated answer: most requests have none, or this one tag.
    if request.META.get("HTTP_IF_NONE_MATCH") == tag:
        response = HttpResponseNotModified()
    elif any(name in request.META for name in CONDITIONS):
        changed = int(moment.epoch.changed_at.timestamp()) if settled else None
        response = get_conditional_response(request, etag=tag, last_modified=changed)
    if response is None:
        response = HttpResponse(body, content_type=JSON)
    elif response.status_code == HTTPStatus.PRECONDITION_FAILED:
        return response
    left = epochs.seconds_left(moment.epoch, moment.now, MAX_AGE_SECONDS)
    response["Cache-Control"] = f"public, max-age={left}"
    response["ETag"] = tag
    if settled:
        response["Last-Modified"] = moment.epoch.last_modified
    return response


def _refused(refusal: Response) -> HttpResponse:
    response = HttpResponse(
        as_json(json.loads(JSONRenderer().render(refusal.data))),
        status=refusal.status_code,
        content_type=CONTENT_TYPE,
    )
    for name, value in refusal.headers.items():
        if name != "Content-Type":
            response[name] = value
    return response


def _allow_origin(request: HttpRequest, response: HttpResponse) -> None:
    """Pages of these origins may read it. Nothing here depends on who asks, so no credentials are ever allowed."""
    allowed, origin = settings.STOREFRONT_CORS_ORIGINS, request.META.get("HTTP_ORIGIN", "")
    everybody = "*" in allowed
    if not everybody:
        response["Vary"] = "Origin"
    if not origin or not (everybody or origin in allowed):
        return
    response["Access-Control-Allow-Origin"] = "*" if everybody else origin
    response["Access-Control-Expose-Headers"] = "ETag, Last-Modified, Retry-After"
    if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
        response["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        response["Access-Control-Allow-Headers"] = "If-None-Match, If-Modified-Since"
        response["Access-Control-Max-Age"] = "86400"
