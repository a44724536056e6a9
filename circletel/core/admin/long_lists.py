"""Lists that stay quick with a hundred thousand rows: few queries, each answered from an index."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path, lookup_spawns_duplicates
from django.core.cache import cache
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import smart_split, unescape_string_literal
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

# A filter offers the values that were there this many seconds ago at the most.
KNOWN_SECONDS = 300
# A word that is found in more rows of another table than these is looked for by PostgreSQL itself.
MOST_RELATED = 1_000


class KnownValuesFilter(admin.AllValuesFieldListFilter):
    """The values that a field has, looked up every few minutes: a long table is not read for each look at its list."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.lookup_choices = _known_values(field.model, field.name)  # type: ignore[assignment]


def _known_values(model: type[models.Model], name: str) -> list[Any]:
    def read() -> list[Any]:
        return list(model._default_manager.order_by(name).values_list(name, flat=True).distinct())

    try:
        return cache.get_or_set(f"known-values:{model._meta.label_lower}:{name}", read, KNOWN_SECONDS) or []
    except RedisError:  # without Redis they are looked up each time
        return read()


class LongChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            # All of them are shown already: the page need not offer it.
            self.full_result_count = self.result_count


class LongList(ModelAdmin):
    """Before the other bases of an admin page whose table grows without end."""

    list_per_page = 40
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongChangeList

    def get_list_filter(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        return [self._quick(one) for one in super().get_list_filter(request)]

    def _quick(self, listed: Any) -> Any:
        if not isinstance(listed, str):
            return listed
        field: Any = get_fields_from_path(self.model, listed)[-1]
        plain = isinstance(field, (models.CharField, models.TextField, models.IntegerField))
        return (listed, KnownValuesFilter) if plain and not field.choices else listed

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Each word somewhere in the searched fields.

        Fields of other tables are searched there first. An OR over several tables could use no index.
        """
        fields = [str(field) for field in self.get_search_fields(request)]
        for word in _words(search_term):
            condition = Q()
            for related, paths in _by_table(fields).items():
                condition |= self._found(related, paths, word)
            queryset = queryset.filter(condition)
        return queryset, any(lookup_spawns_duplicates(self.opts, field) for field in fields)

    def _found(self, related: str, paths: Iterable[str], word: str) -> Q:
        condition = Q.create([(f"{path}__icontains", word) for path in paths], connector=Q.OR)
        if not related:
            return condition
        table: Any = self.opts.get_field(related).related_model
        found = table._default_manager.filter(condition).order_by().values_list("pk", flat=True)
        few = list(found[: MOST_RELATED + 1])
        return Q(**{f"{related}__in": few if len(few) <= MOST_RELATED else found})


def _by_table(fields: Iterable[str]) -> dict[str, list[str]]:
    """Paths by the relation that they begin with; the table's own under the empty name."""
    found: dict[str, list[str]] = {}
    for field in fields:
        related, _, rest = field.partition("__")
        found.setdefault(related if rest else "", []).append(rest or field)
    return found


def _words(text: str) -> Iterator[str]:
    for word in smart_split(text):
        quoted = len(word) > 1 and word[0] in "\"'" and word[0] == word[-1]
        yield unescape_string_literal(word) if quoted else word
