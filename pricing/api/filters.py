"""What a list of price changes may be narrowed by."""

from datetime import date
from uuid import UUID

from django_filters import rest_framework as filters

from circletel.core.rest.parameters import OneOf, Parameter
from pricing.models import PriceChange, PriceChangeStatus


def day(text: str) -> date:
    return date.fromisoformat(text)


class Day(Parameter):
    def __init__(self, field_name: str, lookup_expr: str, meaning: str) -> None:
        super().__init__(
            field_name,
            lookup_expr,
            read=day,
            expected="a day in South Africa, such as 2027-05-01",
            schema={"type": "string", "format": "date", "examples": ["2027-05-01"]},
            meaning=meaning,
        )


class PriceChangeFilter(filters.FilterSet):
    status = OneOf("status", PriceChangeStatus.values, "How far it is.")
    package = Parameter(
        "package_id",
        read=UUID,
        expected="the id of a package",
        schema={"type": "string", "format": "uuid"},
        meaning="Whose price changes.",
    )
    effective_from = Day("effective_date", "gte", "Effective on that day or later.")
    effective_to = Day("effective_date", "lte", "Effective on that day or earlier.")
    published_from = Day("published_at", "date__gte", "Published on that day or later.")
    published_to = Day("published_at", "date__lte", "Published on that day or earlier.")

    class Meta:
        model = PriceChange
        fields: list[str] = []
