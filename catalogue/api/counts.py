"""What there is to choose from: categories, providers and segments of what is on sale, with how many packages each."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from catalogue.api import asked, examples
from catalogue.api.asked import FILTERS
from catalogue.api.views import INVALID, described, shelf_of
from catalogue.api.window import Moment, StorefrontView
from catalogue.storefront.document import as_json
from catalogue.storefront.reading import counts
from circletel.core.rest.parameters import ensure_understood

_FIELDS = {name: parameter.field for name, parameter in FILTERS.items()}


class CountSerializer(serializers.Serializer):
    value = serializers.CharField(help_text="As the filter of that name takes it.")
    packages = serializers.IntegerField(help_text="How many packages on sale have it.")


class CountsSerializer(serializers.Serializer):
    """Without regard to case, in the order of the alphabet."""

    results = CountSerializer(many=True)


class CountsView(StorefrontView):
    column = ""

    def body(self, request: HttpRequest, moment: Moment, **kwargs: Any) -> bytes:
        values = ensure_understood(request.GET, _FIELDS)
        found = counts(shelf_of(values, moment), asked.conditions(values), self.column)
        return as_json({"results": [{"value": value, "packages": n} for value, n in found]}).encode()


def _described(what: str, column: str) -> Any:
    example = {"results": [{"value": examples.PACKAGE[column], "packages": 12}]}
    return extend_schema(
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


class CategoriesView(CountsView):
    column = "category"

    @_described("categories", "category")
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request, {})


class ProvidersView(CountsView):
    column = "provider"

    @_described("providers", "provider")
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request, {})


class SegmentsView(CountsView):
    column = "market_segment"

    @_described("segments", "market_segment")
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request, {})
