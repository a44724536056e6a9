"""The column types that products and packages share, so that both agree on sizes and units."""

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

INCLUDING_VAT = "In rand, VAT included, as the customer is quoted."


def money(verbose_name: str, *, help_text: str = INCLUDING_VAT, **options: Any) -> models.DecimalField:
    """An amount in rand with cents, never negative."""
    return models.DecimalField(
        verbose_name,
        max_digits=10,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.00"))],
        help_text=help_text,
        **options,
    )


def optional_money(verbose_name: str, **options: Any) -> models.DecimalField:
    return money(verbose_name, null=True, blank=True, **options)


def speed(verbose_name: str) -> models.PositiveIntegerField:
    """Mbit/s. Empty where none is promised, as on a capped mobile product."""
    return models.PositiveIntegerField(
        verbose_name,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="In Mbit/s. Leave empty when none is promised.",
    )
