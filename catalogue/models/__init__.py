from catalogue.models.audit import AuditEntry
from catalogue.models.choices import MarketSegment, PackageStatus, ProductStatus
from catalogue.models.package import ServicePackage
from catalogue.models.product import Product, ProductAddOn, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.tmf620 import (
    HubDelivery,
    HubEvent,
    HubListener,
    HubSnapshot,
    TmfDocument,
    TmfDraft,
    TmfJob,
)
from catalogue.models.vat import NoVatRate, VatRate, excluding_vat, vat_rate_today

__all__ = [
    "AuditEntry",
    "HubDelivery",
    "HubEvent",
    "HubListener",
    "HubSnapshot",
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
    "TmfDocument",
    "TmfDraft",
    "TmfJob",
    "VatRate",
    "excluding_vat",
    "vat_rate_today",
]
