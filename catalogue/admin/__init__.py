"""The catalogue in the admin. Thin doors: every deed is a function in `catalogue.services`."""

from catalogue.admin.history import AuditEntryAdmin, VatRateAdmin
from catalogue.admin.package import ServicePackageAdmin
from catalogue.admin.product import ProductAdmin
from catalogue.admin.tmf620 import HubDeliveryAdmin, HubListenerAdmin

__all__ = [
    "AuditEntryAdmin",
    "HubDeliveryAdmin",
    "HubListenerAdmin",
    "ProductAdmin",
    "ServicePackageAdmin",
    "VatRateAdmin",
]
