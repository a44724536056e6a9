"""What the storefront may ask for: the filters, the search and the orderings, by their public names."""

from collections.abc import Callable
from typing import Any

from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Lower
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from catalogue.api import parameters
from catalogue.api.parameters import ParameterField, ensure_understood
from catalogue.models import MarketSegment

ORDERINGS: dict[str, Any] = {
    "price": F("price_now"),
    "name": Lower("name"),
    "speed_down_mbps": F("speed_down_mbps"),
    "speed_up_mbps": F("speed_up_mbps"),
    "contract_months": F("contract_months"),
    "valid_from": F("valid_from"),
}
ORDERING_TERMS = [term for name in ORDERINGS for term in (name, f"-{name}")]
DEFAULT_ORDERING = ["name", "contract_months"]


class Parameter(filters.Filter):
    """A filter that reads strictly; what it expects is its documentation."""

    field_class = ParameterField

    def __init__(
        self,
        field_name: str | None = None,
        lookup_expr: str = "exact",
        *,
        read: Callable[[str], Any],
        expected: str,
        schema: dict[str, Any],
        meaning: str,
        many: bool = False,
    ) -> None:
        super().__init__(field_name, lookup_expr, label=meaning, read=read, expected=expected, many=many)
        self.description = f"{meaning} Expects {expected}."
        self.schema = {"type": "array", "items": schema} if many else schema
        extend_schema_field({**self.schema, "description": self.description})(self)


class AnyOf(Parameter):
    """One of several values, without regard to case."""

    def __init__(self, field_name: str, meaning: str, *, example: str) -> None:
        super().__init__(
            field_name,
            read=str,
            expected="one or more values, separated by commas or repeated; one that itself holds a comma"
            " stands in double quotes",
            schema={"type": "string", "examples": [example]},
            meaning=meaning,
            many=True,
        )

    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        matches = Q()
        for name in value or []:
            # The database folds both sides, so that it decides alone what the same word is.
            matches |= Q(**{f"{self.field_name}__iexact": name})
        return qs.filter(matches)


class Amount(Parameter):
    def __init__(self, lookup_expr: str, meaning: str) -> None:
        super().__init__(
            "price_now",
            lookup_expr,
            read=parameters.amount,
            expected="an amount in rand with VAT, such as 899 or 899.00",
            schema={"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$", "examples": ["899.00"]},
            meaning=meaning,
        )


class Speed(Parameter):
    def __init__(self, field_name: str, lookup_expr: str, meaning: str) -> None:
        super().__init__(
            field_name,
            lookup_expr,
            read=parameters.whole_number,
            expected="whole Mbit/s, such as 100",
            schema={"type": "integer", "minimum": 0, "maximum": 999_999_999, "examples": [100]},
            meaning=f"{meaning} Packages that promise no speed are left out.",
        )


class HasHardware(Parameter):
    def filter(self, qs: QuerySet, value: bool | None) -> QuerySet:
        if value is None:
            return qs
        return qs.exclude(hardware_model="") if value else qs.filter(hardware_model="")


class Search(Parameter):
    """Every word must occur somewhere, as a part of a word too."""

    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        if not value:
            return qs
        line = Value("\n")
        features = Func(F("features"), line, function="array_to_string", output_field=TextField())
        text = Func(
            line,
            F("name"),
            F("sku"),
            F("description"),
            features,
            function="concat_ws",
            output_field=TextField(),
        )
        qs = qs.alias(searched=text)
        for word in value:
            qs = qs.filter(searched__icontains=word)
        return qs


class Ordering(Parameter):
    """Always ends in the id, so that pages neither repeat nor lose a package among equals."""

    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        terms = []
        for term in value or DEFAULT_ORDERING:
            expression = ORDERINGS[term.removeprefix("-")]
            # Packages that promise no speed come last in both directions.
            ascending = not term.startswith("-")
            terms.append(expression.asc(nulls_last=True) if ascending else expression.desc(nulls_last=True))
        return qs.order_by(*terms, "id")


class AsOf(Parameter):
    """Read by the view, which takes its packages and its prices from that instant."""

    def __init__(self) -> None:
        super().__init__(
            read=parameters.instant,
            expected="a day, such as 2026-11-23 (its beginning in South Africa), or an instant with its offset,"
            " such as 2026-11-23T08:00:00+02:00",
            schema={"type": "string", "examples": ["2026-11-23", "2026-11-23T08:00:00+02:00"]},
            meaning="What was, or by today's knowledge will be, on sale then, at the price of then.",
        )

    def filter(self, qs: QuerySet, value: Any) -> QuerySet:
        return qs


class NarrowingFilter(filters.FilterSet):
    """Segment and provider: with the SKU, what makes a package the only one of its kind."""

    market_segment = Parameter(
        "market_segment",
        "in",
        read=parameters.one_of(*MarketSegment.values),
        expected=f"{' or '.join(MarketSegment.values)}; several are separated by commas or repeated",
        schema={"type": "string", "enum": MarketSegment.values},
        meaning="For whom it is sold.",
        many=True,
    )
    provider = AnyOf("provider", "Whose network carries it.", example="MTN")
    as_of = AsOf()


class PackageFilter(NarrowingFilter):
    technology = AnyOf("technology", "How it reaches the customer.", example="fixed-wireless")
    service_type = AnyOf("service_type", "The product line.", example="SkyFibre")
    category = AnyOf("category", "The shelf it stands on.", example="fixed_wireless_residential")
    price_min = Amount("gte", "Lowest price a month (price.including_vat).")
    price_max = Amount("lte", "Highest price a month (price.including_vat).")
    speed_down_min = Speed("speed_down_mbps", "gte", "Slowest download.")
    speed_down_max = Speed("speed_down_mbps", "lte", "Fastest download.")
    speed_up_min = Speed("speed_up_mbps", "gte", "Slowest upload.")
    speed_up_max = Speed("speed_up_mbps", "lte", "Fastest upload.")
    contract_months = Parameter(
        "contract_months",
        "in",
        read=parameters.months,
        expected="whole months, such as 12; several are separated by commas or repeated",
        schema={"type": "integer", "minimum": 0, "maximum": 999, "examples": [12]},
        meaning="Length of the contract; 1 is month to month.",
        many=True,
    )
    has_hardware = HasHardware(
        read=parameters.yes_or_no,
        expected="true or false",
        schema={"type": "boolean"},
        meaning="Whether a device comes with it, included or at a price.",
    )
    search = Search(
        read=parameters.words,
        expected=f"words, at most {parameters.LONGEST_SEARCH} characters",
        schema={"type": "string", "maxLength": parameters.LONGEST_SEARCH, "examples": ["uncapped 100"]},
        meaning="Words that must all occur in name, SKU, description or features, without regard to case.",
    )
    ordering = Ordering(
        read=parameters.one_of(*ORDERING_TERMS),
        expected=f"{', '.join(ORDERINGS)}; a minus reverses, several are separated by commas",
        schema={"type": "string", "enum": ORDERING_TERMS},
        meaning=f"How to sort; without it {', '.join(DEFAULT_ORDERING)}.",
        many=True,
    )


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Refuses what it does not understand: a filter silently ignored shows customers the wrong packages."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        assert filterset is not None  # every view here has one
        pages = view.paginator.fields if view.paginator else {}
        ensure_understood(request.query_params, {**filterset.form.fields, **pages})
        return filterset.qs
