"""The workbooks that suppliers sent, deal by deal, and the deals they offer us now."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from catalogue.models.package import ServicePackage
from catalogue.models.product import Product
from catalogue.models.supplier import ColumnMapping, Supplier
from circletel.core.models.fields import optional_money
from circletel.core.models.job import JobState


class PriceListStatus(models.TextChoices):
    UPLOADED = "uploaded", "Being read"
    PREVIEWED = "previewed", "Ready to apply"
    APPLYING = "applying", "Being applied"
    APPLIED = "applied", "Applied"
    FAILED = "failed", "Could not be read"
    CANCELLED = "cancelled", "Cancelled"


class Outcome(models.TextChoices):
    NEW = "new", "New"
    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Unchanged"
    VANISHED = "vanished", "Vanished"
    REFUSED = "refused", "Refused"


# What a list is when the job that should have ended this did not do so.
UNFINISHED = {
    PriceListStatus.UPLOADED: PriceListStatus.FAILED,
    PriceListStatus.APPLYING: PriceListStatus.PREVIEWED,
}
# What applying a list does something about.
MOVES = (Outcome.NEW, Outcome.CHANGED, Outcome.VANISHED)


class PriceListManager(models.Manager["PriceList"]):
    """Without the workbook itself, which may have megabytes: it is fetched when it is asked for."""

    def get_queryset(self) -> models.QuerySet["PriceList"]:
        return super().get_queryset().defer("content")


class PriceList(models.Model):
    """One workbook of a supplier, from upload to applied. `job` is the one that reads or applies it, the newest of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="price_lists")
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField("SHA-256 of the file", max_length=64)
    content = models.BinaryField(editable=False)
    status = models.CharField(
        max_length=20, choices=PriceListStatus.choices, default=PriceListStatus.UPLOADED
    )
    job = models.ForeignKey("core.Job", models.SET_NULL, null=True, editable=False, related_name="+")
    remarks = ArrayField(
        models.TextField(), default=list, blank=True, help_text="What was left out of the workbook."
    )
    counts = models.JSONField(default=dict, blank=True, help_text='{"new": 3, …}: rows by outcome.')

    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    applied_at = models.DateTimeField(null=True)

    objects = PriceListManager()

    class Meta:
        db_table = "price_lists"
        ordering = ["-uploaded_at"]
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

    @property
    def state(self) -> PriceListStatus:
        """Its status. A job may end before it can say so to its list: what it was to do can then be asked for again."""
        status = PriceListStatus(self.status)
        if self.is_moving or status not in UNFINISHED:
            return status
        if self.job is not None and self.job.state == JobState.CANCELLED:
            return PriceListStatus.CANCELLED
        return UNFINISHED[status]

    def count(self, outcome: Outcome) -> int:
        number: int = self.counts.get(outcome.value, 0)
        return number

    @property
    def is_moving(self) -> bool:
        """A worker reads or applies it, or will."""
        return self.job is not None and not self.job.has_ended

    @property
    def total(self) -> int:
        """How many rows applying has to look at."""
        return sum(map(self.count, MOVES))

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
    """One deal of one list: what it would do, or did. Costs and margins show only to cost viewers.

    `values` hold what the row says of the product (`content`, as `product_content` writes it), `stock` and `details`,
    until it is applied; they are empty where nothing is to be applied.
    """

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
        default_permissions = ("view",)

    def __str__(self) -> str:
        place = f"row {self.number}" if self.number else "no row"
        return f"{place}: {self.deal_id or self.name or 'no deal id'}"

    @property
    def content(self) -> dict[str, Any]:
        """What the deal says of the product, {path: value}."""
        content: dict[str, Any] = self.values["content"]
        return content
