import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import NullIf, Round

from catalogue.models import ServicePackage
from circletel.core.amounts import rand
from circletel.core.models.fields import money

# Typed, so that PostgreSQL computes with decimals throughout.
HUNDRED, ZERO = (Value(Decimal(number), output_field=models.DecimalField()) for number in (100, 0))


def person(**options: Any) -> models.ForeignKey:
    """Who did something. Not indexed: nobody is looked up by it, and the daily job rewrites many rows."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, db_index=False, **options
    )


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
    reason = models.TextField(help_text="Why the price changes. For the back office and the audit trail.")
    customer_message = models.TextField(
        blank=True, max_length=2000, help_text="A sentence for the customers who are told."
    )
    notes = models.TextField(blank=True, help_text="Never leaves the back office.")
    batch = models.CharField(max_length=80, blank=True, help_text="Drafted together with others.")

    effective_date = models.DateField(
        null=True, blank=True, help_text="The day, in South Africa, from which existing customers pay it."
    )
    effective_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="The instant that day begins; publication itself when a decrease holds at once.",
    )
    published_at = models.DateTimeField(
        null=True, editable=False, help_text="New customers pay it from here on."
    )
    version = models.PositiveIntegerField(
        null=True, editable=False, help_text="Which price of the package this is; given on publication."
    )
    applied_at = models.DateTimeField(
        null=True, editable=False, help_text="When the daily job moved the package's price."
    )
    problem = models.TextField(
        blank=True,
        editable=False,
        help_text="Why the daily job could not apply it; empty when nothing is wrong.",
    )
    cancelled_at = models.DateTimeField(null=True, editable=False)
    affected_customers_count = models.PositiveIntegerField(
        null=True, editable=False, help_text="Subscriptions whose price it moves; counted daily."
    )
    new_customers_count = models.PositiveIntegerField(
        null=True, editable=False, help_text="Subscriptions made at the new price already; counted daily."
    )
    counted_at = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When the moved subscriptions and their first invoices had all been read back and agreed.",
    )
    amends = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="amended_by",
        help_text="The published change that was cancelled in favour of this one.",
    )

    created_at = models.DateTimeField(auto_now_add=True)
    created_by = person()
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = person(null=True)
    approved_by = person(null=True)
    cancelled_by = person(null=True)

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
            models.CheckConstraint(
                condition=Q(new_price__gt=0),
                name="price_change_to_a_price",
                violation_error_message="The new price must be more than nothing.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("published", "effective"))
                | Q(
                    published_at__isnull=False,
                    approved_by__isnull=False,
                    effective_date__isnull=False,
                    effective_at__isnull=False,
                    version__isnull=False,
                ),
                name="price_change_published_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(effective_at=None) | Q(effective_at__gte=F("published_at")),
                name="price_change_published_before_effective",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None)
                | (~Q(approved_by=F("created_by")) & (Q(changed_by=None) | ~Q(approved_by=F("changed_by")))),
                name="price_change_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(status="effective", applied_at__isnull=False)
                | (~Q(status="effective") & Q(applied_at=None)),
                name="price_change_effective_is_applied",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", cancelled_at__isnull=False)
                | (~Q(status="cancelled") & Q(cancelled_at=None)),
                name="price_change_cancelled_has_a_time",
            ),
            models.UniqueConstraint(fields=["package", "version"], name="price_change_version_once"),
        ]
        indexes = [
            models.Index(
                fields=["effective_at"], condition=Q(status="published"), name="price_change_waiting"
            ),
            models.Index(fields=["status", "-created_at"]),
        ]
        permissions = [
            ("draft_pricechange", "Can draft, edit and delete price changes"),
            ("publish_pricechange", "Can publish price changes that others drafted"),
            ("cancel_pricechange", "Can cancel published price changes"),
        ]

    def __str__(self) -> str:
        return f"{self.package}: {rand(self.old_price)} → {rand(self.new_price)}"

    @property
    def is_decrease(self) -> bool:
        return self.new_price < self.old_price
