"""The catalogue in the admin. Thin doors: every deed is a function of a service module."""

from catalogue.admin.batches import BatchAdmin
from catalogue.admin.history import AuditEntryAdmin, VatRateAdmin
from catalogue.admin.package import ServicePackageAdmin
from catalogue.admin.product import ProductAdmin
from catalogue.admin.tmf620 import HubDeliveryAdmin, HubListenerAdmin
from catalogue.admin.versions import PackageVersionAdmin

__all__ = [
    "AuditEntryAdmin",
    "BatchAdmin",
    "HubDeliveryAdmin",
    "HubListenerAdmin",
    "PackageVersionAdmin",
    "ProductAdmin",
    "ServicePackageAdmin",
    "VatRateAdmin",
]
