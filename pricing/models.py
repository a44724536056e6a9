import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import NullIf, Round

from catalogue.models import ServicePackage
from catalogue.models.fields import money

# Typed, so that PostgreSQL computes with decimals throughout.
HUNDRED, ZERO = (Value(Decimal(number), output_field=models.DecimalField()) for number in (100, 0))


class PriceChangeStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    EFFECTIVE = "effective", "Effective"
    CANCELLED = "cancelled", "Cancelled"


class PriceChangeQuerySet(models.QuerySet["PriceChange"]):
    def open(self) -> "PriceChangeQuerySet":
        """Neither done nor given up. A package has at most one."""
        return self.filter(status__in=(PriceChangeStatus.DRAFT, PriceChangeStatus.PUBLISHED))


class PriceChange(models.Model):
    """One move of a package's price from old to new, VAT included. The only way a live package's price moves."""

    Status = PriceChangeStatus

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    package = models.ForeignKey(ServicePackage, models.PROTECT, related_name="price_changes")
    old_price = money("old price a month")
    new_price = money("new price a month")
    difference = models.GeneratedField(
        expression=F("new_price") - F("old_price"),
        output_field=models.DecimalField(max_digits=11, decimal_places=2),
        db_persist=True,
    )
    percentage = models.GeneratedField(
        expression=Round((F("new_price") - F("old_price")) * HUNDRED / NullIf(F("old_price"), ZERO), 2),
        output_field=models.DecimalField(max_digits=12, decimal_places=2, null=True),
        db_persist=True,
    )
    status = models.CharField(
        max_length=20, choices=PriceChangeStatus.choices, default=PriceChangeStatus.DRAFT
    )
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    objects = PriceChangeQuerySet.as_manager()

    class Meta:
        db_table = "price_changes"
        ordering = ["-created_at"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["package"],
                condition=Q(status__in=("draft", "published")),
                name="price_change_one_open_per_package",
                violation_error_message="This package already has an open price change: finish or cancel that one first.",
            ),
            models.CheckConstraint(
                condition=~Q(new_price=F("old_price")),
                name="price_change_changes_the_price",
                violation_error_message="The new price is the old price.",
            ),
            models.CheckConstraint(condition=Q(new_price__gt=0), name="price_change_to_a_price"),
        ]

    def __str__(self) -> str:
        return f"{self.package}: R {self.old_price} → R {self.new_price}"
