"""What the predecessor's columns are called, and where in the catalogue they go. Data, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from catalogue.legacy import cells
from catalogue.product_import import values
from catalogue.product_import.columns import BY_NAME, Column

MOST_DESCRIPTION = 2000


class Paragraphs(Column):
    """Text whose line breaks are kept."""

    def value(self, cell: str) -> str:
        text = cell.replace("\r\n", "\n").strip()
        if values.holds_control_characters(text) or len(text) > MOST_DESCRIPTION:
            raise ValueError(cell)
        return text


@dataclass(frozen=True)
class LegacyField:
    """`column` judges a value as the CSV import does, after `to_cell` made of it what a person would write there.

    Of `synonyms`, names of legacy columns in small letters, the first that the table has is taken.
    """

    column: Column
    synonyms: Sequence[str]
    to_cell: cells.ToCell = cells.plain

    @property
    def name(self) -> str:
        return self.column.name


def _above_zero(column: Column) -> Column:
    """In a file an empty cell ends a promotion and 0 is a mistake; old tables write 0 for none, or mean free."""
    return replace(
        column, read=values.price, expected=f"{column.expected}; 0 is refused: is it free, or none?"
    )


_DAY = "a day such as 2025-10-01, or empty"

FIELDS = (
    LegacyField(BY_NAME["sku"], ("sku", "product_sku", "product_code", "item_code", "code")),
    LegacyField(BY_NAME["name"], ("name", "product_name", "title", "display_name")),
    LegacyField(
        BY_NAME["service_type"], ("service_type", "product_line", "product_type", "service", "type", "family")
    ),
    LegacyField(BY_NAME["product_category"], ("product_category", "category", "category_name")),
    LegacyField(
        BY_NAME["market_segment"],
        ("market_segment", "segment", "customer_type", "customer_segment", "target_market", "audience"),
        cells.segment,
    ),
    LegacyField(
        BY_NAME["provider"],
        ("provider", "provider_name", "network_provider", "network", "isp", "carrier", "supplier"),
    ),
    LegacyField(BY_NAME["technology"], ("technology", "technology_type", "access_technology", "connection_type")),
    LegacyField(
        BY_NAME["speed_down_mbps"],
        ("speed_down_mbps", "speed_down", "download_speed_mbps", "download_speed", "speed_download",
         "down_speed", "speed_mbps", "speed"),
        cells.megabits,
    ),
    LegacyField(
        BY_NAME["speed_up_mbps"],
        ("speed_up_mbps", "speed_up", "upload_speed_mbps", "upload_speed", "speed_upload", "up_speed"),
        cells.megabits,
    ),
    LegacyField(BY_NAME["data_limit"], ("data_limit", "data_cap", "data_allowance", "data_bundle", "cap")),
    LegacyField(
        BY_NAME["price_incl_vat"],
        ("price_incl_vat", "price_regular", "regular_price", "base_price_zar", "base_price", "monthly_price",
         "price_monthly", "price_zar", "price"),
        cells.amount,
    ),
    LegacyField(
        _above_zero(BY_NAME["promo_price_incl_vat"]),
        ("promo_price_incl_vat", "price_promo", "promo_price", "promotion_price", "promotional_price",
         "sale_price", "special_price"),
        cells.amount,
    ),
    LegacyField(
        BY_NAME["promo_months"],
        ("promo_months", "promotion_months", "promo_duration_months", "promo_duration"),
        cells.months,
    ),
    LegacyField(
        Column("promo_from", "pricing.promotion_from", date.fromisoformat, _DAY, empty=None),
        ("promo_from", "promo_start_date", "promo_start", "promotion_start_date", "promotion_start",
         "promo_valid_from", "promotion_from"),
        cells.day,
    ),
    LegacyField(
        Column("promo_to", "pricing.promotion_to", date.fromisoformat, _DAY, empty=None),
        ("promo_to", "promo_end_date", "promo_end", "promotion_end_date", "promotion_end", "promo_expires_at",
         "promo_valid_to", "promo_valid_until", "promotion_to"),
        cells.day,
    ),
    LegacyField(
        BY_NAME["installation_fee_incl_vat"],
        ("installation_fee_incl_vat", "installation_fee", "install_fee", "setup_fee", "installation_cost",
         "installation_price", "once_off_fee"),
        cells.amount,
    ),
    LegacyField(
        BY_NAME["discounted_installation_fee_incl_vat"],
        ("discounted_installation_fee_incl_vat", "discounted_installation_fee", "discounted_setup_fee",
         "installation_fee_promo", "promo_installation_fee"),
        cells.amount,
    ),
    LegacyField(
        BY_NAME["contract_months"],
        ("contract_months", "contract_term", "contract_term_months", "contract_duration", "contract_period",
         "contract_length", "term_months", "term"),
        cells.contract,
    ),
    LegacyField(
        BY_NAME["hardware_model"],
        ("hardware_model", "hardware", "hardware_name", "router", "router_model", "device", "device_name"),
        cells.device,
    ),
    LegacyField(
        BY_NAME["hardware_included"],
        ("hardware_included", "includes_hardware", "router_included", "includes_router", "device_included"),
    ),
    LegacyField(
        Column(
            "hardware_retail_value",
            "hardware.retail_value",
            values.amount,
            BY_NAME["installation_fee_incl_vat"].expected,
            empty=None,
        ),
        ("hardware_retail_value", "hardware_price", "router_price", "device_price", "hardware_value"),
        cells.amount,
    ),
    LegacyField(BY_NAME["features"], ("features", "feature_list", "highlights", "benefits"), cells.features),
    LegacyField(
        BY_NAME["installation_days"],
        ("installation_days", "installation_time_days", "lead_time_days", "installation_lead_time"),
        cells.months,
    ),
    LegacyField(BY_NAME["zones"], ("zones", "coverage_zones", "available_zones"), cells.features),
    LegacyField(BY_NAME["featured"], ("featured", "is_featured")),
    LegacyField(BY_NAME["popular"], ("popular", "is_popular")),
    LegacyField(
        Paragraphs(
            "description",
            "description",
            values.text,
            f"text of at most {MOST_DESCRIPTION} characters without control characters, or empty",
        ),
        ("description", "long_description", "product_description", "short_description", "summary"),
    ),
)  # fmt: skip
FIELDS_BY_NAME = {field.name: field for field in FIELDS}
AMOUNTS = tuple(field.name for field in FIELDS if field.to_cell is cells.amount)

# Whether the predecessor still sold it. Every row becomes a draft; this is counted, and can be asked for.
ACTIVE = "active"
ACTIVE_SYNONYMS = ("is_active", "active", "enabled", "status", "product_status")
NOT_ACTIVE = {
    "false", "0", "no", "inactive", "archived", "discontinued", "deleted", "disabled", "retired", "draft",
}  # fmt: skip

IGNORE = "ignore"
_TIMES = "its time there; the product has its own"
# Understood, and of no use in a product. Like every column it is kept beside the product, as the row stood.
KEPT: dict[str, str] = {
    "slug": "the catalogue makes addresses of its own",
    "created_at": _TIMES,
    "updated_at": _TIMES,
    "modified_at": _TIMES,
    "deleted_at": _TIMES,
    "created_by": "its people are not ours",
    "updated_by": "its people are not ours",
    "search_vector": "derived from other columns",
    "sort_order": "the storefront sorts by itself",
    "display_order": "the storefront sorts by itself",
    "cost_price": "a cost: for those who may see costs to enter",
    "cost": "a cost: for those who may see costs to enter",
    "cost_price_zar": "a cost: for those who may see costs to enter",
    "wholesale_price": "a cost: for those who may see costs to enter",
    "wholesale_cost": "a cost: for those who may see costs to enter",
    "dealer_cost": "a cost: for those who may see costs to enter",
    "hardware_cost": "a cost: for those who may see costs to enter",
    "hardware_dealer_cost": "a cost: for those who may see costs to enter",
    "margin": "derived from price and cost",
    "margin_percentage": "derived from price and cost",
}


def meaning_of_synonym(column: str) -> str | None:
    """The field that a legacy column of this name means; `active`, or None when nobody knows."""
    folded = column.casefold()
    if folded in ACTIVE_SYNONYMS:
        return ACTIVE
    return next((field.name for field in FIELDS if folded in field.synonyms), None)


def rank(field: str, column: str) -> int:
    """Among columns that mean the same field, the lowest is taken."""
    synonyms: Sequence[Any] = ACTIVE_SYNONYMS if field == ACTIVE else FIELDS_BY_NAME[field].synonyms
    return synonyms.index(column.casefold())
