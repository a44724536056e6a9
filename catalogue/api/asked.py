"""What the storefront may ask for: the filters, the search and the orderings, by their public names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from catalogue.models import MarketSegment
from catalogue.storefront import asking
from catalogue.storefront.asking import Key, Where
from catalogue.storefront.document import PUBLIC_FIELDS
from circletel.core.rest import parameters
from circletel.core.rest.parameters import ParameterField

ORDERINGS: dict[str, Key] = {
    "price": Key(asking.PRICE, "numeric"),
    "name": Key("lower(p.name)", "text"),
    "speed_down_mbps": Key("p.speed_down_mbps", "integer", nullable=True),
    "speed_up_mbps": Key("p.speed_up_mbps", "integer", nullable=True),
    "contract_months": Key("p.contract_months", "smallint"),
    "valid_from": Key("p.valid_from", "timestamptz"),
}
RELEVANCE = "relevance"
ORDERING_NAMES = [*ORDERINGS, RELEVANCE]
ORDERING_TERMS = [term for name in ORDERING_NAMES for term in (name, f"-{name}")]
DEFAULT_ORDERING = ("name", "contract_months")
SEVERAL = "one or more values, separated by commas or repeated; one that itself holds a comma stands in double quotes"

Values = Mapping[str, Any]


class Parameter(ParameterField):
    """A query parameter that is read strictly; what it expects is its documentation.

    `where` makes the condition on a package of its value, for what narrows.
    """

    def __init__(
        self,
        *,
        schema: dict[str, Any],
        meaning: str,
        where: Callable[[Any], Where] | None = None,
        **reading: Any,
    ) -> None:
        super().__init__(**reading)
        self.schema, self.meaning, self.where = schema, meaning, where

    def described(self, name: str) -> OpenApiParameter:
        schema = {"type": "array", "items": self.schema} if self.many else self.schema
        return OpenApiParameter(name, schema, description=f"{self.meaning} Expects {self.expected}.")


def _words(column: str, meaning: str, *, example: str) -> Parameter:
    """One of several values, without regard to case."""
    return Parameter(
        read=str,
        expected=SEVERAL,
        schema={"type": "string", "examples": [example]},
        meaning=meaning,
        many=True,
        where=lambda values: asking.same_word(column, values),
    )


def _amount(sign: str, meaning: str) -> Parameter:
    return Parameter(
        read=parameters.amount,
        expected="an amount in rand with VAT, such as 899 or 899.00",
        schema={"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$", "examples": ["899.00"]},
        meaning=meaning,
        where=lambda value: Where(f"{asking.PRICE} {sign} %s", (value,)),
    )


def _speed(column: str, sign: str, meaning: str) -> Parameter:
    return Parameter(
        read=parameters.whole_number,
        expected="whole Mbit/s, such as 100",
        schema={"type": "integer", "minimum": 0, "maximum": 999_999_999, "examples": [100]},
        meaning=f"{meaning} Packages that promise no speed are left out.",
        where=lambda value: Where(f"p.{column} {sign} %s", (value,)),
    )


NARROWING: dict[str, Parameter] = {
    "market_segment": Parameter(
        read=parameters.one_of(*MarketSegment.values),
        expected=f"{' or '.join(MarketSegment.values)}; several are separated by commas or repeated",
        schema={"type": "string", "enum": MarketSegment.values},
        meaning="For whom it is sold.",
        many=True,
        where=lambda values: asking.one_of("market_segment", values),
    ),
    "provider": _words(
        "provider", "Whose network carries it: all that cover an address, for example.", example="MTN"
    ),
    "as_of": Parameter(
        read=parameters.instant,
        expected=parameters.INSTANT,
        schema={"type": "string", "examples": ["2026-11-23", "2026-11-23T08:00:00+02:00"]},
        meaning="What was, or by today's knowledge will be, on sale then, at the price of then.",
    ),
}
FILTERS: dict[str, Parameter] = {
    **NARROWING,
    "technology": _words("technology", "How it reaches the customer.", example="fixed-wireless"),
    "service_type": _words("service_type", "The product line.", example="SkyFibre"),
    "category": _words("category", "The shelf it stands on.", example="fixed_wireless_residential"),
    "price_min": _amount(">=", "Lowest price a month (price.including_vat)."),
    "price_max": _amount("<=", "Highest price a month (price.including_vat)."),
    "speed_down_min": _speed("speed_down_mbps", ">=", "Slowest download."),
    "speed_down_max": _speed("speed_down_mbps", "<=", "Fastest download."),
    "speed_up_min": _speed("speed_up_mbps", ">=", "Slowest upload."),
    "speed_up_max": _speed("speed_up_mbps", "<=", "Fastest upload."),
    "contract_months": Parameter(
        read=parameters.months,
        expected="whole months, such as 12; several are separated by commas or repeated",
        schema={"type": "integer", "minimum": 0, "maximum": 999, "examples": [12]},
        meaning="Length of the contract; 1 is month to month.",
        many=True,
        where=lambda values: asking.one_of("contract_months", values),
    ),
    "has_hardware": Parameter(
        read=parameters.yes_or_no,
        expected="true or false",
        schema={"type": "boolean"},
        meaning="Whether a device comes with it, included or at a price.",
        where=lambda value: Where("p.hardware_model <> ''" if value else "p.hardware_model = ''"),
    ),
    "search": Parameter(
        read=parameters.words,
        expected=f"words, at most {parameters.LONGEST_SEARCH} characters",
        schema={"type": "string", "maxLength": parameters.LONGEST_SEARCH, "examples": ["uncapped 100"]},
        meaning=(
            "Words that must all occur in name, SKU, description or features, without regard to case: also"
            " inside words, in another form (router, routers), or nearly so (skyfbre)."
        ),
        where=asking.matching,
    ),
}
FIELDS = Parameter(
    read=parameters.one_of(*PUBLIC_FIELDS),
    expected=f"{', '.join(PUBLIC_FIELDS)}; several are separated by commas or repeated",
    schema={"type": "string", "enum": list(PUBLIC_FIELDS)},
    meaning="Only these fields of each package; without it all.",
    many=True,
)
ORDERING = Parameter(
    read=parameters.one_of(*ORDERING_TERMS),
    expected=f"{', '.join(ORDERING_NAMES)}; a minus reverses, several are separated by commas",
    schema={"type": "string", "enum": ORDERING_TERMS},
    meaning=(
        f"How to sort; without it {', '.join(DEFAULT_ORDERING)}, and before them -{RELEVANCE} when searching."
    ),
    many=True,
)


def conditions(values: Values) -> list[Where]:
    """What the given filters ask of a package; what is empty asks nothing."""
    return [
        parameter.where(value)
        for name, parameter in FILTERS.items()
        if parameter.where and (value := values.get(name)) not in (None, [])
    ]


def ordering(values: Values) -> tuple[str, ...]:
    """The terms to sort by."""
    default = (f"-{RELEVANCE}", *DEFAULT_ORDERING) if values.get("search") else DEFAULT_ORDERING
    return tuple(values.get("ordering") or default)


def keys(terms: Sequence[str], values: Values, last: Key) -> list[Key]:
    """`last` makes equal packages keep a fixed order; it goes the way of the last term."""
    chosen = []
    for term in terms:
        name = term.removeprefix("-")
        key = asking.relevance(values.get("search") or []) if name == RELEVANCE else ORDERINGS[name]
        chosen.append(key if name == term else key.downwards())
    return [*chosen, last.downwards() if chosen[-1].descending else last]
