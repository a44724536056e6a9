"""The page of the product import: choose a file, see what every row would do, then import it whole."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from redis.exceptions import RedisError
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminFileFieldWidget

from catalogue.product_import.columns import COLUMNS, Column
from catalogue.product_import.parsing import parse
from catalogue.product_import.plan import ImportPlan, PlannedRow, plan_import
from catalogue.product_import.upload import keep, request_import
from circletel.core.uploads import LARGEST_CSV_MB, at_most

# A page with every cell of twenty thousand rows is of no use to a person, and hardly to a browser.
MOST_SHOWN = 500
NOT_KEPT = (
    "Nothing was imported: Redis, which keeps the file until you confirm it, does not answer."
    " Upload it again in a minute."
)


class ProductFileForm(forms.Form):
    import_file = forms.FileField(
        label="File", validators=[at_most(LARGEST_CSV_MB)], widget=UnfoldAdminFileFieldWidget
    )


def import_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """GET asks for a file, POST shows what it would do, POST with `upload` has the file that was shown imported."""
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
            file = form.cleaned_data["import_file"]
            context |= {"file": file.name, **_preview(file.read())}
        return TemplateResponse(request, "catalogue/import_products.html", context)
    except RedisError:
        messages.error(request, NOT_KEPT)
        return HttpResponseRedirect(reverse("admin:catalogue_product_import_products"))


def _preview(content: bytes) -> dict[str, Any]:
    parsed = parse(content)
    plan = plan_import(parsed)
    if plan.errors:
        return {"errors": plan.errors, "shown_errors": plan.errors[:MOST_SHOWN]}
    others = [column for column in parsed.columns if column.name != "sku"]
    return {
        "upload": keep(content),
        "outcome": plan.outcome,
        "other_columns": others,
        "rows": [_shown(row, others) for row in _in_order(plan)[:MOST_SHOWN]],
        "hidden": max(0, len(plan.rows) - MOST_SHOWN),
    }


def _import(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("file", "")[:200]
    job = request_import(request.POST["upload"][:200], name, actor=request.user)  # type: ignore[arg-type]
    return HttpResponseRedirect(reverse("admin:core_job_change", args=[job.pk]))


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
