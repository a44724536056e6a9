from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalogue.models.product import Product


class BundleComponent(models.Model):
    """One product within a bundle, so many times. A product with components is a bundle; bundles hold no bundles."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="components", verbose_name="bundle")
    component = models.ForeignKey(Product, models.PROTECT, related_name="bundled_in")
    quantity = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )

    class Meta:
        db_table = "admin_product_components"
        verbose_name = "component"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "component"],
                name="bundle_component_once",
                violation_error_message="A component stands in a bundle once: raise its quantity instead.",
            ),
            models.CheckConstraint(
                condition=~Q(product=F("component")),
                name="bundle_is_not_its_own_component",
                violation_error_message="A bundle cannot be a component of itself.",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="bundle_quantity_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.component}"

    def clean(self) -> None:
        """A bundle in a bundle would hide what it is made of, and could go round in circles."""
        if self.component_id and BundleComponent.objects.filter(product=self.component_id).exists():
            raise ValidationError({"component": "This is a bundle itself: choose its components instead."})
        around: Any = self.product_id and BundleComponent.objects.filter(component=self.product_id).first()
        if around:
            raise ValidationError(
                f"This product is part of {around.product}, so it cannot be a bundle itself."
            )
