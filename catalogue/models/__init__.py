from catalogue.models.audit import AuditEntry
from catalogue.models.choices import MarketSegment, PackageStatus, ProductStatus
from catalogue.models.package import ServicePackage
from catalogue.models.price_list import Outcome, PriceList, PriceListRow, PriceListStatus, SupplierDeal
from catalogue.models.product import Product, ProductAddOn, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.supplier import ColumnMapping, DealField, MappedColumn, Supplier
from catalogue.models.vat import NoVatRate, VatRate, excluding_vat, vat_rate_today

__all__ = [
    "AuditEntry",
    "ColumnMapping",
    "DealField",
    "MappedColumn",
    "MarketSegment",
    "NoVatRate",
    "Outcome",
    "PackageStatus",
    "PriceList",
    "PriceListRow",
    "PriceListStatus",
    "Product",
    "ProductAddOn",
    "ProductFeature",
    "ProductHardware",
    "ProductPricing",
    "ProductStatus",
    "ServicePackage",
    "Supplier",
    "SupplierDeal",
    "VatRate",
    "excluding_vat",
    "vat_rate_today",
]
