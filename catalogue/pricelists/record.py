"""One row of a price list, read cell by cell. Every reason to refuse it is gathered, each naming its column."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from catalogue.models import DealField, MappedColumn
from catalogue.models.product import SKU_FORMAT
from catalogue.models.vat import CENT
from catalogue.pricelists import cells
from catalogue.pricelists.cells import BadCell, TextDate
from catalogue.pricelists.tables import TableRow
from circletel.core.amounts import rand

LONGEST_SKU = 64
UNKNOWN_DEVICES = {"unknown", "tbc", "tba", "tbd", "?", "#n/a", "#ref!", "device"}
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


@dataclass(slots=True)
class Record:
    """What a row says. `dates` holds the title and the day of each, TextDate while its order is undecided."""

    mapping_id: int
    sheet: str
    number: int
    deal_id: str = ""
    sku: str = ""
    name: str = ""
    listed_price: Decimal | None = None
    contract_months: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    dates: dict[str, tuple[str, date | TextDate]] = field(default_factory=dict)
    freebies: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    stock: str = ""
    details: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def read_record(row: TableRow, *, vat_rate: Decimal) -> Record:
    """Never raises: what is wrong becomes a reason."""
    return _Reader(row, vat_rate).record


class _Reader:
    def __init__(self, row: TableRow, vat_rate: Decimal) -> None:
        self.mapping, self.cells, self.vat_rate = row.mapping, row.cells, vat_rate
        self.strict = row.mapping.refuse_text_numbers
        self.record = Record(row.mapping.pk, row.sheet, row.number)
        self.columns = row.columns
        self._identity()
        self._price()
        self._device()
        self._offer()
        self._what_is_included()
        self._kept()

    def _identity(self) -> None:
        record = self.record
        record.name = self._read(DealField.NAME, lambda cell: cells.words(cell, 200)) or ""
        for column in self.columns.get(DealField.FREEBIE, ()):
            if freebie := self._cell(column, lambda cell: cells.words(cell, 200 - len(column.label))):  # noqa: B023
                record.freebies.append(freebie)
        if not record.name and not self._refused(DealField.NAME):
            record.reasons.append(f"{self._title(DealField.NAME)}: empty, expected the name of the deal")
        record.contract_months = self._term()
        if DealField.DEAL_ID in self.columns:
            record.deal_id = cells.text(self._raw(DealField.DEAL_ID))
        else:
            record.deal_id = slugify(record.name).upper()
        if record.deal_id or DealField.DEAL_ID in self.columns:
            self._sku()

    def _sku(self) -> None:
        record = self.record
        title = self._title(DealField.DEAL_ID if DealField.DEAL_ID in self.columns else DealField.NAME)
        if not record.deal_id:
            record.reasons.append(f"{title}: empty, expected the deal id")
            return
        record.sku = self.mapping.sku_for(record.deal_id, record.contract_months)
        try:
            SKU_FORMAT(record.sku)
        except ValidationError as error:
            record.reasons.append(f"{title}: “{record.sku[:80]}” cannot be an SKU. {error.message}")
        if len(record.sku) > LONGEST_SKU:
            record.reasons.append(
                f"{title}: an SKU has at most {LONGEST_SKU} characters, not {len(record.sku)}"
            )

    def _term(self) -> int:
        if DealField.CONTRACT_MONTHS not in self.columns:
            return self.mapping.contract_months or self._without(
                DealField.CONTRACT_MONTHS, "neither a column nor the mapping says the contract term"
            )
        read = self._read(DealField.CONTRACT_MONTHS, lambda cell: cells.months(cell, refuse_text=self.strict))
        return read or 0

    def _without(self, field_: DealField, reason: str) -> int:
        self.record.reasons.append(f"{field_.label}: {reason}")
        return 0

    # --- prices

    def _price(self) -> None:
        incl = self._amount(DealField.PRICE_INCL_VAT)
        excl = self._amount(DealField.PRICE_EXCL_VAT)
        fields = (DealField.PRICE_INCL_VAT, DealField.PRICE_EXCL_VAT)
        if any(self._refused(field_) for field_ in fields):
            return
        if not incl and not excl:
            zero = "it is 0" if 0 in (incl, excl) else "the cells are empty"
            titles = " and ".join(f"“{self._title(field_)}”" for field_ in fields if field_ in self.columns)
            self.record.reasons.append(f"no price: {zero} ({titles})")
            return
        if incl is not None and excl is not None and (reason := self._contradiction(incl, excl)):
            self.record.reasons.append(reason)
            return
        self.record.listed_price = self._listed(incl, excl)
        self._promotion()

    def _contradiction(self, incl: Decimal, excl: Decimal) -> str:
        factor = 1 + self.vat_rate
        if abs(excl * factor - incl) <= CENT:
            return ""
        hint = (
            "; are the two columns swapped?"
            if abs(incl * factor - excl) <= CENT
            else "; one of them is wrong"
        )
        return (
            f"the prices contradict each other: “{self._title(DealField.PRICE_EXCL_VAT)}” {rand(excl)} with"
            f" {self.vat_rate * 100:.2f} % VAT is {rand(excl * factor)}, but “{self._title(DealField.PRICE_INCL_VAT)}”"
            f" says {rand(incl)}{hint}"
        )

    def _listed(self, incl: Decimal | None, excl: Decimal | None) -> Decimal | None:
        if incl is None:
            assert excl is not None  # one of them is there
            return _cents(excl * (1 + self.vat_rate))
        return self._cell(
            self.columns[DealField.PRICE_INCL_VAT][0], lambda cell: cells.cents(cell, incl), always=True
        )

    def _promotion(self) -> None:
        if DealField.PROMOTION_PRICE not in self.columns:
            return
        promotion = self._money(DealField.PROMOTION_PRICE)
        price = self.record.listed_price
        if promotion is not None and price is not None and promotion >= price:
            self.record.reasons.append(
                f"{self._title(DealField.PROMOTION_PRICE)}: {rand(promotion)} is not below the price, {rand(price)}"
            )
        self.record.said["pricing.promotion_price"] = promotion

    # --- the device

    def _device(self) -> None:
        if DealField.DEVICE not in self.columns:
            return
        title, pay_in = self._title(DealField.DEVICE), self._pay_in()
        named = self._read(DealField.DEVICE, cells.text) or ""
        device = named.rstrip("* ")
        without = [one.strip().casefold() for one in self.mapping.without_device.split("|") if one.strip()]
        if device.casefold() in without:
            if pay_in:
                self.record.reasons.append(
                    f"{self._title(DealField.PAY_IN)}: {rand(pay_in)} is to be paid in, but there is no device (“{device}”)"
                )
            self._say_device(None, None, None)
        elif cells.is_nothing(device) or device.casefold() in UNKNOWN_DEVICES:
            instead = f", or “{self.mapping.without_device.split('|')[0]}”" if without else ""
            self.record.reasons.append(
                f"{title}: unknown device “{named}”, expected the name of the device{instead}"
            )
        elif len(device) > 120:
            self.record.reasons.append(f"{title}: at most 120 characters, not {len(device)}")
        else:
            included = not pay_in
            self._say_device(device, included, None if included else pay_in)

    def _say_device(self, model: str | None, included: bool | None, retail_value: Decimal | None) -> None:
        self.record.said |= {
            "hardware.model": model,
            "hardware.included": included,
            "hardware.retail_value": retail_value,
        }

    def _pay_in(self) -> Decimal | None:
        if DealField.PAY_IN not in self.columns:
            return Decimal(0)
        pay_in = self._money(DealField.PAY_IN)
        if pay_in is None and not self._refused(DealField.PAY_IN):
            self.record.reasons.append(
                f"{self._title(DealField.PAY_IN)}: empty, expected an amount in rand, 0 when nothing is paid in"
            )
        return pay_in

    # --- when, and what is included

    def _offer(self) -> None:
        for field_ in (DealField.OFFERED_FROM, DealField.OFFERED_TO):
            if field_ in self.columns:
                found = self._read(field_, cells.day)
                if found is not None:
                    self.record.dates[field_.value] = self._title(field_), found
        if DealField.INSTALLATION_FEE in self.columns:
            self.record.said["pricing.installation_fee"] = self._money(DealField.INSTALLATION_FEE)

    def _what_is_included(self) -> None:
        if DealField.DATA in self.columns:
            self.record.said["data_limit"] = self._read(DealField.DATA, cells.data_limit) or ""
        if DealField.SPEED in self.columns:
            down, up = self._read(DealField.SPEED, cells.speed) or (None, None)
            # An empty cell says nothing: the product keeps the speed it has.
            said = {"speed_down_mbps": down, "speed_up_mbps": up}
            self.record.said |= {path: speed for path, speed in said.items() if speed is not None}
        self._added_up(DealField.MINUTES, "minutes")
        self._added_up(DealField.SMS, "SMS")
        for column in self.columns.get(DealField.FREEBIE, ()):
            self._feature(column, column.label or "Free: {}")
        for column in self.columns.get(DealField.FEATURE, ()):
            self._feature(column, column.label or "{}")

    def _added_up(self, field_: DealField, unit: str) -> None:
        found = [self._cell(column, cells.quantity) for column in self.columns.get(field_, ())]
        total = sum(one for one in found if isinstance(one, int))
        texts = [one for one in found if isinstance(one, str) and one]
        self.record.features += ([f"{total:,} {unit}".replace(",", " ")] if total else []) + [
            one if unit.casefold() in one.casefold() else f"{one} {unit}" for one in texts
        ]

    def _feature(self, column: MappedColumn, label: str) -> None:
        said = self._cell(column, lambda cell: cells.words(cell, 200))
        if not said or ("{}" not in label and said.casefold() in _NO):
            return
        if "{}" in label:
            feature = label.replace("{}", said)
        else:
            feature = label if said.casefold() in _YES else f"{label}: {said}"
        if len(feature) > 200:
            self.record.reasons.append(
                f"{column.title}: a feature has at most 200 characters, not {len(feature)}"
            )
        self.record.features.append(feature)

    def _kept(self) -> None:
        stock = []
        for column in self.columns.get(DealField.STOCK, ()):
            if said := self._cell(column, lambda cell: cells.words(cell, 80)):
                stock.append(f"{column.label}: {said}" if column.label else said)
        self.record.stock = "; ".join(stock)[:200]
        for column in self.columns.get(DealField.NOTE, ()):
            if said := self._cell(column, lambda cell: cells.words(cell, 500)):
                self.record.details[column.title] = said

    # --- cells

    def _raw(self, field_: DealField) -> Any:
        return self.cells[self.columns[field_][0].pk]

    def _title(self, field_: DealField) -> str:
        columns = self.columns.get(field_)
        return columns[0].title.split("|")[0].strip() if columns else str(field_.label)

    def _refused(self, field_: DealField) -> bool:
        """Whether the column has said something that cannot be read."""
        return any(reason.startswith(f"{self._title(field_)}: “") for reason in self.record.reasons)

    def _amount(self, field_: DealField) -> Decimal | None:
        return self._read(field_, lambda cell: cells.amount(cell, refuse_text=self.strict))

    def _money(self, field_: DealField) -> Decimal | None:
        def read(cell: Any) -> Decimal | None:
            found = cells.fee(cell, refuse_text=self.strict)
            return None if found is None else cells.cents(cell, found)

        return self._read(field_, read)

    def _read(self, field_: DealField, reader: Callable[[Any], Any]) -> Any:
        return self._cell(self.columns[field_][0], reader) if field_ in self.columns else None

    def _cell(self, column: MappedColumn, reader: Callable[[Any], Any], *, always: bool = False) -> Any:
        try:
            return reader(self.cells[column.pk])
        except BadCell as bad:
            self.record.reasons.append(f"{column.title.split('|')[0].strip()}: {bad}")
            return None


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
