"""The doors of the window. Thin: read the query, ask the collection, show what it answers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpResponse
from rest_framework.exceptions import APIException, NotAuthenticated, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from catalogue.models import TmfDraft
from catalogue.tmf620 import collections, drafts, hub, queries
from catalogue.tmf620.dialects import V4, Dialect, Kind, Rendering, public_url
from catalogue.tmf620.errors import InvalidBody, NotFound, as_tmf_error
from catalogue.tmf620.matching import filtered
from catalogue.tmf620.queries import Query
from catalogue.tmf620.values import Document
from circletel.core.rest.authentication import PasswordAuthentication, TokenAuthentication
from circletel.core.rest.negotiation import AlwaysJson

CONTENT_TYPE = "application/json; charset=utf-8"
LARGEST_BODY = 1_000_000


class BodyTooLarge(APIException):
    status_code = 413
    default_detail = f"A body holds at most {LARGEST_BODY} bytes."


class TmfJsonParser(JSONParser):
    """JSON, read so that no body can bring the server down."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_BODY:
            raise BodyTooLarge()
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None


class MergePatchParser(TmfJsonParser):
    media_type = "application/merge-patch+json"


class TmfJson(JSONRenderer):
    charset = "utf-8"


class TmfView(APIView):
    """One kind of resource in one version. Reading is open to all."""

    dialect: Dialect = V4
    kind: Kind = Kind.OFFERING
    # Basic comes first: its challenge is what an anonymous writer is answered with.
    authentication_classes: list[Any] = [
        PasswordAuthentication,
        TokenAuthentication,
        *api_settings.DEFAULT_AUTHENTICATION_CLASSES,
    ]
    permission_classes = [AllowAny]
    parser_classes = [TmfJsonParser, MergePatchParser]
    renderer_classes = [TmfJson]
    content_negotiation_class = AlwaysJson
    # `catalogue.tmf620.openapi` describes this window.
    schema = None

    def get_exception_handler(self) -> Callable[..., Any]:
        return as_tmf_error

    def rendering(self) -> Rendering:
        return Rendering(self.dialect, public_url() or self.request.build_absolute_uri("/").rstrip("/"))

    def drafts(self) -> bool:
        """Whether drafts of this kind can be written, and are seen by who asks."""
        return self.kind in drafts.WRITABLE and self.request.user.has_perm("catalogue.view_product")

    def writer(self) -> User:
        """Raises NotAuthenticated for the anonymous. What the writer may do, the services check."""
        if not self.request.user.is_authenticated:
            raise NotAuthenticated("Log in to write here: HTTP Basic, an API token or a session.")
        return self.request.user


class ListView(TmfView):
    http_method_names = ["get", "head", "options", "post"]

    def post(self, request: Request) -> Response:
        draft = drafts.create(self.kind, request.data, actor=self.writer(), dialect=self.dialect)
        document = drafts.document(draft, self.rendering())
        return Response(document, status=201, headers={"Location": document["href"]})

    def get(self, request: Request) -> HttpResponse:
        query = queries.read(request.query_params)
        shown, total = self._page_of(query)
        rest = query.offset + len(shown) < total
        response = HttpResponse(
            f"[{','.join(shown)}]",
            status=206 if rest and query.asks_for_a_page else 200,
            content_type=CONTENT_TYPE,
        )
        response["X-Total-Count"] = str(total)
        response["X-Result-Count"] = str(len(shown))
        if link := self._links(query, total):
            response["Link"] = link
        return response

    def _page_of(self, query: Query) -> tuple[list[str], int]:
        """Each resource of the page as JSON, and how many there are on all pages.

        Drafts, for who may see them, come before what is on sale; each part is sorted by itself.
        """
        rendering = self.rendering()
        unsold = filtered(drafts.documents(self.kind, rendering), query) if self.drafts() else []
        part = unsold[query.offset : query.offset + query.limit]
        offset, limit = max(query.offset - len(unsold), 0), query.limit - len(part)
        sold, total = collections.page(self.kind, query, rendering, offset, limit)
        return [*collections.as_texts(part, query, rendering), *sold], len(unsold) + total

    def _links(self, query: Query, total: int) -> str:
        """Where the other pages are; empty when this is all there is."""
        if query.limit == 0 or (total <= query.limit and query.offset == 0):
            return ""
        last = max((total - 1) // query.limit * query.limit, 0)
        offsets = {"self": query.offset, "first": 0, "last": last}
        if query.offset + query.limit < total:
            offsets["next"] = query.offset + query.limit
        if query.offset > 0:
            offsets["prev"] = max(query.offset - query.limit, 0)
        return ", ".join(
            f'<{self._page(offset, query.limit)}>; rel="{name}"' for name, offset in offsets.items()
        )

    def _page(self, offset: int, limit: int) -> str:
        rest = [
            (name, value)
            for name, values in self.request.query_params.lists()
            for value in values
            if name not in ("offset", "limit")
        ]
        path = self.request.build_absolute_uri(self.request.path)
        return f"{path}?{urlencode([*rest, ('offset', offset), ('limit', limit)])}"


class ItemView(TmfView):
    http_method_names = ["get", "head", "options", "patch", "delete"]

    def get(self, request: Request, id: str) -> Response:
        query = queries.read_fields(request.query_params)
        document = self._document(id)
        return Response(queries.chosen(document, query.fields, self.dialect.always))

    def patch(self, request: Request, id: str) -> Response:
        written = drafts.edit(self.kind, id, request.data, actor=self.writer(), dialect=self.dialect)
        if isinstance(written, TmfDraft):
            return Response(drafts.document(written, self.rendering()))
        return Response({**self._document(id), "statusReason": drafts.EDIT_WAITS})

    def delete(self, request: Request, id: str) -> Response:
        drafts.delete(self.kind, id, actor=self.writer(), dialect=self.dialect)
        return Response(status=204)

    def _document(self, id: str) -> Document:
        rendering = self.rendering()
        draft = drafts.find(self.kind, id, self.dialect) if self.drafts() else None
        document = drafts.document(draft, rendering) if draft else collections.find(self.kind, id, rendering)
        if document is None:
            raise NotFound(f"There is no {self.dialect.name(self.kind)} with the id {id[:80]}.")
        return document


class HubView(TmfView):
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> Response:
        body = request.data
        if not isinstance(body, dict) or not isinstance(body.get("callback"), str):
            raise InvalidBody("callback is missing: the address that events are sent to.")
        query = body.get("query") or ""
        if not isinstance(query, str) or len(query) > 1000 or "\0" in query:
            raise InvalidBody("query expects a text such as eventType=ProductOfferingCreateEvent.")
        listener = hub.register(body["callback"], query, actor=self.writer(), dialect=self.dialect)
        href = request.build_absolute_uri(f"{self.dialect.path}/hub/{listener.pk}")
        shown = hub.document(listener, href, self.dialect)
        return Response(shown, status=201, headers={"Location": href})


class ListenerView(TmfView):
    http_method_names = ["delete", "options"]

    def delete(self, request: Request, id: str) -> Response:
        hub.unregister(id, actor=self.writer(), dialect=self.dialect)
        return Response(status=204)
