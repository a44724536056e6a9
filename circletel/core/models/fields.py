"""The column types that products and packages share, so that both agree on sizes and units."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Upper

INCLUDING_VAT = "In rand, VAT included, as the customer is quoted."


def including_vat(more: str) -> str:
    """The help of an amount that has more to say than that VAT is in it."""
    return f"{INCLUDING_VAT} {more}"


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


def charged_fee(prices: Any) -> Decimal | None:
    """Of a product's pricing or a package: what is charged once for its installation; None when none is offered."""
    discounted: Decimal | None = prices.discounted_installation_fee
    regular: Decimal | None = prices.installation_fee
    return regular if discounted is None else discounted


class StorefrontContent(models.Model):
    """What the storefront shows of a product beside its technical facts, and of the package made of it."""

    installation_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="From the order to the installation, as customers are told; empty when nothing is promised.",
    )
    zones: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="Where it can be had, commas between them; empty means wherever the provider reaches.",
    )
    featured = models.BooleanField(default=False, help_text="The storefront puts it in front.")
    popular = models.BooleanField(default=False, help_text="The storefront marks it as popular.")

    class Meta:
        abstract = True


def searched(name: str, *fields: str) -> GinIndex:
    """An index for `icontains` over these fields, as the admin searches them. Words of three letters and more use it."""
    return GinIndex(*(OpClass(Upper(field), name="gin_trgm_ops") for field in fields), name=name)
