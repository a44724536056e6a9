"""Products over REST, for staff and the programs of the back office: described, moved on, published.

Every deed is one of `catalogue.editing` and `catalogue.services`, as in the admin; nothing is ever deleted.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue import editing, services
from catalogue.api import staff_examples as examples
from catalogue.api.product_filters import ProductFilter
from catalogue.api.product_serializers import ProductSerializer, PublishedSerializer, ReasonSerializer
from catalogue.models import Product, ServicePackage, publish_state
from circletel.core.errors import Refused
from circletel.core.rest.filters import StrictFilterBackend
from circletel.core.rest.pages import Pages
from circletel.core.rest.staff import StaffEndpoint, refusals
from circletel.core.rest.strict import StrictSerializer
from circletel.core.rights import ensure_may

TAG = "products"
_PRODUCT = OpenApiResponse(ProductSerializer, "The product as it stands now.", [examples.PRODUCT])
_READ = refusals(400, 401, 403, 404)
_WRITE = refusals(400, 401, 403, 404, 409, 415, 422)


class ProductEndpoint(StaffEndpoint):
    serializer_class: Any = ProductSerializer
    # Named as in the audit trail.
    deed = ""

    def get_queryset(self) -> QuerySet[Product]:
        packages = ServicePackage.objects.only("id", "sku", "status", "version", "source_admin_product_id")
        return (
            Product.objects.with_content()
            .select_related("pricing__approved_by", "hardware")
            .prefetch_related(Prefetch("packages", packages.order_by("-published_at")))
            .annotate(publication=publish_state())
        )

    def handle_exception(self, exc: Exception) -> Response:
        """A refusal is written down, then told; the deed itself was undone before."""
        if isinstance(exc, Product.DoesNotExist):
            exc = Http404("There is no such product.")
        if isinstance(exc, Refused) and self.deed and "id" in self.kwargs:
            services.record_refusal(self.deed, self.kwargs["id"], actor=self.actor, refusal=exc)
        return super().handle_exception(exc)

    def understood(self, serializer_class: type, request: Request, **options: Any) -> dict[str, Any]:
        serializer = serializer_class(data=request.data, context={"request": request}, **options)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

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
        product = editing.create_product(self.understood(ProductSerializer, request), actor=self.actor)
        headers = {"Location": request.build_absolute_uri(f"{request.path}/{product.pk}")}
        return Response(self.shown(product.pk), status=HTTPStatus.CREATED, headers=headers)


class ProductView(ProductEndpoint):
    deed = "edit"

    @extend_schema(
        operation_id="getProduct", tags=[TAG], summary="One product, with all its parts",
        responses={200: _PRODUCT, **_READ},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response:
        self.deed = ""
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
        values = self.understood(ProductSerializer, request, partial=True)
        edited = editing.edit_product(id, values, actor=self.actor)
        return Response(self.shown(edited.product.pk))


class ProductDeedView(ProductEndpoint):
    """One step in a product's life."""

    work: Callable[..., Any]
    body: type = StrictSerializer

    def done(self, request: Request, id: UUID) -> Any:
        return type(self).work(id, actor=self.actor, **self.understood(self.body, request))


def _deed(
    deed: str, work: Callable[..., Any], operation_id: str, summary: str, *, reason: bool = False
) -> type[ProductDeedView]:
    """The view of one deed that answers with the product."""
    body: Any = ReasonSerializer if reason else StrictSerializer

    class View(ProductDeedView):
        @extend_schema(
            operation_id=operation_id, tags=[TAG], summary=summary, request=body if reason else None,
            examples=[examples.REASON] if reason else [], responses={200: _PRODUCT, **_WRITE},
        )  # fmt: skip
        def post(self, request: Request, id: UUID) -> Response:
            self.done(request, id)
            return Response(self.shown(id))

    View.__name__ = f"{operation_id[0].upper()}{operation_id[1:]}View"
    View.deed, View.work, View.body = deed, staticmethod(work), body
    return View


SubmitView = _deed("submit", services.submit, "submitProduct", "Ask for approval")
ApproveView = _deed(
    "approve", services.approve, "approveProduct", "Approve what somebody else made or changed"
)
ApprovePricingView = _deed(
    "approve pricing", services.approve_pricing, "approvePricingOfProduct", "Approve the pricing"
)
RejectView = _deed(
    "reject", services.reject, "rejectProduct", "Send it back to its author, saying why", reason=True
)
ArchiveView = _deed(
    "archive", services.archive, "archiveProduct", "Put it away for good, saying why", reason=True
)


class PublishView(ProductDeedView):
    deed = "publish"
    work = staticmethod(services.publish)

    @extend_schema(
        operation_id="publishProduct", tags=[TAG], summary="Publish an approved product",
        description=(
            "The storefront sells it at once; Zoho follows by itself (see the integration status)."
            " The price of a package that is live already does not move."
        ),
        request=None,
        responses={200: OpenApiResponse(PublishedSerializer, "What it did.", [examples.PUBLISHED]), **_WRITE},
    )  # fmt: skip
    def post(self, request: Request, id: UUID) -> Response:
        return Response(PublishedSerializer(self.done(request, id)).data)
