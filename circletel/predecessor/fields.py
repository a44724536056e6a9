"""Where each field of a product is found in the predecessor's rows, and how its values are written for an import.

One table for all of its tables. A value becomes what a person would write into a cell of an import file, and the
import's own columns read it; what cannot be understood is passed on, so that they refuse it by name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from catalogue.product_import import values
from catalogue.product_import.columns import BY_NAME, Column

ToCell = Callable[[Any], str]

# What the predecessor called its customers.
_SEGMENTS = {
    **dict.fromkeys(("residential", "home", "personal", "private", "b2c"), "consumer"),
    **dict.fromkeys(("sme", "smme", "smb", "corporate", "enterprise", "b2b"), "business"),
}
_MONTH_TO_MONTH = {"0", "m2m", "month to month", "month-to-month", "monthly", "none", "no contract"}
_LONGEST_DESCRIPTION = 2000


def plain(value: Any) -> str:
    """Numbers without the zeros a numeric column adds; null as empty."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return f"{Decimal(str(value)).normalize():f}"
    return str(value)


def text(value: Any) -> str:
    return plain(value).strip()


def _above_zero(value: Any) -> str:
    """0 is what its columns begin with: none is promised, or none was entered."""
    cell = plain(value)
    return "" if cell == "0" else cell


def _contract(value: Any) -> str:
    """`24 months` as 24, no contract as 1; of several terms the shortest."""
    cell = plain(min(value, default=None) if isinstance(value, list) else value).strip().casefold()
    return "1" if cell in _MONTH_TO_MONTH else re.sub(r"\s*months?$", "", cell)


def _segment(value: Any) -> str:
    cell = plain(value).strip()
    return _SEGMENTS.get(cell.casefold(), cell)


def _provider(value: Any) -> str:
    """A list of carriers names the provider where it has one entry."""
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else ""
    return plain(value)


def day(value: Any) -> str:
    """The civil day in South Africa of a date or an instant."""
    cell = plain(value).strip()
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return (timezone.localdate(instant) if instant.tzinfo else instant.date()).isoformat()


def _device(value: Any) -> str:
    return _named(value) if isinstance(value, dict) else plain(value)


def _features(value: Any) -> str:
    """A list, or text with a line or a semicolon between its parts; `|` between them after."""
    if isinstance(value, list):
        # A bar inside one feature would make two of it.
        return "|".join(
            (_named(one) if isinstance(one, dict) else plain(one)).replace("|", "/") for one in value
        )
    return re.sub(r"[\n;]+", "|", plain(value))


def _named(value: dict[str, Any]) -> str:
    return next((str(value[key]) for key in ("name", "model", "title", "text") if value.get(key)), "")


class _Paragraphs(Column):
    """Text whose line breaks are kept."""

    def value(self, cell: str) -> str:
        text = cell.replace("\r\n", "\n").strip()
        if values.holds_control_characters(text) or len(text) > _LONGEST_DESCRIPTION:
            raise ValueError(cell)
        return text


_DAY = Column("", "", date.fromisoformat, "a day such as 2025-10-01, or empty", empty=None)
_COLUMNS = {
    **BY_NAME,
    # In a file an empty cell ends a promotion. 0 may be none or free, and nobody can say which.
    "promo_price_incl_vat": replace(BY_NAME["promo_price_incl_vat"], read=values.price),
    "promo_from": replace(_DAY, name="promo_from", path="pricing.promotion_from"),
    "promo_to": replace(_DAY, name="promo_to", path="pricing.promotion_to"),
    "hardware_retail_value": replace(
        BY_NAME["installation_fee_incl_vat"], name="hardware_retail_value", path="hardware.retail_value"
    ),
    "description": _Paragraphs(
        "description",
        "description",
        values.text,
        f"text of at most {_LONGEST_DESCRIPTION} characters, or empty",
    ),
}
# Asked row by row; the first that says something is taken. A source is a column, or with a dot a key of a JSON column
# or of what was joined to the row.
_SOURCES = {
    "sku": "sku package.sku",
    "name": "name",
    "service_type": "service_type",
    "product_category": "product_category category",
    "market_segment": "market_segment customer_type package.market_segment package.customer_type",
    "provider": "provider compatible_providers package.provider package.compatible_providers",
    "technology": "technology metadata.technology",
    "speed_down_mbps": "speed_down download_speed",
    "speed_up_mbps": "speed_up upload_speed",
    "data_limit": "data_limit data_cap metadata.data_limit metadata.data_cap",
    "price_incl_vat": "price_regular base_price_zar monthly_price price pricing.monthly",
    "promo_price_incl_vat": "price_promo promotion_price",
    "promo_months": "promotion_months",
    "promo_from": "promo_start_date",
    "promo_to": "promo_end_date",
    "installation_fee_incl_vat": "installation_fee setup_fee pricing.setup",
    "discounted_installation_fee_incl_vat": "discounted_setup_fee",
    "contract_months": "contract_months contract_term min_contract_months metadata.contract_months"
    " package.contract_months package.metadata.contract_months contract_terms",
    "hardware_model": "hardware_model hardware metadata.hardware",
    "hardware_included": "hardware_included is_included",
    "hardware_retail_value": "retail_value",
    "features": "features",
    "installation_days": "lead_time_days",
    "zones": "availability_zones",
    "featured": "is_featured",
    "popular": "is_popular",
    "description": "description long_description short_description",
}
_TO_CELL: dict[str, ToCell] = {
    "market_segment": _segment,
    "provider": _provider,
    "speed_down_mbps": _above_zero,
    "speed_up_mbps": _above_zero,
    "promo_months": _above_zero,
    "promo_from": day,
    "promo_to": day,
    "installation_fee_incl_vat": _above_zero,
    "discounted_installation_fee_incl_vat": _above_zero,
    "contract_months": _contract,
    "hardware_model": _device,
    "features": _features,
    "zones": _features,
}


@dataclass(frozen=True)
class Field:
    """`column` reads what `to_cell` makes of the first of `sources` that says something."""

    column: Column
    sources: tuple[str, ...]
    to_cell: ToCell


FIELDS = {
    name: Field(_COLUMNS[name], (name, *sources.split()), _TO_CELL.get(name, plain))
    for name, sources in _SOURCES.items()
}
AMOUNTS = {name for name, one in FIELDS.items() if one.column.read in (values.amount, values.price)}
# Columns that are read beside the fields, or that no row here has a place for.
READ_BESIDE = {
    "id", "slug", "status", "active", "is_active", "is_current", "valid_from", "valid_to", "created_at",
    "price_history", "bundle_components", "source_admin_product_id",
}  # fmt: skip
