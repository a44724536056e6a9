"""Query parameters and filters of lists: read strictly, refused by name, documented by the sentence that refuses them."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from circletel.core.rest.problems import InvalidParameters

LONGEST = 1000
LONGEST_SEARCH = 200
INSTANT = (
    "a day, such as 2026-11-23 (its beginning in South Africa), or an instant with its offset,"
    " such as 2026-11-23T08:00:00+02:00"
)


class _AllValues(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name)


class ParameterField(forms.Field):
    """`read` turns text into a value or raises ValueError; `expected` is what to tell whoever wrote the text.

    With `many`, it takes several values, separated by commas or repeated. Empty text means not given.
    """

    def __init__(
        self, *, read: Callable[[str], Any], expected: str, many: bool = False, **options: Any
    ) -> None:
        super().__init__(required=False, widget=_AllValues() if many else forms.TextInput())
        self.read, self.expected, self.many = read, expected, many

    def to_python(self, value: Any) -> Any:
        try:
            if self.many:
                return [self.read(text) for given in value for text in split(given)]
            return self.read(value.strip()) if value and value.strip() else None
        except ValueError:
            raise forms.ValidationError(f"expects {self.expected}") from None


def ensure_understood(query: QueryDict, fields: Mapping[str, forms.Field]) -> dict[str, Any]:
    """What the query says, by parameter. Raises InvalidParameters with everything that is wrong with it."""
    errors = list(_misuses(query, fields))
    misused = {name for name, _detail in errors}
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in misused:
            continue
        try:
            values[name] = field.clean(field.widget.value_from_datadict(query, {}, name))
        except forms.ValidationError as error:
            errors.append((name, " ".join(error.messages)))
    if errors:
        raise InvalidParameters(errors)
    return values


def _misuses(query: QueryDict, fields: Mapping[str, forms.Field]) -> Iterator[tuple[str, str]]:
    """What can be said before reading a value."""
    known = ", ".join(fields)
    for name, given in query.lists():
        if name not in fields:
            yield name[:80], f"is not a parameter here; understood are {known}"
        elif len(given) > 1 and not getattr(fields[name], "many", False):
            yield name, "is given more than once"
        elif sum(map(len, given)) > LONGEST:
            yield name, f"is longer than {LONGEST} characters"
        elif any("\0" in text for text in given):
            yield name, "holds a NUL character"


def split(text: str) -> list[str]:
    """The values in `MTN,DFA`. One that itself holds a comma stands in double quotes. Raises ValueError."""
    try:
        rows = list(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise ValueError(text) from error
    return [value.strip() for row in rows for value in row if value.strip()]


def amount(text: str) -> Decimal:
    return Decimal(_matching(r"[0-9]{1,8}(\.[0-9]{1,2})?", text))


def whole_number(text: str) -> int:
    return int(_matching(r"[0-9]{1,9}", text))


def months(text: str) -> int:
    return int(_matching(r"[0-9]{1,3}", text))


def yes_or_no(text: str) -> bool:
    return _matching("true|false", text.lower()) == "true"


def words(text: str) -> list[str]:
    if len(text) > LONGEST_SEARCH:
        raise ValueError(text)
    return text.split()


def instant(text: str) -> datetime:
    """An instant with its offset, or a day: that day's beginning in South Africa."""
    # A plus that was not escaped arrives as a space.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.combine(date.fromisoformat(text), time(), timezone.get_default_timezone())
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    # Beyond these, converting to another time zone leaves the calendar.
    if not 1900 < found.year < 9999:
        raise ValueError(text)
    return found


def one_of(*known: str) -> Callable[[str], str]:
    """Reads one of these words, without regard to case."""

    def read(text: str) -> str:
        if text.lower() not in known:
            raise ValueError(text)
        return text.lower()

    return read


def between(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = whole_number(text)
        if not lowest <= number <= highest:
            raise ValueError(text)
        return number

    return read


def _matching(pattern: str, text: str) -> str:
    # int() and Decimal() understand far more than a customer may mean: 1_000, 1e400, NaN, other scripts.
    if not re.fullmatch(pattern, text):
        raise ValueError(text)
    return text


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


class OneOf(Parameter):
    """One or more of a few names."""

    def __init__(self, field_name: str, names: Sequence[str], meaning: str) -> None:
        super().__init__(
            field_name,
            "in",
            read=one_of(*names),
            expected=f"{', '.join(names)}; several are separated by commas or repeated",
            schema={"type": "string", "enum": list(names)},
            meaning=meaning,
            many=True,
        )


class Words(Parameter):
    """Every word must occur in one of `fields`, without regard to case."""

    def __init__(self, fields: Sequence[str], meaning: str, *, example: str) -> None:
        super().__init__(
            read=words,
            expected=f"words, at most {LONGEST_SEARCH} characters",
            schema={"type": "string", "maxLength": LONGEST_SEARCH, "examples": [example]},
            meaning=meaning,
        )
        self.fields = fields

    def filter(self, qs: QuerySet, value: list[str] | None) -> QuerySet:
        for word in value or []:
            anywhere: list[Any] = [(f"{field}__icontains", word) for field in self.fields]
            qs = qs.filter(Q.create(anywhere, connector=Q.OR))
        return qs


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
        # The database folds both sides, so that it decides alone what the same word is.
        matches: list[Any] = [(f"{self.field_name}__iexact", name) for name in value or []]
        return qs.filter(Q.create(matches, connector=Q.OR))


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Refuses what it does not understand: a filter silently ignored shows customers the wrong packages."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        assert filterset is not None  # every view here has one
        pages = view.paginator.fields if view.paginator else {}
        ensure_understood(request.query_params, {**filterset.form.fields, **pages})
        return filterset.qs
