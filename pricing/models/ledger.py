import uuid
from datetime import datetime
from decimal import Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from catalogue.models import ServicePackage
from circletel.core.amounts import rand
from circletel.core.models.fields import money
from pricing.models.change import PriceChange


class InstantRange(Func):
    function = "tstzrange"
    output_field = DateTimeRangeField()


class Audience(models.TextChoices):
    """For whom an entry holds. New customers learn a price on publication, existing ones pay it from its date."""

    NEW = "new", "New customers"
    EXISTING = "existing", "Existing customers"


class PriceEntry(models.Model):
    """One line of the price ledger: what a package cost, for whom, from when until when. VAT included.

    `valid_from` and `valid_to` say when the price held; `recorded_at` says when we wrote that down, which is later
    after a missed day. Lines are only added: the database refuses DELETE, and every UPDATE but the one that ends
    a line that is still open.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    package = models.ForeignKey(ServicePackage, models.PROTECT, related_name="price_entries")
    audience = models.CharField(max_length=10, choices=Audience.choices)
    version = models.PositiveIntegerField(
        help_text="Which price of the package: 1 is the one it was first published with."
    )
    price = money("price a month")
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(
        null=True, help_text="First instant it no longer holds; empty while it does."
    )
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    change = models.ForeignKey(
        PriceChange, models.PROTECT, null=True, related_name="entries", help_text="What made this line."
    )

    class Meta:
        db_table = "price_ledger"
        verbose_name = "price ledger entry"
        verbose_name_plural = "price ledger"
        ordering = ["package", "audience", "valid_from", "version"]
        default_permissions = ("view",)
        constraints = [
            ExclusionConstraint(
                name="price_ledger_no_overlap",
                expressions=[
                    ("package", RangeOperators.EQUAL),
                    ("audience", RangeOperators.EQUAL),
                    (InstantRange("valid_from", "valid_to", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                # The same instant is allowed: a price published and withdrawn at once held for no time at all.
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="price_ledger_in_order",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="price_ledger_price_not_negative"),
            models.CheckConstraint(condition=Q(version__gte=1), name="price_ledger_version_counts_from_one"),
        ]

    def __str__(self) -> str:
        until = f" until {self.valid_to:%-d %b %Y}" if self.valid_to else ""
        return f"{self.get_audience_display()}: {rand(self.price)} from {self.valid_from:%-d %b %Y}{until}"


def open_ledger(package: ServicePackage) -> None:
    """The first two lines of a package: one price for everybody. Does nothing where there are lines already.

    Only the deeds of pricing call this and `succeed`, inside their own transaction.
    """
    if PriceEntry.objects.filter(package=package).exists():
        return
    PriceEntry.objects.bulk_create(
        PriceEntry(
            package=package,
            audience=audience,
            version=1,
            price=package.price,
            valid_from=package.published_at,
        )
        for audience in Audience
    )


def succeed(
    package: ServicePackage,
    audience: Audience,
    *,
    version: int,
    price: Decimal,
    at: datetime,
    change: PriceChange,
) -> None:
    """From `at` on, `price` holds for `audience`: ends the open line there and writes the next."""
    PriceEntry.objects.filter(package=package, audience=audience, valid_to=None).update(valid_to=at)
    PriceEntry.objects.create(
        package=package, audience=audience, version=version, price=price, valid_from=at, change=change
    )
