"""Products over REST, for staff and the programs of the back office: described, moved on, published.

What can be done with one is declared in `catalogue.actions`, as for the admin; nothing is ever deleted.
"""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import Lower
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue import editing
from catalogue.actions import APPROVE, APPROVE_PRICING, ARCHIVE, PUBLISH, REJECT, SUBMIT
from catalogue.api import examples
from catalogue.api.product_serializers import (
    PUBLISH_STATES,
    ProductSerializer,
    PublishedSerializer,
    ReasonSerializer,
)
from catalogue.models import MarketSegment, Product, ProductStatus, ServicePackage, publish_state
from circletel.core.actions import Action, refusal_recorded
from circletel.core.rest import parameters
from circletel.core.rest.pages import Pages
from circletel.core.rest.parameters import AnyOf, OneOf, Parameter, StrictFilterBackend, Words
from circletel.core.rest.staff import StaffEndpoint, action_view, refusals
from circletel.core.rights import ensure_may

TAG = "products"
_PRODUCT = OpenApiResponse(ProductSerializer, "The product as it stands now.", [examples.PRODUCT])
_READ = refusals(400, 401, 403, 404)
_WRITE = refusals(400, 401, 403, 404, 409, 415, 422)


ORDERINGS: dict[str, Any] = {
    "name": Lower("name"),
    "sku": F("sku"),
    "status": F("status"),
    "price": F("pricing__regular_price"),
    "changed_at": F("changed_at"),
    "created_at": F("created_at"),
}
ORDERING_TERMS = [term for name in ORDERINGS for term in (name, f"-{name}")]


class Published(OneOf):
    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        return qs.filter(publication__in=[PUBLISH_STATES[name] for name in value]) if value else qs


class ProductOrdering(Parameter):
    """Ends in the id, so that pages neither repeat nor lose a product among equals."""

    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        terms = []
        for term in value or ["name"]:
            expression = ORDERINGS[term.removeprefix("-")]
            terms.append(
                expression.desc(nulls_last=True) if term.startswith("-") else expression.asc(nulls_last=True)
            )
        return qs.order_by(*terms, "id")


class ProductFilter(filters.FilterSet):
    status = OneOf("status", ProductStatus.values, "How far it is.")
    published = Published("publication", list(PUBLISH_STATES), "What the storefront has of it.")
    market_segment = OneOf("market_segment", MarketSegment.values, "For whom it is sold.")
    provider = AnyOf("provider", "Whose network carries it.", example="MTN")
    service_type = AnyOf("service_type", "The product line.", example="SkyFibre")
    category = AnyOf("category", "The shelf it stands on.", example="fixed_wireless_residential")
    technology = AnyOf("technology", "How it reaches the customer.", example="fixed-wireless")
    changed_since = Parameter(
        "changed_at",
        "gte",
        read=parameters.instant,
        expected=parameters.INSTANT,
        schema={"type": "string", "examples": ["2026-11-23", "2026-11-23T08:00:00+02:00"]},
        meaning="Changed then or later.",
    )
    search = Words(
        ("name", "sku"),
        "Words that must all occur in name or SKU, without regard to case.",
        example="fibre 100",
    )
    ordering = ProductOrdering(
        read=parameters.one_of(*ORDERING_TERMS),
        expected=f"{', '.join(ORDERINGS)}; a minus reverses, several are separated by commas",
        schema={"type": "string", "enum": ORDERING_TERMS},
        meaning="How to sort; without it by name.",
        many=True,
    )


class ProductEndpoint(StaffEndpoint):
    serializer_class: Any = ProductSerializer
    model = Product

    def get_queryset(self) -> QuerySet[Product]:
        packages = ServicePackage.objects.only("id", "sku", "status", "version", "source_admin_product_id")
        return (
            Product.objects.with_content()
            .select_related("pricing__approved_by", "hardware")
            .prefetch_related(Prefetch("packages", packages.order_by("-published_at")))
            .annotate(publication=publish_state())
        )

    def shown(self, product_id: Any) -> dict[str, Any]:
        found = self.get_queryset().get(pk=product_id)
        return ProductSerializer(found, context={"request": self.request}).data


class ProductListView(ProductEndpoint):
    filter_backends = [StrictFilterBackend]
    filterset_class = ProductFilter
    pagination_class = Pages

    @extend_schema(
        operation_id="listProducts", tags=[TAG], summary="Products, by name",
        responses={200: OpenApiResponse(ProductSerializer(many=True), "A page of products.", [examples.PRODUCT]),
                   **refusals(400, 401, 403)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        ensure_may(self.actor, "catalogue.view_product", "see products")
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(
            ProductSerializer(page, many=True, context={"request": request}).data
        )

    @extend_schema(
        operation_id="createProduct", tags=[TAG], summary="Describe a new product, as a draft",
        request=ProductSerializer, examples=[examples.NEW_PRODUCT],
        responses={201: _PRODUCT, **refusals(400, 401, 403, 409, 415, 422)},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        product = editing.create_product(self.understood(ProductSerializer).validated_data, actor=self.actor)
        headers = {"Location": request.build_absolute_uri(f"{request.path}/{product.pk}")}
        return Response(self.shown(product.pk), status=HTTPStatus.CREATED, headers=headers)


class ProductView(ProductEndpoint):
    @extend_schema(
        operation_id="getProduct", tags=[TAG], summary="One product, with all its parts",
        responses={200: _PRODUCT, **_READ},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        ensure_may(self.actor, "catalogue.view_product", "see products")
        return Response(self.shown(id))

    @extend_schema(
        operation_id="editProduct", tags=[TAG], summary="Change a product",
        description=(
            "Fields that are left out stay. Pricing and hardware change field by field, lists are replaced."
            " A change of content takes back an approval, or the request for one. What is live stays as it is"
            " until the product is approved and published again; an archived product cannot be edited."
        ),
        request=ProductSerializer, examples=[examples.EDIT], responses={200: _PRODUCT, **_WRITE},
    )  # fmt: skip
    def patch(self, request: Request, id: UUID) -> Response:
        values = self.understood(ProductSerializer, partial=True).validated_data
        with refusal_recorded("edit", Product, id, actor=self.actor):
            editing.edit_product(id, values, actor=self.actor)
        return Response(self.shown(id))


def _view(action: Action, operation_id: str, summary: str, **more: Any) -> type[Any]:
    """The view of an action that answers with the product, where `more` says nothing else."""
    told: dict[str, Any] = {
        "answer": lambda view, _outcome: view.shown(view.kwargs["id"]),
        "responses": {200: _PRODUCT, **_WRITE},
    }
    return action_view(
        ProductEndpoint, action, operation_id=operation_id, summary=summary, tags=[TAG], **(told | more)
    )


_WITH_REASON: dict[str, Any] = {"body": ReasonSerializer, "examples": [examples.REASON]}

SubmitView = _view(SUBMIT, "submitProduct", "Ask for approval")
ApproveView = _view(APPROVE, "approveProduct", "Approve what somebody else made or changed")
ApprovePricingView = _view(APPROVE_PRICING, "approvePricingOfProduct", "Approve the pricing")
RejectView = _view(REJECT, "rejectProduct", "Send it back to its author, saying why", **_WITH_REASON)
ArchiveView = _view(ARCHIVE, "archiveProduct", "Put it away for good, saying why", **_WITH_REASON)
PublishView = _view(
    PUBLISH,
    "publishProduct",
    "Publish an approved product",
    description=(
        "The storefront sells it at once; Zoho follows by itself (see the integration status)."
        " The price of a package that is live already does not move."
    ),
    answer=lambda _view, published: PublishedSerializer(published).data,
    responses={200: OpenApiResponse(PublishedSerializer, "What it did.", [examples.PUBLISHED]), **_WRITE},
)
