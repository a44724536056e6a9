"""What differs between the versions of TMF620. Everything else is built once, in `resources`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from catalogue.models import vat_rate_today


class Kind(StrEnum):
    """The resources of TMF620 by one name each, whatever a version calls them."""

    CATALOG = "catalog"
    CATEGORY = "category"
    OFFERING = "productOffering"
    PRICE = "productOfferingPrice"
    SPECIFICATION = "productSpecification"


@dataclass(frozen=True)
class Dialect:
    """One version: its address and the names it uses."""

    version: str
    path: str
    characteristic_type: str
    characteristic_values: str
    value_types: Mapping[str, str]
    occurred: str
    """The attribute of an event that says when; v4 misspells it, and readers of v4 look for that."""
    subscription_type: str
    names: Mapping[Kind, str] = field(default_factory=dict)
    embeds_prices: bool = False
    """Whether an offering shows the amounts of its prices, or only refers to them."""
    categorises_specifications: bool = False
    parent_by_id: bool = False
    always: tuple[str, ...] = ("id", "href")
    """What every answer holds whatever `fields` asks for."""

    def name(self, kind: Kind) -> str:
        """As it stands in addresses and, capitalised, in `@type` and event types."""
        return self.names.get(kind, str(kind))

    def type(self, kind: Kind) -> str:
        name = self.name(kind)
        return name[0].upper() + name[1:]


V4 = Dialect(
    version="v4",
    path="/tmf-api/productCatalogManagement/v4",
    characteristic_type="ProductSpecificationCharacteristic",
    characteristic_values="productSpecCharacteristicValue",
    value_types=dict.fromkeys(("string", "integer", "boolean"), "CharacteristicValueSpecification"),
    occurred="timeOcurred",
    subscription_type="EventSubscription",
    embeds_prices=True,
    parent_by_id=True,
)
V5 = Dialect(
    version="v5",
    path="/productCatalogManagement/v5",
    characteristic_type="CharacteristicSpecification",
    characteristic_values="characteristicValueSpecification",
    value_types={
        "string": "StringCharacteristicValueSpecification",
        "integer": "IntegerCharacteristicValueSpecification",
        "boolean": "BooleanCharacteristicValueSpecification",
    },
    occurred="timeOccurred",
    subscription_type="Hub",
    names={Kind.CATALOG: "productCatalog"},
    categorises_specifications=True,
    always=("id", "href", "@type"),
)
DIALECTS = {dialect.version: dialect for dialect in (V4, V5)}


def public_url() -> str:
    """Where this server is reached from outside; empty when nobody said."""
    return settings.TMF620_PUBLIC_URL.rstrip("/")


@dataclass
class Rendering:
    """The version, the address and the one instant that an answer rests on."""

    dialect: Dialect
    root: str = field(default_factory=public_url)
    at: datetime = field(default_factory=timezone.now)

    @cached_property
    def vat_rate(self) -> Decimal:
        """Today's, asked for once. Raises NoVatRate."""
        return vat_rate_today()

    def href(self, kind: Kind, id: object) -> str:
        return f"{self.root}{self.dialect.path}/{self.dialect.name(kind)}/{id}"
