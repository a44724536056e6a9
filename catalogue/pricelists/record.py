"""One row of a price list, read cell by cell. Every reason to refuse it is gathered, each naming its column."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from catalogue.models import DealField, MappedColumn, PriceListRow
from catalogue.models.product import SKU_FORMAT
from catalogue.models.vat import CENT
from catalogue.pricelists import cells
from catalogue.pricelists.cells import BadCell, TextDate
from catalogue.pricelists.tables import TableRow
from circletel.core.amounts import rand

HUNDRED = Decimal(100)
LONGEST_SKU = 64
FEATURES = {DealField.MINUTES, DealField.SMS, DealField.FEATURE, DealField.FREEBIE}
DATES = {DealField.OFFERED_FROM: "valid_from", DealField.OFFERED_TO: "valid_to"}
UNKNOWN_DEVICES = {"unknown", "tbc", "tba", "tbd", "?", "#n/a", "#ref!", "device"}
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


# Days wait for a look at the whole column before they are part of the content: under its path, the title of the
# column and the day, TextDate while its order is undecided.
Days = dict[str, tuple[str, date | TextDate]]


def read_deal(row: TableRow, *, vat_rate: Decimal, markup: Decimal) -> tuple[PriceListRow, Days]:
    """The deal, of use where it has no `reasons`, and its days. Never raises: what is wrong becomes a reason.

    What the list does not speak of, the product keeps.
    """
    reader = _Reader(row, vat_rate, markup)
    for path, value in reader.content.items():
        if isinstance(value, Decimal):
            reader.content[path] = f"{value:.2f}"
    reader.deal.deal_id = reader.deal.deal_id[:200]
    return reader.deal, reader.days


class _Reader:
    def __init__(self, row: TableRow, vat_rate: Decimal, markup: Decimal) -> None:
        self.mapping, self.cells = row.mapping, row.cells
        # By what they mean: the columns that stand in the header.
        self.columns: dict[str, list[MappedColumn]] = {}
        for column in row.mapping.columns.all():
            if column.pk in row.cells:
                self.columns.setdefault(column.field, []).append(column)
        self.vat_rate, self.markup = vat_rate, markup
        self.mapped = {column.field for column in row.mapping.columns.all()}
        self.strict = row.mapping.refuse_text_numbers
        self.content: dict[str, Any] = {}
        self.reasons: list[str] = []
        self.days: Days = {}
        self.deal = PriceListRow(
            mapping_id=row.mapping.pk,
            sheet=row.sheet[:100],
            number=row.number,
            reasons=self.reasons,
            values={"content": self.content, "stock": "", "details": {}},
        )
        self._in_common()
        self._identity()
        self._price()
        self._device()
        self._offer()
        self._what_is_included()
        self._kept()

    def _in_common(self) -> None:
        common = ("market_segment", "provider", "service_type", "category", "technology")
        self.content |= {name: getattr(self.mapping, name) for name in common}
        if self.mapping.data_limit:
            self.content["data_limit"] = self.mapping.data_limit

    def _identity(self) -> None:
        deal = self.deal
        name = self._read(DealField.NAME, lambda cell: cells.words(cell, 200)) or ""
        freebies = [
            self._cell(column, lambda cell: cells.words(cell, 200 - len(column.label)))  # noqa: B023
            for column in self.columns.get(DealField.FREEBIE, ())
        ]
        if not name and not self._refused(DealField.NAME):
            self._refuse(DealField.NAME, "empty, expected the name of the deal")
        self.content["name"] = " + ".join(filter(None, [name, *freebies]))[:200]
        months = self.content["contract_months"] = self._term()
        if DealField.DEAL_ID in self.columns:
            deal.deal_id = self._read(DealField.DEAL_ID, cells.text)
            self._sku(DealField.DEAL_ID, months)
        elif deal_id := slugify(name).upper():
            deal.deal_id = deal_id
            self._sku(DealField.NAME, months)

    def _sku(self, named_by: DealField, months: int) -> None:
        if not self.deal.deal_id:
            self._refuse(named_by, "empty, expected the deal id")
            return
        sku = self.content["sku"] = self.mapping.sku_for(self.deal.deal_id, months)
        try:
            SKU_FORMAT(sku)
        except ValidationError as error:
            self._refuse(named_by, f"“{sku[:80]}” cannot be an SKU. {error.message}")
        if len(sku) > LONGEST_SKU:
            self._refuse(named_by, f"an SKU has at most {LONGEST_SKU} characters, not {len(sku)}")

    def _term(self) -> int:
        if DealField.CONTRACT_MONTHS in self.columns:
            field_ = DealField.CONTRACT_MONTHS
            return self._read(field_, lambda cell: cells.months(cell, refuse_text=self.strict)) or 0
        if not self.mapping.contract_months:
            self._refuse(DealField.CONTRACT_MONTHS, "neither a column nor the mapping says the contract term")
        return self.mapping.contract_months or 0

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
            self.reasons.append(f"no price: {zero} ({titles})")
            return
        if incl is not None and excl is not None and (reason := self._contradiction(incl, excl)):
            self.reasons.append(reason)
            return
        listed = self.deal.listed_after = self._listed(incl, excl)
        if listed is not None:
            asked = listed * (1 + self.markup / HUNDRED)
            self.content["pricing.regular_price"] = asked.quantize(CENT, ROUND_HALF_UP)
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
            return (excl * (1 + self.vat_rate)).quantize(CENT, ROUND_HALF_UP)
        return self._read(DealField.PRICE_INCL_VAT, lambda cell: cells.cents(cell, incl))

    def _promotion(self) -> None:
        if DealField.PROMOTION_PRICE not in self.columns:
            return
        promotion = self._money(DealField.PROMOTION_PRICE)
        price = self.deal.listed_after
        if promotion is not None and price is not None and promotion >= price:
            self._refuse(
                DealField.PROMOTION_PRICE, f"{rand(promotion)} is not below the price, {rand(price)}"
            )
        self.content["pricing.promotion_price"] = promotion

    # --- the device

    def _device(self) -> None:
        if DealField.DEVICE not in self.columns:
            return
        pay_in = self._pay_in()
        named = self._read(DealField.DEVICE, cells.text) or ""
        device = named.rstrip("* ")
        without = [one.strip().casefold() for one in self.mapping.without_device.split("|") if one.strip()]
        if device.casefold() in without:
            if pay_in:
                self._refuse(
                    DealField.PAY_IN, f"{rand(pay_in)} is to be paid in, but there is no device (“{device}”)"
                )
            device = ""
        elif cells.is_nothing(device) or device.casefold() in UNKNOWN_DEVICES:
            instead = f", or “{self.mapping.without_device.split('|')[0]}”" if without else ""
            self._refuse(
                DealField.DEVICE, f"unknown device “{named}”, expected the name of the device{instead}"
            )
        elif len(device) > 120:
            self._refuse(DealField.DEVICE, f"at most 120 characters, not {len(device)}")
        self.content |= {
            "hardware.model": device or None,
            "hardware.included": not pay_in if device else None,
            "hardware.retail_value": (pay_in or None) if device else None,
        }

    def _pay_in(self) -> Decimal | None:
        if DealField.PAY_IN not in self.columns:
            return Decimal(0)
        pay_in = self._money(DealField.PAY_IN)
        if pay_in is None and not self._refused(DealField.PAY_IN):
            self._refuse(DealField.PAY_IN, "empty, expected an amount in rand, 0 when nothing is paid in")
        return pay_in

    # --- when, and what is included

    def _offer(self) -> None:
        for field_, path in DATES.items():
            if field_ in self.mapped:
                self.content[path] = None
                found = self._read(field_, cells.day)
                if found is not None:
                    self.days[path] = self._title(field_), found
        if DealField.INSTALLATION_FEE in self.columns:
            self.content["pricing.installation_fee"] = self._money(DealField.INSTALLATION_FEE)

    def _what_is_included(self) -> None:
        if DealField.DATA in self.columns:
            self.content["data_limit"] = self._read(DealField.DATA, cells.data_limit) or ""
        down, up = self._read(DealField.SPEED, cells.speed) or (None, None)
        # An empty cell says nothing: the product keeps the speed it has.
        said = {"speed_down_mbps": down, "speed_up_mbps": up}
        self.content |= {path: speed for path, speed in said.items() if speed is not None}
        if self.mapped & FEATURES:
            self.content["features"] = self._features()

    def _features(self) -> list[str]:
        features = [*self._added_up(DealField.MINUTES, "minutes"), *self._added_up(DealField.SMS, "SMS")]
        for field_, usual in ((DealField.FREEBIE, "Free: {}"), (DealField.FEATURE, "{}")):
            for column in self.columns.get(field_, ()):
                features += self._feature(column, column.label or usual)
        return features

    def _added_up(self, field_: DealField, unit: str) -> list[str]:
        found = [self._cell(column, cells.quantity) for column in self.columns.get(field_, ())]
        total = sum(one for one in found if isinstance(one, int))
        texts = [one for one in found if isinstance(one, str) and one]
        return ([f"{total:,} {unit}".replace(",", " ")] if total else []) + [
            one if unit.casefold() in one.casefold() else f"{one} {unit}" for one in texts
        ]

    def _feature(self, column: MappedColumn, label: str) -> list[str]:
        said = self._cell(column, lambda cell: cells.words(cell, 200))
        if not said or ("{}" not in label and said.casefold() in _NO):
            return []
        if "{}" in label:
            feature = label.replace("{}", said)
        else:
            feature = label if said.casefold() in _YES else f"{label}: {said}"
        if len(feature) > 200:
            self.reasons.append(f"{column.title}: a feature has at most 200 characters, not {len(feature)}")
        return [feature]

    def _kept(self) -> None:
        stock = []
        for column in self.columns.get(DealField.STOCK, ()):
            if said := self._cell(column, lambda cell: cells.words(cell, 80)):
                stock.append(f"{column.label}: {said}" if column.label else said)
        self.deal.values["stock"] = "; ".join(stock)[:200]
        for column in self.columns.get(DealField.NOTE, ()):
            if said := self._cell(column, lambda cell: cells.words(cell, 500)):
                self.deal.values["details"][column.title] = said

    # --- cells

    def _title(self, field_: DealField) -> str:
        columns = self.columns.get(field_)
        return columns[0].title.split("|")[0].strip() if columns else str(field_.label)

    def _refuse(self, field_: DealField, reason: str) -> None:
        self.reasons.append(f"{self._title(field_)}: {reason}")

    def _refused(self, field_: DealField) -> bool:
        """Whether the column has said something that cannot be read."""
        return any(reason.startswith(f"{self._title(field_)}: “") for reason in self.reasons)

    def _amount(self, field_: DealField) -> Decimal | None:
        return self._read(field_, lambda cell: cells.amount(cell, refuse_text=self.strict))

    def _money(self, field_: DealField) -> Decimal | None:
        def read(cell: Any) -> Decimal | None:
            found = cells.fee(cell, refuse_text=self.strict)
            return None if found is None else cells.cents(cell, found)

        return self._read(field_, read)

    def _read(self, field_: DealField, reader: Callable[[Any], Any]) -> Any:
        return self._cell(self.columns[field_][0], reader) if field_ in self.columns else None

    def _cell(self, column: MappedColumn, reader: Callable[[Any], Any]) -> Any:
        try:
            return reader(self.cells[column.pk])
        except BadCell as bad:
            self.reasons.append(f"{column.title.split('|')[0].strip()}: {bad}")
            return None
