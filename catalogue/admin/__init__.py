"""The catalogue in the admin. Thin doors: every deed is a function in `catalogue.services`."""

from catalogue.admin.history import AuditEntryAdmin, VatRateAdmin
from catalogue.admin.package import ServicePackageAdmin
from catalogue.admin.price_list import PriceListAdmin
from catalogue.admin.price_list_row import PriceListRowAdmin, SupplierDealAdmin
from catalogue.admin.product import ProductAdmin
from catalogue.admin.supplier import ColumnMappingAdmin, SupplierAdmin

__all__ = [
    "AuditEntryAdmin",
    "ColumnMappingAdmin",
    "PriceListAdmin",
    "PriceListRowAdmin",
    "ProductAdmin",
    "ServicePackageAdmin",
    "SupplierAdmin",
    "SupplierDealAdmin",
    "VatRateAdmin",
]
