"""Lists that stay quick with a hundred thousand rows: few queries, each answered from an index."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path, lookup_spawns_duplicates
from django.contrib.admin.views.main import ALL_VAR, PAGE_VAR
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connections, models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import smart_split, unescape_string_literal
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

# Fewer rows than these are counted: that is quick, and then the number is right.
ESTIMATED_FROM = 10_000
# A filter offers the values that were there this many seconds ago at the most.
KNOWN_SECONDS = 300
# A word that is found in more rows of another table than these is looked for by PostgreSQL itself.
MOST_RELATED = 1_000


class LongPaginator(Paginator):
    """Counts what is filtered. Of a whole long table it takes PostgreSQL's estimate, and says so."""

    is_estimated = False
    is_first_page = False
    first_rows: list[Any] | None = None
    """Those of the first page and one more, where that is the page to show and the rows are filtered."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if rows.query.where or rows.query.combinator or rows.query.is_sliced:
            if self.is_first_page:
                # What few rows fulfil is looked for once, not once to count them and once to show them.
                self.first_rows = list(rows[: self.per_page + 1])
                if len(self.first_rows) <= self.per_page:
                    return len(self.first_rows)
            return int(rows.count())
        estimate = _estimated_rows(rows)
        if estimate < ESTIMATED_FROM:
            return int(rows.count())
        self.is_estimated = True
        return estimate


def _estimated_rows(rows: QuerySet[Any]) -> int:
    """As of the last ANALYZE, which autovacuum runs; -1 when there was none."""
    with connections[rows.db].cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [rows.model._meta.db_table]
        )
        return int(cursor.fetchone()[0])


class KnownValuesFilter(admin.AllValuesFieldListFilter):
    """The values that a field has, looked up every few minutes: a long table is not read for each look at its list."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.lookup_choices = _known_values(field.model, field.name)  # type: ignore[assignment]


def _known_values(model: type[models.Model], name: str) -> list[Any]:
    key = f"known-values:{model._meta.label_lower}:{name}"
    try:
        known: list[Any] | None = cache.get(key)
    except RedisError:
        known = None
    if known is None:
        known = list(model._default_manager.order_by(name).values_list(name, flat=True).distinct())
        # Without Redis they are looked up again next time.
        with suppress(RedisError):
            cache.set(key, known, KNOWN_SECONDS)
    return known


class LongChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        first_rows = self.paginator.first_rows
        if first_rows is not None and not self.show_all:
            # Pages and actions want a query set; this one has been asked already.
            rows: Any = self.queryset._chain()
            rows._result_cache, rows._prefetch_done = first_rows[: self.list_per_page], True
            self.result_list = rows
        if not self.query and not self.has_active_filters:
            # All of them are shown already: the page need not offer it.
            self.full_result_count = self.result_count


class LongList(ModelAdmin):
    """Before the other bases of an admin page whose table grows without end."""

    paginator = LongPaginator
    list_per_page = 40
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongChangeList

    def get_paginator(self, request: HttpRequest, *arguments: Any, **options: Any) -> Paginator:
        paginator = super().get_paginator(request, *arguments, **options)
        paginator.is_first_page = request.GET.get(PAGE_VAR, "1") == "1" and ALL_VAR not in request.GET
        return paginator

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
        condition = Q()
        for path in paths:
            condition |= Q(**{f"{path}__icontains": word})
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
