from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

CENT = Decimal("0.01")


class DateRange(Func):
    function = "daterange"


class NoVatRate(LookupError):
    """No VAT rate is recorded for the day asked for."""


class VatRateQuerySet(models.QuerySet["VatRate"]):
    def in_force_on(self, day: date) -> "VatRate":
        """The rate of that civil day (Africa/Johannesburg). Raises NoVatRate."""
        rate = self.filter(valid_from__lte=day).filter(Q(valid_to=None) | Q(valid_to__gt=day)).first()
        if rate is None:
            raise NoVatRate(f"No VAT rate is recorded for {day:%-d %b %Y}: add one under VAT rates.")
        return rate


class VatRate(models.Model):
    """The VAT rate in force from a day until the next begins. Amounts excluding VAT are derived with it."""

    rate = models.DecimalField(max_digits=5, decimal_places=4, help_text="As a fraction: 0.1500 is 15 %.")
    valid_from = models.DateField(unique=True)
    valid_to = models.DateField(
        null=True, blank=True, help_text="First day it no longer applies; empty while it does."
    )

    objects = VatRateQuerySet.as_manager()

    class Meta:
        db_table = "vat_rates"
        verbose_name = "VAT rate"
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=1), name="vat_rate_is_a_fraction"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="vat_rate_ends_after_it_begins",
            ),
            ExclusionConstraint(
                name="vat_rates_do_not_overlap",
                expressions=[(DateRange("valid_from", "valid_to", RangeBoundary()), RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate * 100:.2f} % from {self.valid_from:%-d %b %Y}"


def excluding_vat(amount: Decimal, rate: Decimal) -> Decimal:
    """`amount` (VAT included) without its VAT, to the cent, half up; VAT is the difference of the two."""
    return (amount / (1 + rate)).quantize(CENT, ROUND_HALF_UP)


def vat_rate_at(at: datetime) -> Decimal:
    """The rate in force in South Africa at that instant. Raises NoVatRate."""
    return VatRate.objects.in_force_on(timezone.localdate(at)).rate


def vat_rate_today() -> Decimal:
    """The rate in force now in South Africa. Raises NoVatRate."""
    return vat_rate_at(timezone.now())
