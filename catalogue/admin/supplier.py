"""What is set up now and then: suppliers, how the tables in their workbooks are read, and VAT rates."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from catalogue.models import ColumnMapping, MappedColumn, Supplier, VatRate
from circletel.core import audit
from circletel.core.admin.base import COSTS, HidesCosts, InTable, OwnTrail, section


class AuditedAdmin(HidesCosts, OwnTrail):
    """A page whose edits are in the audit trail, field by field. Nothing is deleted in it."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Everything is saved now."""
        super().save_related(request, form, formsets, change)
        changes: dict[str, list[Any]] = {
            # Auditors need not be cost viewers: that a cost was changed is written down, and not what it is.
            name: ["hidden", "changed"]
            if name in COSTS
            else [form.initial.get(name) if change else None, str(form.cleaned_data.get(name))]
            for name in form.changed_data
        }
        for inline in formsets:
            for part in inline.forms:
                if part.has_changed():
                    changes[str(part.instance)] = [None, ", ".join(part.changed_data)]
        audit.record(
            "edited" if change else "created",
            form.instance,
            actor=request.user,  # type: ignore[arg-type]
            changes=changes,
        )


@admin.register(Supplier)
class SupplierAdmin(AuditedAdmin):
    """Whose lists we take. Discount and margin floor show to cost viewers."""

    list_display = ("name", "code")
    search_fields = ("name", "code")

    fields = (("name", "code"), "markup_percent", ("discount_percent", "margin_floor_percent"))


class MappedColumnInline(InTable):
    """Columns are part of their mapping: whoever may see or change it may see or change them."""

    model = MappedColumn
    extra = 0
    fields = ("position", "title", "field", "label", "required")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.view_columnmapping")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("catalogue.change_columnmapping")

    has_add_permission = has_delete_permission = has_change_permission


@admin.register(ColumnMapping)
class ColumnMappingAdmin(AuditedAdmin):
    """One table of a supplier's workbook: its titles, and what they mean."""

    list_display = ("name", "supplier", "provider", "market_segment", "active")
    list_filter = ("supplier", "active")
    list_select_related = ("supplier",)
    inlines = (MappedColumnInline,)
    fieldsets = (
        section(None, ("supplier", "name"), "active"),
        section(
            "What all its deals have in common",
            "sku_template",
            ("market_segment", "provider"),
            ("service_type", "category"),
            ("technology", "data_limit"),
            "contract_months",
        ),
        section(
            "How its cells are read",
            ("date_order", "without_device"),
            ("refuse_text_numbers", "ends_at_blank_row"),
        ),
    )


@admin.register(VatRate)
class VatRateAdmin(AuditedAdmin):
    """VAT rates by day. History is kept: a rate ends, it is not deleted."""

    list_display = ("percentage", "valid_from", "valid_to")

    @display(description="Rate", ordering="rate")
    def percentage(self, rate: VatRate) -> str:
        return f"{rate.rate * 100:.2f} %"
