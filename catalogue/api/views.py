"""The storefront's window: what is on sale now, read by anyone, changed by nobody."""

from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from catalogue.api import examples, parameters, problems
from catalogue.api.filters import NarrowingFilter, PackageFilter, StrictFilterBackend
from catalogue.api.pages import Pages
from catalogue.api.problems import AmbiguousSku, NotOnSale
from catalogue.api.serializers import (
    AmbiguousSkuSerializer,
    InvalidParametersSerializer,
    PackageSerializer,
    ProblemSerializer,
    Quotation,
)
from catalogue.models import ServicePackage
from catalogue.versions import on_sale_at


class AlwaysJson(DefaultContentNegotiation):
    """One representation, whatever is accepted; and `format` is an unknown parameter like any other."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def _problem(status: int, serializer: type, description: str, example: dict[str, Any]) -> dict[Any, Any]:
    response = OpenApiResponse(serializer, description, examples.example(example["title"], example))
    return {(status, problems.CONTENT_TYPE): response}


_INVALID = _problem(
    400,
    InvalidParametersSerializer,
    "A parameter is unknown, repeated, or has a value that is not understood; every one of them is named.",
    examples.INVALID,
)
_NOT_ON_SALE = _problem(
    404, ProblemSerializer, "Unknown, not yet or no longer on sale.", examples.NOT_ON_SALE
)
_AMBIGUOUS = _problem(
    409,
    AmbiguousSkuSerializer,
    "The SKU is on sale in several segments or with several providers; all of them are listed.",
    examples.AMBIGUOUS,
)
_UNAVAILABLE = _problem(
    503, ProblemSerializer, "Prices cannot be quoted; try again later.", examples.UNAVAILABLE
)
_PACKAGE = OpenApiResponse(
    PackageSerializer, "Packages on sale now.", examples.example("SkyFibre Home Lite 50", examples.PACKAGE)
)


class StorefrontView(generics.GenericAPIView):
    """Packages on sale at the instant of the request, priced at that instant."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head", "options"]
    filter_backends = [StrictFilterBackend]
    serializer_class = PackageSerializer
    queryset = ServicePackage.objects.none()

    @cached_property
    def quotation(self) -> Quotation:
        """Of now, or of the instant asked for. What is no instant is refused with the other parameters."""
        asked = self.request.query_params.get("as_of", "").strip()
        try:
            return Quotation(as_of=parameters.instant(asked) if asked else None)
        except ValueError:
            return Quotation()

    def get_queryset(self) -> QuerySet[ServicePackage]:
        # As `ServicePackage.current_price`, for the database to filter and sort by.
        price_now = Coalesce("new_customer_price", "price")
        return on_sale_at(self.quotation.at, now=self.quotation.now).alias(price_now=price_now)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "quotation": self.quotation}


class PackageListView(StorefrontView, generics.ListAPIView):
    filterset_class = PackageFilter
    pagination_class = Pages

    @extend_schema(
        operation_id="listPackages",
        summary="What is on sale now",
        description=(
            "Packages that a new customer can order at this instant, with the price such a customer pays."
            " Filters narrow each other; several values of one filter widen it. Empty parameters are ignored,"
            " unknown ones refused."
        ),
        tags=["packages"],
        responses={200: _PACKAGE, **_INVALID, **_UNAVAILABLE},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)


class PackageView(StorefrontView, generics.RetrieveAPIView):
    filterset_class = NarrowingFilter
    pagination_class = None

    def get_object(self) -> ServicePackage:
        """By slug, or else by SKU without regard to case. Raises NotOnSale or AmbiguousSku."""
        # Refuses unknown parameters even where there is no such package.
        on_sale = self.filter_queryset(self.get_queryset())
        reference = self.kwargs["sku_or_slug"]
        if "\0" in reference:  # which PostgreSQL cannot even compare
            raise NotOnSale()
        found = list(on_sale.filter(Q(slug=reference) | Q(sku__iexact=reference)).order_by("slug"))
        # A slug stays the address of its package, even when another is sold under an SKU spelt the same.
        found = [package for package in found if package.slug == reference] or found
        if not found:
            raise NotOnSale()
        if len(found) > 1:
            raise AmbiguousSku(found)
        return found[0]

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
            *(
                OpenApiParameter(name, parameter.schema, description=parameter.description)
                for name, parameter in NarrowingFilter.base_filters.items()
            ),
        ],
        responses={200: _PACKAGE, **_INVALID, **_NOT_ON_SALE, **_AMBIGUOUS, **_UNAVAILABLE},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)
