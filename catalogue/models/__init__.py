from catalogue.models.batch import BatchItem, BatchStatus, ItemState
from catalogue.models.bundle import BundleComponent
from catalogue.models.choices import MarketSegment, PackageStatus, ProductStatus, PublishState
from catalogue.models.document import CatalogueRevision, PackageDocument
from catalogue.models.legacy import LegacyProduct, LegacyTable
from catalogue.models.package import PackageContent, ServicePackage, publish_state
from catalogue.models.price_list import Outcome, PriceList, PriceListRow, PriceListStatus, SupplierDeal
from catalogue.models.product import Product, ProductAddOn, ProductFeature, ProductHardware, ProductPricing
from catalogue.models.supplier import ColumnMapping, DealField, MappedColumn, Supplier
from catalogue.models.tmf620 import (
    HubDelivery,
    HubEvent,
    HubListener,
    HubSnapshot,
    TmfDraft,
)
from catalogue.models.vat import NoVatRate, VatRate, excluding_vat, vat_rate_at, vat_rate_today
from catalogue.models.version import PackageVersion
