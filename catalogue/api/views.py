"""The storefront's window: what is on sale now, read by anyone, changed by nobody."""

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers

from catalogue.api import asked, cursors, examples
from catalogue.api.asked import FIELDS, FILTERS, NARROWING, ORDERING, Parameter, Values
from catalogue.api.problems import AmbiguousSku, NotOnSale
from catalogue.api.serializers import (
    AmbiguousSkuSerializer,
    InvalidParametersSerializer,
    PackageSerializer,
    PaginatedPackageListSerializer,
)
from catalogue.api.window import Moment, StorefrontView
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.document import PUBLIC_FIELDS, as_json
from catalogue.storefront.reading import Row, Shelf, counts, read
from circletel.core.rest.parameters import ensure_understood
from circletel.core.rest.problems import CONTENT_TYPE, NothingHere
from circletel.core.rest.serializers import ProblemSerializer

LIST_PARAMETERS: dict[str, Parameter] = {**FILTERS, "ordering": ORDERING, "fields": FIELDS, **cursors.PAGES}
DETAIL_PARAMETERS: dict[str, Parameter] = {**NARROWING, "fields": FIELDS}
# More than an SKU could mean to anybody: as many segments and providers as there can be.
MOST_CHOICES = 100


def problem(status: int, serializer: type, description: str, example: dict[str, Any]) -> dict[Any, Any]:
    response = OpenApiResponse(serializer, description, examples.example(example["title"], example))
    return {(status, CONTENT_TYPE): response}


INVALID = problem(
    400,
    InvalidParametersSerializer,
    "A parameter is unknown, repeated, or has a value that is not understood; every one of them is named.",
    examples.INVALID,
)
NOT_ON_SALE = problem(404, ProblemSerializer, "Unknown, not yet or no longer on sale.", examples.NOT_ON_SALE)
AMBIGUOUS = problem(
    409,
    AmbiguousSkuSerializer,
    "The SKU is on sale in several segments or with several providers; all of them are listed.",
    examples.AMBIGUOUS,
)
UNAVAILABLE = problem(
    503, ProblemSerializer, "Prices cannot be quoted; try again later.", examples.UNAVAILABLE
)
_PACKAGE = OpenApiResponse(
    PackageSerializer, "Packages on sale now.", examples.example("SkyFibre Home Lite 50", examples.PACKAGE)
)
_PAGE = OpenApiResponse(
    PaginatedPackageListSerializer, "Packages on sale now.", examples.example("A page", examples.PAGE)
)


def described(parameters: dict[str, Parameter]) -> list[OpenApiParameter]:
    return [parameter.described(name) for name, parameter in parameters.items()]


def shelf_of(values: Values, moment: Moment) -> Shelf:
    """What is on sale now, or at the instant asked for."""
    at = values.get("as_of") or moment.now
    return Shelf(moment.now, at, moment.epoch.vat_rate)


def shown(row: Row, fields: Sequence[str]) -> bytes:
    """The whole document, or these fields of it in their usual order."""
    if not fields:
        return row.text
    document = json.loads(row.text)
    return as_json({name: document[name] for name in PUBLIC_FIELDS if name in fields}).encode()


class PackageListView(StorefrontView):
    @extend_schema(
        operation_id="listPackages",
        summary="What is on sale now",
        description=(
            "Packages that a new customer can order at this instant, with the price such a customer pays."
            " Filters narrow each other; several values of one filter widen it. Empty parameters are ignored,"
            " unknown ones refused."
        ),
        tags=["packages"],
        parameters=described(LIST_PARAMETERS),
        responses={200: _PAGE, **INVALID, **UNAVAILABLE},
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.kept_answer(request)

    def body(self, request: HttpRequest, moment: Moment, **kwargs: Any) -> tuple[bytes, int | None]:
        values = ensure_understood(request.GET, LIST_PARAMETERS)
        shelf, terms = shelf_of(values, moment), asked.ordering(values)
        keys = asked.keys(terms, values, shelf.id)
        url = request.build_absolute_uri()
        page = cursors.page(shelf, asked.conditions(values), terms, keys, values, url)
        fields = values["fields"]
        results = b",".join([shown(row, fields) for row in page.rows])
        head = as_json({"count": page.total, "next": page.next, "previous": page.previous})
        return b'%s,"results":[%s]}' % (head[:-1].encode(), results), page.revision


class PackageView(StorefrontView):
    @extend_schema(
        operation_id="getPackage",
        summary="One package on sale now",
        description=(
            "By slug, or by SKU without regard to case. A slug always leads to its own package and is tried"
            " first. An SKU that is on sale in several segments or with several providers is answered with"
            " 409 and the slugs to choose from, unless market_segment and provider leave only one."
        ),
        tags=["packages"],
        parameters=[
            OpenApiParameter(
                "sku_or_slug",
                OpenApiTypes.STR,
                OpenApiParameter.PATH,
                description="Slug or SKU. A slash in an SKU may stand as it is or as %2F.",
                examples=[examples.path_example("By slug", "slug"), examples.path_example("By SKU", "sku")],
            ),
            *described(DETAIL_PARAMETERS),
        ],
        responses={200: _PACKAGE, **INVALID, **NOT_ON_SALE, **AMBIGUOUS, **UNAVAILABLE},
    )
    def get(self, request: HttpRequest, sku_or_slug: str) -> HttpResponse:
        return self.kept_answer(request, sku_or_slug=sku_or_slug)

    def body(self, request: HttpRequest, moment: Moment, **kwargs: Any) -> tuple[bytes, int | None]:
        # Refuses unknown parameters even where there is no such package.
        values, reference = ensure_understood(request.GET, DETAIL_PARAMETERS), kwargs["sku_or_slug"]
        if "\0" in reference:  # which PostgreSQL cannot even compare
            raise NotOnSale()
        named = Where("(p.slug = %s OR upper(p.sku) = upper(%s))", (reference, reference))
        shelf = shelf_of(values, moment)
        found = read(shelf, [named, *asked.conditions(values)], [Key("p.slug", "text")], limit=MOST_CHOICES)
        row = _the_one(found.rows, reference)
        return shown(row, values["fields"]), found.revision


def _the_one(rows: Sequence[Row], reference: str) -> Row:
    """A slug stays the address of its package, even when another is sold under an SKU spelt the same."""
    rows = [row for row in rows if row.slug == reference] or rows
    if not rows:
        raise NotOnSale()
    if len(rows) > 1:
        raise AmbiguousSku([row.choice for row in rows])
    return rows[0]


# --- what there is to choose from


class CountSerializer(serializers.Serializer):
    value = serializers.CharField(help_text="As the filter of that name takes it.")
    packages = serializers.IntegerField(help_text="How many packages on sale have it.")


class CountsSerializer(serializers.Serializer):
    """Without regard to case, in the order of the alphabet."""

    results = CountSerializer(many=True)


class CountsView(StorefrontView):
    column = ""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.kept_answer(request)

    def body(self, request: HttpRequest, moment: Moment, **kwargs: Any) -> tuple[bytes, int | None]:
        values = ensure_understood(request.GET, FILTERS)
        found = counts(shelf_of(values, moment), asked.conditions(values), self.column)
        results = [{"value": value, "packages": n} for value, n in found]
        return as_json({"results": results}).encode(), None


def _counted(what: str, column: str) -> Any:
    example = {"results": [{"value": examples.PACKAGE[column], "packages": 12}]}
    get = extend_schema(
        operation_id=f"list{what.capitalize()}",
        summary=f"The {what} of what is on sale now",
        description=f"With how many packages each. Filters narrow as they do packages; those of {what} too.",
        tags=["packages"],
        parameters=described(FILTERS),
        responses={
            200: OpenApiResponse(CountsSerializer, "One for each.", examples.example(what, example)),
            **INVALID,
        },
    )
    return extend_schema_view(get=get)


@_counted("categories", "category")
class CategoriesView(CountsView):
    column = "category"


@_counted("providers", "provider")
class ProvidersView(CountsView):
    column = "provider"


@_counted("segments", "market_segment")
class SegmentsView(CountsView):
    column = "market_segment"


class NowhereView(StorefrontView):
    """Every other address below /api/v1/: refused in the same form."""

    schema = None

    def get(self, request: HttpRequest, rest: str) -> HttpResponse:
        raise NothingHere()
