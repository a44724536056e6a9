"""The columns of an import file: what each is called, where it goes, and what may stand in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from catalogue.models import Product, ProductFeature, ProductHardware, ProductPricing
from catalogue.product_import import values

_MODELS: dict[str, type[models.Model]] = {"": Product, "pricing": ProductPricing, "hardware": ProductHardware}


@dataclass(frozen=True)
class Column:
    """`path` is where the value lives in `product_content`; `empty` is what an empty cell means there."""

    name: str
    path: str
    read: values.Reader
    expected: str
    required: bool = False
    empty: Any = ""
    aliases: Sequence[str] = ()

    def value(self, cell: str) -> Any:
        """What the cell says, fit for the model field. Raises ValueError; `expected` says what to write."""
        if values.holds_control_characters(cell):
            raise ValueError(cell)
        if not (tidied := values.tidy(cell)):
            if self.required:
                raise ValueError(cell)
            return self.empty
        value = self.read(tidied)
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises ValueError when the catalogue could not hold the value, or a part of the list."""
        try:
            for single in value if isinstance(value, list) else [value]:
                self.field.clean(single, None)
                # A TextField leaves its length to forms.
                if isinstance(single, str) and len(single) > (self.field.max_length or len(single)):
                    raise ValueError(value)
        except ValidationError as error:
            raise ValueError(value) from error

    @property
    def field(self) -> "models.Field[Any, Any]":
        """The model field that has the last word on sizes, ranges and formats; of a list, on each of its parts."""
        if self.path == "features":
            return ProductFeature._meta.get_field("text")
        owner, _, name = self.path.rpartition(".")
        field: Any = _MODELS[owner]._meta.get_field(name)
        return getattr(field, "base_field", field)


def _text(longest: int) -> str:
    return f"text of at most {longest} characters"


_AMOUNT = "an amount in rand with VAT, such as 1299, 1 299,00 or R1,299.00"
_MOST = "at most 99999999.99"
_SPEED = "whole Mbit/s of 1 or more, such as 100, or empty when none is promised"

COLUMNS = (
    Column(
        "sku",
        "sku",
        values.text,
        "at most 64 letters, digits, dots, dashes, slashes and underscores, beginning with a letter or digit",
        required=True,
    ),
    Column("name", "name", values.text, _text(200), required=True),
    Column("service_type", "service_type", values.text, _text(60), required=True, aliases=["product_line"]),
    Column("product_category", "category", values.text, _text(60), required=True, aliases=["category"]),
    Column(
        "market_segment",
        "market_segment",
        values.segment,
        "consumer or business",
        required=True,
        aliases=["segment"],
    ),
    Column("provider", "provider", values.text, _text(60), required=True),
    Column("technology", "technology", values.text, f"{_text(40)}, or empty"),
    Column(
        "speed_down_mbps",
        "speed_down_mbps",
        values.whole_number,
        _SPEED,
        empty=None,
        aliases=["download_speed"],
    ),
    Column(
        "speed_up_mbps", "speed_up_mbps", values.whole_number, _SPEED, empty=None, aliases=["upload_speed"]
    ),
    Column("data_limit", "data_limit", values.text, f"{_text(60)}, or empty"),
    Column(
        "price_incl_vat",
        "pricing.regular_price",
        values.price,
        f"{_AMOUNT}; above 0 and {_MOST}",
        required=True,
        aliases=["price", "regular_price"],
    ),
    Column(
        "promo_price_incl_vat",
        "pricing.promotion_price",
        values.amount,
        f"{_AMOUNT}; {_MOST}, or empty when there is no promotion",
        empty=None,
        aliases=["promo_price", "promotion_price"],
    ),
    Column(
        "promo_months",
        "pricing.promotion_months",
        values.whole_number,
        "a whole number of months of 1 or more, or empty when the promotion has no limit",
        empty=None,
        aliases=["promotion_months"],
    ),
    Column(
        "installation_fee_incl_vat",
        "pricing.installation_fee",
        values.amount,
        f"{_AMOUNT}; {_MOST}, 0 when it is free, or empty when none is offered",
        empty=None,
        aliases=["installation_fee"],
    ),
    Column(
        "contract_months",
        "contract_months",
        values.whole_number,
        "a whole number of months from 1 to 120; 1 is month to month",
        required=True,
        aliases=["contract_term"],
    ),
    Column(
        "hardware_model",
        "hardware.model",
        values.text,
        f"{_text(120)}, or empty when there is no device",
        aliases=["hardware"],
    ),
    Column(
        "hardware_included", "hardware.included", values.yes_or_no, "yes or no, or empty for no", empty=False
    ),
    Column(
        "features",
        "features",
        values.features,
        f"at most {values.MOST_FEATURES} features of at most 200 characters, with | between them, or empty",
        empty=(),
    ),
    Column(
        "discounted_installation_fee_incl_vat",
        "pricing.discounted_installation_fee",
        values.amount,
        f"{_AMOUNT}; not above the installation fee, or empty when there is no discount",
        empty=None,
        aliases=["discounted_installation_fee", "discounted_setup_fee"],
    ),
    Column(
        "installation_days",
        "installation_days",
        values.whole_number,
        "a whole number of days from 1 to 365, or empty when nothing is promised",
        empty=None,
    ),
    Column(
        "zones",
        "zones",
        values.features,
        f"at most {values.MOST_FEATURES} zones of at most 60 characters, with | between them, or empty",
        empty=(),
    ),
    Column("featured", "featured", values.yes_or_no, "yes or no, or empty for no", empty=False),
    Column("popular", "popular", values.yes_or_no, "yes or no, or empty for no", empty=False),
)
BY_NAME = {column.name: column for column in COLUMNS}
BY_PATH = {column.path: column for column in COLUMNS}


def column_titled(title: str, columns: Sequence[Column] = COLUMNS) -> Column | None:
    """The column that a header cell names, in any case, with blanks around it or in place of underscores."""
    name = re.sub(r"[ -]", "_", values.tidy(title)).casefold()
    return next((column for column in columns if name in (column.name, *column.aliases)), None)
