"""Suppliers, and how the tables in their workbooks are read."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from catalogue.models.choices import MarketSegment


def percentage(verbose_name: str, help_text: str, **options: Any) -> models.DecimalField:
    """Per cent with two decimals, 0 to below 100."""
    return models.DecimalField(
        verbose_name,
        max_digits=4,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal("99.99"))],
        help_text=help_text,
        **options,
    )


class Supplier(models.Model):
    """Somebody whose deals CircleTel resells. Discount and floor are ours alone: they show only to cost viewers."""

    code = models.SlugField(max_length=40, unique=True, help_text="As in import_price_list --supplier CODE.")
    name = models.CharField(max_length=60, unique=True)
    markup_percent = percentage(
        "markup, %",
        "What we ask on top of the price in the supplier's list. 0 sells at the listed price.",
        default=Decimal(0),
    )
    discount_percent = percentage(
        "discount, %",
        "What we pay less than the listed price. 0 pays the listed price.",
        default=Decimal(0),
    )
    margin_floor_percent = percentage(
        "margin floor, %",
        "A live package whose margin falls below it is pointed out. Empty means no floor.",
        null=True,
        blank=True,
    )

    class Meta:
        db_table = "suppliers"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(markup_percent__gte=0, discount_percent__gte=0, discount_percent__lt=100),
                name="supplier_percentages_in_range",
            ),
            models.CheckConstraint(
                condition=Q(margin_floor_percent=None)
                | Q(margin_floor_percent__gte=0, margin_floor_percent__lt=100),
                name="supplier_margin_floor_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DateOrder(models.TextChoices):
    MONTH_FIRST = "mdy", "Month first: 12/31/2025"
    DAY_FIRST = "dmy", "Day first: 31/12/2025"


class ColumnMapping(models.Model):
    """One table in a supplier's workbooks: the titles that give it away, and what every deal in it has in common."""

    DateOrder = DateOrder

    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="mappings")
    name = models.CharField(max_length=80)
    active = models.BooleanField(
        default=True, help_text="Inactive mappings are not looked for in a workbook."
    )
    sku_template = models.CharField(
        "SKU",
        max_length=80,
        default="{deal_id}",
        help_text="{deal_id} and {contract_months} stand for the deal's own. Without a deal id column the name serves as deal id.",
    )
    market_segment = models.CharField(max_length=20, choices=MarketSegment.choices)
    provider = models.CharField(max_length=60, help_text="Whose network carries it.")
    service_type = models.CharField(max_length=60, help_text="The product line of its deals.")
    category = models.CharField(max_length=60)
    technology = models.CharField(max_length=40, blank=True)
    contract_months = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text="Where no column says it. 1 is month to month.",
    )
    data_limit = models.CharField(max_length=60, blank=True, help_text="Where no column says it.")
    date_order = models.CharField(
        max_length=3,
        choices=DateOrder.choices,
        default=DateOrder.DAY_FIRST,
        help_text="How dates written as text are meant. Dates that Excel itself knows need no telling.",
    )
    refuse_text_numbers = models.BooleanField(
        default=False,
        help_text=(
            "Refuse amounts and numbers that stand in the workbook as text, such as R1,299.00,"
            " also where there is no doubt what they mean."
        ),
    )
    without_device = models.CharField(
        max_length=200,
        blank=True,
        help_text="What the device column says when there is none; | between them.",
    )
    ends_at_blank_row = models.BooleanField(
        default=False, help_text="The first blank row ends the table; for sheets with several tables."
    )

    class Meta:
        db_table = "column_mappings"
        ordering = ["supplier", "name"]
        constraints = [models.UniqueConstraint(fields=["supplier", "name"], name="column_mapping_once")]

    def __str__(self) -> str:
        return f"{self.supplier}: {self.name}"

    def clean(self) -> None:
        try:
            self.sku_for("X", 1)
        except (KeyError, IndexError, ValueError):
            raise ValidationError(
                {"sku_template": "Use {deal_id} and {contract_months}, and no other braces."}
            ) from None
        if "{deal_id}" not in self.sku_template:
            raise ValidationError({"sku_template": "Without {deal_id} every deal would have the same SKU."})

    def sku_for(self, deal_id: str, contract_months: int) -> str:
        return self.sku_template.format_map({"deal_id": deal_id, "contract_months": contract_months})


class DealField(models.TextChoices):
    """What a column of a price list can tell us about a deal."""

    DEAL_ID = "deal_id", "Deal id"
    NAME = "name", "Name"
    DEVICE = "device", "Device"
    FREEBIE = "freebie", "Freebie: part of the name, and a feature"
    PRICE_INCL_VAT = "price_incl_vat", "Price a month, incl. VAT"
    PRICE_EXCL_VAT = "price_excl_vat", "Price a month, excl. VAT"
    PROMOTION_PRICE = "promotion_price", "Promotion price a month, incl. VAT"
    PAY_IN = "pay_in", "Pay-in for the device, once, incl. VAT"
    INSTALLATION_FEE = "installation_fee", "Installation fee, once, incl. VAT"
    CONTRACT_MONTHS = "contract_months", "Contract term in months"
    OFFERED_FROM = "offered_from", "First day of the offer"
    OFFERED_TO = "offered_to", "Last day of the offer"
    DATA = "data", "Data limit"
    SPEED = "speed", "Speed, down/up"
    MINUTES = "minutes", "Minutes: a feature; several columns are added up"
    SMS = "sms", "SMS: a feature; several columns are added up"
    FEATURE = "feature", "Feature, with a label"
    STOCK = "stock", "Stock status: kept with the deal"
    NOTE = "note", "Kept with the deal, not shown to customers"

    @property
    def may_repeat(self) -> bool:
        """Whether several columns of one table may say it."""
        return self in (self.FREEBIE, self.MINUTES, self.SMS, self.FEATURE, self.STOCK, self.NOTE)


REPEATABLE = [field.value for field in DealField if field.may_repeat]


class MappedColumn(models.Model):
    """One column of a table, known by its title."""

    mapping = models.ForeignKey(ColumnMapping, models.CASCADE, related_name="columns")
    position = models.PositiveSmallIntegerField(default=0, help_text="Features come in this order.")
    title = models.CharField(
        max_length=200,
        help_text="As in the workbook; capitals, blanks and punctuation do not matter. | between alternatives.",
    )
    field = models.CharField("means", max_length=20, choices=DealField.choices)
    label = models.CharField(
        max_length=120,
        blank=True,
        validators=[RegexValidator(r"^[^{}]*(\{\}[^{}]*)?$", "Braces only as {}, and once.")],
        help_text="For a feature: its words, {} for the cell, for example “Free: {}”.",
    )
    required = models.BooleanField(default=True, help_text="The table is recognised by its required titles.")

    class Meta:
        db_table = "mapped_columns"
        ordering = ["position", "id"]
        verbose_name = "column"
        constraints = [
            models.UniqueConstraint(fields=["mapping", "title"], name="mapped_column_title_once"),
            models.UniqueConstraint(
                fields=["mapping", "field"],
                condition=~Q(field__in=REPEATABLE),
                name="mapped_column_field_once",
                violation_error_message="Only one column of a table may say this.",
            ),
        ]

    def __str__(self) -> str:
        return self.title
