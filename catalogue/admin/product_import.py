"""The page of the product import: choose a file, see what every row would do, then import it whole."""

import uuid
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminFileFieldWidget

from catalogue.product_import import COLUMNS, ParsedFile, RowError, import_products, parse, plan_import
from catalogue.product_import.columns import Column
from catalogue.product_import.plan import ImportPlan, PlannedRow
from circletel.core.errors import Refused
from circletel.core.uploads import LARGEST_CSV_MB, at_most

# A page with every cell of twenty thousand rows is of no use to a person, and hardly to a browser.
MOST_SHOWN = 500
MOST_SAID = 5
KEPT_SECONDS = 24 * 60 * 60


class ProductFileForm(forms.Form):
    import_file = forms.FileField(
        label="File", validators=[at_most(LARGEST_CSV_MB)], widget=UnfoldAdminFileFieldWidget
    )


def import_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """GET asks for a file, POST shows what it would do, POST with `upload` imports the file that was shown."""
    try:
        if "upload" in request.POST:
            return _import(request)
        form = ProductFileForm(request.POST or None, request.FILES or None)
        context = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": "Import products",
            "form": form,
            "columns": COLUMNS,
        }
        if form.is_valid():
            context |= _preview(form.cleaned_data["import_file"].read())
        return TemplateResponse(request, "catalogue/import_products.html", context)
    except RedisError:
        return _refused(
            request,
            "Redis, which keeps the file until you confirm it, does not answer. Upload it again in a minute.",
        )


def _preview(content: bytes) -> dict[str, Any]:
    parsed = parse(content)
    plan = plan_import(parsed)
    if plan.errors:
        return {"errors": plan.errors, "shown_errors": plan.errors[:MOST_SHOWN]}
    others = [column for column in parsed.columns if column.name != "sku"]
    return {
        "upload": _kept(content),
        "outcome": plan.outcome,
        "other_columns": others,
        "rows": [_shown(row, others) for row in _in_order(plan)[:MOST_SHOWN]],
        "hidden": max(0, len(plan.rows) - MOST_SHOWN),
    }


def _import(request: HttpRequest) -> HttpResponse:
    """The catalogue may have changed since the preview, so a confirmed file may be refused."""
    key = _key(request.POST["upload"])
    content = cache.get(key)
    forgotten = RowError(None, "", "an upload of more than a day ago", "the file to be uploaded again")
    parsed = ParsedFile(errors=[forgotten]) if content is None else parse(content)
    try:
        outcome = import_products(parsed, actor=request.user)  # type: ignore[arg-type]
    except Refused as refusal:
        more = len(refusal.reasons) - MOST_SAID
        return _refused(
            request, *refusal.reasons[:MOST_SAID], *([f"and {more} more errors"] if more > 0 else [])
        )
    # The import is done by now; what is left goes away by itself.
    with suppress(RedisError):
        cache.delete(key)
    messages.success(request, f"Products imported: {outcome}.")
    return HttpResponseRedirect(reverse("admin:catalogue_product_changelist"))


def _refused(request: HttpRequest, *reasons: str) -> HttpResponse:
    for reason in reasons:
        messages.error(request, f"Nothing was imported: {reason}")
    return HttpResponseRedirect(reverse("admin:catalogue_product_import_products"))


def _kept(content: bytes) -> str:
    """In Redis, so that the server that takes the upload need not be the one that imports it."""
    upload = uuid.uuid4().hex
    cache.set(_key(upload), content, KEPT_SECONDS)
    return upload


def _key(upload: str) -> str:
    return f"product-import:{upload}"


def _in_order(plan: ImportPlan) -> list[PlannedRow]:
    """What changes first, what stays as it is last; within these as in the file."""
    return sorted(plan.rows, key=lambda row: not row.changes)


def _shown(row: PlannedRow, others: list[Column]) -> dict[str, Any]:
    changed = [column for column in others if not row.is_new and column.path in row.changes]
    return {
        "number": row.number,
        "action": "New" if row.is_new else "Changed" if row.changes else "Unchanged",
        "sku": row.wanted["sku"],
        "changes": [(column.name, *map(_readable, row.changes[column.path])) for column in changed],
        "cells": [_readable(row.wanted[column.path]) for column in others],
    }


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " | ".join(value)
    return "" if value is None else str(value)
