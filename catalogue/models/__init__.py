from catalogue.models.audit import AuditEntry
from catalogue.models.bundle import BundleComponent
from catalogue.models.choices import MarketSegment, PackageStatus, ProductStatus
from catalogue.models.legacy import FoundBy, LegacyProduct, LegacyTable
from catalogue.models.package import ServicePackage
from catalogue.models.product import Product, ProductAddOn, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.vat import NoVatRate, VatRate, excluding_vat, vat_rate_today

__all__ = [
    "AuditEntry",
    "BundleComponent",
    "FoundBy",
    "LegacyProduct",
    "LegacyTable",
    "MarketSegment",
    "NoVatRate",
    "PackageStatus",
    "Product",
    "ProductAddOn",
    "ProductFeature",
    "ProductHardware",
    "ProductPricing",
    "ProductStatus",
    "ServicePackage",
    "VatRate",
    "excluding_vat",
    "vat_rate_today",
]
