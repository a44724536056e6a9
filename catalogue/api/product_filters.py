"""What the back office may ask of products, by public names."""

from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django_filters import rest_framework as filters

from catalogue.api.product_serializers import PUBLISH_STATES
from catalogue.models import MarketSegment, ProductStatus
from circletel.core.rest import parameters
from circletel.core.rest.parameters import AnyOf, OneOf, Parameter, Words

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
        expected="a day, such as 2026-11-23 (its beginning in South Africa), or an instant with its offset",
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
