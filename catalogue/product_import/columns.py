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


def _text(
    name: str,
    longest: int,
    *aliases: str,
    path: str = "",
    required: bool = False,
    none: str = "or empty",
) -> Column:
    expected = f"text of at most {longest} characters" + ("" if required else f", {none}")
    return Column(name, path or name, values.text, expected, required, aliases=aliases)


def _number(name: str, expected: str, *aliases: str, path: str = "", required: bool = False) -> Column:
    return Column(name, path or name, values.whole_number, expected, required, None, aliases)


def _amount(name: str, path: str, expected: str, *aliases: str) -> Column:
    return Column(name, path, values.amount, f"{_AMOUNT}; {expected}", empty=None, aliases=aliases)


def _flag(name: str, path: str = "") -> Column:
    return Column(name, path or name, values.yes_or_no, "yes or no, or empty for no", empty=False)


def _list(name: str, longest: int) -> Column:
    expected = f"at most {values.MOST_FEATURES} {name} of at most {longest} characters, with | between them, or empty"
    return Column(name, name, values.features, expected, empty=())


_AMOUNT = "an amount in rand with VAT, such as 1299, 1 299,00 or R1,299.00"
_MOST = "at most 99999999.99"
_SKU = "at most 64 letters, digits, dots, dashes, slashes and underscores, beginning with a letter or digit"
_PRICE = f"{_AMOUNT}; above 0 and {_MOST}"
_SPEED = "whole Mbit/s of 1 or more, such as 100, or empty when none is promised"
_NO_LIMIT = "a whole number of months of 1 or more, or empty when the promotion has no limit"
_TERM = "a whole number of months from 1 to 120; 1 is month to month"

COLUMNS = (
    Column("sku", "sku", values.text, _SKU, required=True),
    _text("name", 200, required=True),
    _text("service_type", 60, "product_line", required=True),
    _text("product_category", 60, "category", path="category", required=True),
    Column("market_segment", "market_segment", values.segment, "consumer or business", True, "", ["segment"]),
    _text("provider", 60, required=True),
    _text("technology", 40),
    _number("speed_down_mbps", _SPEED, "download_speed"),
    _number("speed_up_mbps", _SPEED, "upload_speed"),
    _text("data_limit", 60),
    Column(
        "price_incl_vat", "pricing.regular_price", values.price, _PRICE, True, "", ["price", "regular_price"]
    ),
    _amount(
        "promo_price_incl_vat",
        "pricing.promotion_price",
        f"{_MOST}, or empty when there is no promotion",
        "promo_price",
        "promotion_price",
    ),
    _number("promo_months", _NO_LIMIT, "promotion_months", path="pricing.promotion_months"),
    _amount(
        "installation_fee_incl_vat",
        "pricing.installation_fee",
        f"{_MOST}, 0 when it is free, or empty when none is offered",
        "installation_fee",
    ),
    _number("contract_months", _TERM, "contract_term", required=True),
    _text("hardware_model", 120, "hardware", path="hardware.model", none="or empty when there is no device"),
    _flag("hardware_included", "hardware.included"),
    _list("features", 200),
    _amount(
        "discounted_installation_fee_incl_vat",
        "pricing.discounted_installation_fee",
        "not above the installation fee, or empty when there is no discount",
        "discounted_installation_fee",
        "discounted_setup_fee",
    ),
    _number("installation_days", "a whole number of days from 1 to 365, or empty when nothing is promised"),
    _list("zones", 60),
    _flag("featured"),
    _flag("popular"),
)
BY_NAME = {column.name: column for column in COLUMNS}
BY_PATH = {column.path: column for column in COLUMNS}


def column_titled(title: str, columns: Sequence[Column] = COLUMNS) -> Column | None:
    """The column that a header cell names, in any case, with blanks around it or in place of underscores."""
    name = re.sub(r"[ -]", "_", values.tidy(title)).casefold()
    return next((column for column in columns if name in (column.name, *column.aliases)), None)
