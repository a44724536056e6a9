"""Suppliers, how their workbooks are read, the deals they offer us, and each workbook that came."""

import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from catalogue.models.choices import MarketSegment
from catalogue.models.fields import optional_money
from catalogue.models.package import ServicePackage
from catalogue.models.product import Product

SKU_PARTS = ("deal_id", "contract_months")


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
        "discount, %", "What we pay less than the listed price. 0 pays the listed price.", default=Decimal(0)
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
        help_text="Refuse amounts and numbers that stand in the workbook as text, such as R1,299.00,"
        " also where there is no doubt what they mean.",
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
            raise ValidationError(
                {"sku_template": "Without {deal_id} every deal would have the same SKU."}
            ) from None

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


class PriceListStatus(models.TextChoices):
    UPLOADED = "uploaded", "Being read"
    PREVIEWED = "previewed", "Ready to apply"
    APPLYING = "applying", "Being applied"
    APPLIED = "applied", "Applied"
    FAILED = "failed", "Could not be read"
    CANCELLED = "cancelled", "Cancelled"

    @property
    def moving(self) -> bool:
        """A worker has something to do."""
        return self in (self.UPLOADED, self.APPLYING)


class Outcome(models.TextChoices):
    NEW = "new", "New"
    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Unchanged"
    VANISHED = "vanished", "Vanished"
    REFUSED = "refused", "Refused"


class PriceListManager(models.Manager["PriceList"]):
    """Without the workbook itself, which may have megabytes: it is fetched when it is asked for."""

    def get_queryset(self) -> models.QuerySet["PriceList"]:
        return super().get_queryset().defer("content")


class PriceList(models.Model):
    """One workbook of a supplier, from upload to applied. `cursor` is the position applied last: work goes on behind it."""

    Status = PriceListStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="price_lists")
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField("SHA-256 of the file", max_length=64)
    content = models.BinaryField(editable=False)
    status = models.CharField(
        max_length=20, choices=PriceListStatus.choices, default=PriceListStatus.UPLOADED
    )
    trouble = models.TextField(blank=True, help_text="Why it could not be read, or what interrupted it.")
    remarks = ArrayField(
        models.TextField(), default=list, blank=True, help_text="What was left out of the workbook."
    )
    counts = models.JSONField(default=dict, blank=True, help_text='{"new": 3, …}: rows by outcome.')
    total = models.PositiveIntegerField(default=0, help_text="Rows that applying has to look at.")
    done = models.PositiveIntegerField(default=0)
    cursor = models.PositiveIntegerField(default=0)
    origin = models.JSONField(default=dict, blank=True, help_text="Where the deed came from, for the audit.")

    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    applied_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(auto_now=True)

    objects = PriceListManager()

    class Meta:
        db_table = "price_lists"
        ordering = ["-uploaded_at"]
        indexes = [
            models.Index(
                fields=["touched_at"],
                condition=Q(status__in=("uploaded", "applying")),
                name="price_list_moving",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["supplier"],
                condition=Q(status="applying"),
                name="price_list_one_applying",
                violation_error_message="Another list of this supplier is being applied: wait until it is done.",
            )
        ]
        permissions = [
            ("import_pricelist", "Can upload and apply supplier price lists"),
            ("draft_price_changes", "Can draft price changes from a supplier price list"),
        ]

    def __str__(self) -> str:
        return f"{self.supplier}: {self.file_name}"

    def count(self, outcome: Outcome) -> int:
        number: int = self.counts.get(outcome.value, 0)
        return number

    @property
    def summary(self) -> str:
        """`3 new, 1 changed, 394 unchanged, 0 vanished, 2 refused`."""
        return ", ".join(f"{self.count(outcome)} {outcome.label.lower()}" for outcome in Outcome)


class SupplierDeal(models.Model):
    """A deal as the supplier's last applied list has it, and the product it became.

    `content` is what that list said of the product: only what a later list says otherwise is carried over, so that
    our own words and prices stand.
    """

    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="deals")
    mapping = models.ForeignKey(ColumnMapping, models.PROTECT, related_name="deals")
    deal_id = models.CharField(max_length=80)
    product = models.ForeignKey(Product, models.PROTECT, related_name="supplier_deals")
    listed_price = models.DecimalField(
        max_digits=10, decimal_places=2, help_text="The supplier's price a month, VAT included."
    )
    stock = models.CharField("stock status", max_length=200, blank=True)
    content = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    details = models.JSONField(default=dict, help_text="Columns that are kept with the deal, by their title.")
    price_list = models.ForeignKey(
        PriceList, models.PROTECT, related_name="+", verbose_name="last changed by"
    )
    vanished_at = models.DateTimeField(null=True, help_text="No longer in the supplier's list since.")

    class Meta:
        db_table = "supplier_deals"
        ordering = ["supplier", "deal_id"]
        constraints = [models.UniqueConstraint("supplier", Upper("deal_id"), name="supplier_deal_once")]

    def __str__(self) -> str:
        return f"{self.supplier} {self.deal_id}"


class PriceListRow(models.Model):
    """One deal of one list: what it would do, or did. Costs and margins show only to cost viewers."""

    Outcome = Outcome

    id = models.BigAutoField(primary_key=True)
    price_list = models.ForeignKey(PriceList, models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    sheet = models.CharField(max_length=100, blank=True)
    number = models.PositiveIntegerField("row", null=True, help_text="As the spreadsheet shows it.")
    mapping = models.ForeignKey(ColumnMapping, models.PROTECT, null=True, related_name="+")
    deal_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=500, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reasons = ArrayField(models.TextField(), default=list, blank=True)
    remarks = ArrayField(models.TextField(), default=list, blank=True)
    values = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    changes = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text='{"field": [before, after]}'
    )
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="+")
    package = models.ForeignKey(ServicePackage, models.SET_NULL, null=True, related_name="+")
    listed_before = optional_money("listed price before")
    listed_after = optional_money("listed price after")
    proposed_price = optional_money("proposed price")
    margin_before = models.DecimalField("margin before, %", max_digits=9, decimal_places=2, null=True)
    margin_after = models.DecimalField("margin after, %", max_digits=9, decimal_places=2, null=True)
    below_floor = models.BooleanField("below the margin floor", default=False)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "price_list_rows"
        ordering = ["price_list", "position"]
        verbose_name = "price list row"
        indexes = [models.Index(fields=["price_list", "outcome"]), models.Index(fields=["deal_id"])]
        constraints = [models.UniqueConstraint(fields=["price_list", "position"], name="price_list_row_once")]
        default_permissions: Any = ("view",)

    def __str__(self) -> str:
        place = f"row {self.number}" if self.number else "no row"
        return f"{place}: {self.deal_id or self.name or 'no deal id'}"
