"""Filters of the staff's lists: read strictly, refused by name."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from circletel.core.rest.parameters import LONGEST_SEARCH, ParameterField, ensure_understood, one_of, words


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
            anywhere = Q()
            for field in self.fields:
                anywhere |= Q(**{f"{field}__icontains": word})
            qs = qs.filter(anywhere)
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
        matches = Q()
        for name in value or []:
            # The database folds both sides, so that it decides alone what the same word is.
            matches |= Q(**{f"{self.field_name}__iexact": name})
        return qs.filter(matches)


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Refuses what it does not understand: a filter silently ignored shows customers the wrong packages."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        assert filterset is not None  # every view here has one
        pages = view.paginator.fields if view.paginator else {}
        ensure_understood(request.query_params, {**filterset.form.fields, **pages})
        return filterset.qs
