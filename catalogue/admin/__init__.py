"""The catalogue in the admin. Thin doors: every deed is a function of a service module."""

from catalogue.admin import batches
from catalogue.admin.package import ServicePackageAdmin
from catalogue.admin.price_list import PriceListAdmin, PriceListRowAdmin, SupplierDealAdmin
from catalogue.admin.product import ProductAdmin
from catalogue.admin.supplier import ColumnMappingAdmin, SupplierAdmin, VatRateAdmin
from catalogue.admin.tmf620 import HubDeliveryAdmin, HubListenerAdmin
from catalogue.admin.versions import PackageVersionAdmin
