"""What the pages of all apps share: read-only pages, badges, and amounts as South Africans write them."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def in_words(value: Any) -> str:
    """A value as JSON keeps it, for people: days and instants South African, nothing as “empty”."""
    if value in (None, "", [], {}):
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(item)}" for name, item in value.items())
    text = str(value)
    with suppress(ValueError):  # shaped like a day, and none
        if _INSTANT.fullmatch(text):
            return date_format(timezone.localtime(datetime.fromisoformat(text)), "DATETIME_FORMAT")
        if _DAY.fullmatch(text):
            return date_format(date.fromisoformat(text), "DATE_FORMAT")
    return text


class TwoLines(tuple[str, str]):
    """What a list shows in two lines (`display` with `header=True`), and a row's own page in one."""

    def __new__(cls, first: str, second: str) -> "TwoLines":
        return super().__new__(cls, (first, second))

    def __str__(self) -> str:
        return " · ".join(filter(None, self))


# How unfold colours a badge, where it is not grey; the words say the same without colour.
BADGES = {
    "Draft": "info",
    "Pending approval": "warning",
    "Approved": "success",
    "Active": "success",
    "Live": "success",
    "Live, edited since": "warning",
    "In step": "success",
    "Owed": "info",
    "Failed, will be retried": "warning",
    "Needs a person": "danger",
    "Delivered": "success",
    "Done": "success",
    "Refused": "danger",
    "Being read": "info",
    "Ready to apply": "warning",
    "Being applied": "info",
    "Applied": "success",
    "Could not be read": "danger",
    "New": "success",
    "Changed": "info",
    "Vanished": "warning",
}


def badge(field: str, description: str = "", *, colours: dict[str, str] = BADGES) -> Callable[..., str]:
    """A column for a field with choices: its words, coloured."""

    def shown(_admin: Any, record: Any) -> str:
        return getattr(record, f"get_{field}_display")()

    words = description or field.capitalize()
    return display(description=words, ordering=field, label=colours)(shown)


def link(
    field: str, description: str = "", *, ordering: str | None = None, none: str = "—"
) -> Callable[..., Any]:
    """A column for another record: its name, which leads to its page."""

    def shown(_admin: Any, record: Any) -> str:
        target = getattr(record, field)
        if target is None:
            return none
        page = reverse(f"admin:{target._meta.app_label}_{target._meta.model_name}_change", args=[target.pk])
        return format_html('<a class="home-link" href="{}">{}</a>', page, target)

    return display(description=description or field.capitalize(), ordering=ordering)(shown)


def section(title: str | None, *rows: Any) -> tuple[str | None, dict[str, Any]]:
    """Of a page: its title, and rows that are a field each, or a few side by side."""
    return title, {"fields": rows}


def term(months: int) -> str:
    return "month to month" if months == 1 else f"{months} months"


# Costs and what gives them away.
COSTS = {
    "dealer_cost",
    "discount_percent",
    "margin_floor_percent",
    "margin_before",
    "margin_after",
    "below_floor",
    "shown_margin",
}


class HidesCosts(ModelAdmin):
    """Shows columns, filters and fields with costs to cost viewers, and lets nobody else filter by them."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return _without_costs(request, super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        return _without_costs(request, super().get_list_filter(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return _without_costs(request, super().get_fields(request, obj))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        if COSTS & set(lookup.split("__")) and not request.user.has_perm("catalogue.view_costs"):
            return False
        return super().lookup_allowed(lookup, value, request)


def _without_costs(request: HttpRequest, rows: Iterable[Any]) -> list[Any]:
    """All of them for a cost viewer. A row is a name, or a tuple that goes as a whole."""
    may_see = request.user.has_perm("catalogue.view_costs")
    return [row for row in rows if may_see or COSTS.isdisjoint(row if isinstance(row, tuple) else (row,))]


class ReadOnlyAdmin(ModelAdmin):
    """A page to look at: nothing can be added, changed or deleted in it."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    """Rows of another table, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OwnTrail(ModelAdmin):
    """A page whose services write the audit trail, which says more than Django's own log."""

    def log_addition(self, *_: Any, **__: Any) -> Any:
        pass

    log_change = log_deletions = log_addition


class WithPanel(ModelAdmin):
    """A page that shows more of its record above the fields: `panel` in its template, where one may see it."""

    def panel(self, request: HttpRequest, record: Any) -> Any:
        raise NotImplementedError

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        record = self.get_object(request, object_id)
        may_see = record is not None and self.has_view_permission(request, record)
        panel = self.panel(request, record) if may_see else None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "panel": panel})


class ExtraPages(ModelAdmin):
    """Pages of a model beside those of Django, for whoever may see its records."""

    extra_pages: dict[str, str] = {}
    """The view of each address: `preview` is the method `preview_view`, and `app_model_preview` by name."""

    def get_urls(self) -> list[URLPattern]:
        model = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(
                address,
                self.admin_site.admin_view(self._for_viewers(getattr(self, f"{name}_view"))),
                name=f"{model}_{name}",
            )
            for address, name in self.extra_pages.items()
        ]
        return [*own, *super().get_urls()]

    def _for_viewers(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def view_if_allowed(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, *arguments, **named)

        return view_if_allowed

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        every = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, template, every | context)


def fragment(html: str, *, is_last: bool = False) -> HttpResponse:
    """What a page asks for again and again of itself. After the last it asks for the whole page once more."""
    refresh = {"HX-Refresh": "true"} if is_last else {}
    return HttpResponse(html, headers={"Cache-Control": "no-store", **refresh})


class InTable(TabularInline):
    """Rows to be edited in a table: each field has the name of its column, for those who do not see the head."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs.setdefault("aria-label", capfirst(db_field.verbose_name))
        return field


def moved_to(request: HttpRequest, address: str) -> HttpResponse:
    """On to another page, also from a dialog: those are posted by htmx, which follows a header and not a redirect."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
