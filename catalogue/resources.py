"""Import of products in the admin: django-import-export lends its steps, the rest is ours."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from import_export import resources
from import_export.admin import ImportMixin
from import_export.fields import Field
from import_export.formats.base_formats import Format
from import_export.results import Result
from import_export.tmp_storages import CacheStorage
from redis.exceptions import RedisError
from unfold.contrib.import_export.forms import ImportForm

from catalogue.product_import import (
    COLUMNS,
    BadFile,
    ImportOutcome,
    ImportPlan,
    ParsedFile,
    RowError,
    import_products,
    parse,
    plan_import,
)
from catalogue.product_import.columns import Column
from catalogue.product_import.plan import PlannedRow
from circletel.core.errors import Refused
from circletel.core.uploads import LARGEST_CSV_MB, at_most

# A page with every cell of twenty thousand rows is of no use to a person, and hardly to a browser.
MOST_SHOWN = 500


class ProductFile(Format):
    """CSV read by our parser, so that what is wrong with a file is said in our words."""

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding

    def get_title(self) -> str:
        return "CSV"

    def can_import(self) -> bool:
        return True

    def create_dataset(self, in_stream: bytes | None) -> ParsedFile:
        if in_stream is None:
            return ParsedFile(
                errors=[
                    RowError(None, "", "an upload of more than a day ago", "the file to be uploaded again")
                ]
            )
        return parse(in_stream)


class ProductImportResult(Result):
    """What the import page shows: the plan before, the outcome after, or why nothing was done."""

    def __init__(self, parsed: ParsedFile) -> None:
        super().__init__()
        self.columns = parsed.columns
        self.plan: ImportPlan | None = None
        self.outcome: ImportOutcome | None = None
        self.refusals: list[str] = []
        self.errors: list[RowError] = []

    def has_errors(self) -> bool:
        return bool(self.refusals)

    def has_validation_errors(self) -> bool:
        return bool(self.errors)

    @property
    def shown_errors(self) -> list[RowError]:
        return self.errors[:MOST_SHOWN]

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """What changes first, what stays as it is last; within these as in the file."""
        rows = sorted(self.plan.rows, key=lambda row: not row.changes) if self.plan else []
        return [self._shown(row) for row in rows[:MOST_SHOWN]]

    @property
    def hidden_rows(self) -> int:
        return max(0, len(self.plan.rows) - MOST_SHOWN) if self.plan else 0

    @property
    def other_columns(self) -> list[Column]:
        return [column for column in self.columns if column.name != "sku"]

    def _shown(self, row: PlannedRow) -> dict[str, Any]:
        changed = [column for column in self.columns if not row.is_new and column.path in row.changes]
        return {
            "number": row.number,
            "deed": "new" if row.is_new else "changed" if row.changes else "unchanged",
            "sku": row.wanted["sku"],
            "changes": [(column.name, *map(_readable, row.changes[column.path])) for column in changed],
            "cells": [_readable(row.wanted[column.path]) for column in self.other_columns],
        }


class ProductResource(resources.Resource):
    """Whole files instead of single rows: a good file is applied in one transaction, a bad one not at all."""

    @classmethod
    def get_display_name(cls) -> str:
        return "Products"

    def get_user_visible_fields(self) -> list[Field]:
        return [Field(column_name=column.name) for column in COLUMNS]

    def import_data(self, dataset: ParsedFile, dry_run: bool = False, **kwargs: Any) -> ProductImportResult:
        result = ProductImportResult(dataset)
        try:
            if dry_run:
                result.plan = plan_import(dataset)
                result.errors = result.plan.errors
            else:
                result.outcome = import_products(dataset, actor=kwargs["user"])
        except BadFile as bad:
            result.errors = bad.errors
        except Refused as refusal:
            result.refusals = list(refusal.reasons)
        return result


class ProductImportForm(ImportForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["import_file"].validators.append(at_most(LARGEST_CSV_MB))


class UploadInCache(CacheStorage):
    """In Redis, so that the server that takes the upload need not be the one that applies it; kept for a day."""

    def remove(self) -> None:
        # The import is done by now; what is left goes away by itself.
        with suppress(RedisError):
            super().remove()


class ProductImportMixin(ImportMixin):
    """For the admin of products: an import page with a preview, for those who may import."""

    resource_classes = [ProductResource]
    import_form_class = ProductImportForm
    import_template_name = "catalogue/import_products.html"
    tmp_storage_class = UploadInCache
    # The audit trail says it all, and says it better.
    skip_admin_log = True

    def get_import_formats(self) -> list[type[Format]]:
        return [ProductFile]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalogue.import_product")

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return super().import_action(request, **kwargs)
        except RedisError:
            return self._not_kept(request)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return super().process_import(request, **kwargs)
        except RedisError:
            return self._not_kept(request)

    def _not_kept(self, request: HttpRequest) -> HttpResponse:
        messages.error(
            request,
            "Nothing was imported: Redis, which keeps the file until you confirm it, does not answer. "
            "Upload it again in a minute.",
        )
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:catalogue_product_import"))

    def process_result(self, result: ProductImportResult, request: HttpRequest) -> HttpResponse:
        """The catalogue may have changed since the preview, so a confirmed file may be refused."""
        if result.outcome is not None:
            messages.success(request, f"Products imported: {result.outcome}.")
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:catalogue_product_changelist"))
        reasons = result.refusals or [str(error) for error in result.errors[:5]]
        more = len(result.errors) - len(reasons)
        for reason in [*reasons, *([f"and {more} more errors"] if more > 0 else [])]:
            messages.error(request, f"Nothing was imported: {reason}")
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:catalogue_product_import"))


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " | ".join(value)
    return "" if value is None else str(value)
