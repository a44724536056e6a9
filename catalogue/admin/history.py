from django.contrib import admin
from unfold.decorators import display

from catalogue.admin.supplier import AuditedAdmin
from catalogue.models import VatRate


@admin.register(VatRate)
class VatRateAdmin(AuditedAdmin):
    """VAT rates by day. History is kept: a rate ends, it is not deleted."""

    list_display = ("percentage", "valid_from", "valid_to")

    @display(description="Rate", ordering="rate")
    def percentage(self, rate: VatRate) -> str:
        return f"{rate.rate * 100:.2f} %"
