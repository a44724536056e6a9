import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.text import slugify

from catalogue.models.choices import MarketSegment, ProductStatus
from circletel.core.amounts import rand
from circletel.core.models.fields import (
    StorefrontContent,
    charged_fee,
    including_vat,
    money,
    optional_money,
    searched,
    speed,
)

# No empty or dotted part between slashes: a SKU stands in addresses, and browsers rewrite "A/../B".
SKU_FORMAT = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$",
    "An SKU holds letters, digits, dot, dash, slash and underscore, and begins with a letter or digit,"
    " also after a slash.",
)


class ProductQuerySet(models.QuerySet["Product"]):
    def with_content(self) -> "ProductQuerySet":
        """Everything a publish or a fingerprint reads, in a fixed number of queries."""
        return self.select_related("pricing", "created_by", "changed_by", "approved_by").prefetch_related(
            "features", "hardware", "add_ons", "components__component"
        )


class Product(StorefrontContent):
    """What a product manager describes. It is sold only as the ServicePackage that a publish makes of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=260, unique=True, editable=False)
    sku = models.CharField("SKU", max_length=64, validators=[SKU_FORMAT])
    service_type = models.CharField(max_length=60, help_text="The product line, for example SkyFibre.")
    category = models.CharField(max_length=60)
    technology = models.CharField(
        max_length=40, blank=True, help_text="For example fibre, fixed-wireless, 5g."
    )
    market_segment = models.CharField(max_length=20, choices=MarketSegment.choices)
    provider = models.CharField(max_length=60, help_text="Whose network carries it.")
    speed_down_mbps = speed("download speed")
    speed_up_mbps = speed("upload speed")
    data_limit = models.CharField(max_length=60, blank=True, help_text="For example Unlimited, or 500GB.")
    contract_months = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text="In months; 1 is month to month.",
    )
    description = models.TextField(blank=True, max_length=2000)
    internal_notes = models.TextField(blank=True, help_text="Never leaves the back office.")
    valid_from = models.DateTimeField(
        null=True, blank=True, help_text="On sale from; empty means from publication."
    )
    valid_to = models.DateTimeField(
        null=True, blank=True, help_text="No longer on sale from this instant; empty means open."
    )

    status = models.CharField(
        max_length=20, choices=ProductStatus.choices, default=ProductStatus.DRAFT, editable=False
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    rejection_reason = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False
    )
    approved_fingerprint = models.CharField(max_length=64, blank=True, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        db_table = "admin_products"
        ordering = ["name", "contract_months", "sku"]
        indexes = [
            models.Index(fields=["status", "name"]),
            models.Index(fields=["-changed_at"]),
            models.Index(fields=["name", "contract_months", "sku"], name="product_in_order"),
            searched("product_search", "name", "sku"),
        ]
        constraints = [
            # Without regard to case, because Zoho compares unique fields that way.
            models.UniqueConstraint(
                Upper("sku"),
                "market_segment",
                Upper("provider"),
                condition=~Q(status=ProductStatus.ARCHIVED),
                name="product_business_key",
                violation_error_message="There is already a product with this SKU, segment and provider.",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_from=None) | Q(valid_to__gt=F("valid_from")),
                name="product_validity_in_order",
                violation_error_message="The end of validity must lie after its beginning.",
            ),
            models.CheckConstraint(
                condition=~Q(status=ProductStatus.APPROVED)
                | (Q(approved_by__isnull=False) & ~Q(approved_fingerprint="")),
                name="product_approval_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None)
                | (~Q(approved_by=F("created_by")) & ~Q(approved_by=F("changed_by"))),
                name="product_approved_by_another",
            ),
        ]
        permissions = [
            ("import_product", "Can import products"),
            ("submit_product", "Can submit products for approval"),
            ("approve_product", "Can approve and reject products"),
            ("approve_pricing", "Can approve the pricing of products"),
            ("publish_product", "Can publish approved products"),
            ("archive_product", "Can archive products"),
            ("view_costs", "Can see costs and margins"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = free_slug(Product, self.name, self.sku, self.market_segment, self.provider)
        super().save(*args, **kwargs)


class ProductPricing(models.Model):
    """What the product is quoted at. A promotion is a price of its own beside the regular price."""

    product = models.OneToOneField(Product, models.CASCADE, related_name="pricing", primary_key=True)
    regular_price = money("regular price a month")
    promotion_price = optional_money("promotion price a month")
    promotion_months = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many months a customer keeps it; empty means no limit.",
    )
    promotion_from = models.DateField(
        null=True, blank=True, help_text="First day it is offered; empty means from publication."
    )
    promotion_to = models.DateField(
        null=True, blank=True, help_text="Last day it is offered; empty means open."
    )
    installation_fee = optional_money(
        "installation fee, once",
        help_text=including_vat("0 is free installation; empty means no installation is offered."),
    )
    discounted_installation_fee = optional_money(
        "discounted installation fee, once",
        help_text=including_vat("Charged instead of the installation fee; empty means no discount."),
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False
    )

    class Meta:
        db_table = "admin_product_pricing"
        verbose_name = "pricing"
        verbose_name_plural = "pricing"
        constraints = [
            models.CheckConstraint(
                condition=Q(regular_price__gte=0), name="pricing_regular_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(promotion_price=None)
                | Q(promotion_price__lt=F("regular_price"), promotion_price__gte=0),
                name="pricing_promotion_below_regular",
                violation_error_message="The promotion price must be below the regular price.",
            ),
            models.CheckConstraint(
                condition=Q(promotion_from=None)
                | Q(promotion_to=None)
                | Q(promotion_to__gte=F("promotion_from")),
                name="pricing_promotion_window_in_order",
                violation_error_message="The promotion must not end before it begins.",
            ),
            models.CheckConstraint(
                condition=Q(installation_fee=None) | Q(installation_fee__gte=0),
                name="pricing_installation_fee_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(discounted_installation_fee=None)
                | Q(
                    installation_fee__isnull=False,
                    discounted_installation_fee__gte=0,
                    discounted_installation_fee__lte=F("installation_fee"),
                ),
                name="pricing_discounted_installation_not_above_fee",
                violation_error_message="The discounted installation fee must not exceed the installation fee.",
            ),
        ]

    def __str__(self) -> str:
        return f"{rand(self.regular_price)} a month"

    @property
    def charged_installation_fee(self) -> Decimal | None:
        """What is charged once for the installation. Setting it changes the discounted fee, where there is one."""
        return charged_fee(self)

    @charged_installation_fee.setter
    def charged_installation_fee(self, fee: Decimal | None) -> None:
        discounted = self.discounted_installation_fee is not None
        setattr(self, "discounted_installation_fee" if discounted else "installation_fee", fee)


class ProductFeature(models.Model):
    """One line of what the customer gets."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="features")
    position = models.PositiveSmallIntegerField(default=0)
    text = models.CharField(max_length=200)

    class Meta:
        db_table = "admin_product_features"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.text


class ProductHardware(models.Model):
    """The device that comes with the product. `dealer_cost` is ours alone; only `retail_value` may become a price."""

    product = models.OneToOneField(Product, models.CASCADE, related_name="hardware")
    model = models.CharField(max_length=120)
    included = models.BooleanField(default=True, help_text="Included at no charge.")
    retail_value = optional_money(
        "retail value, once", help_text=including_vat("What the customer pays when it is not included.")
    )
    dealer_cost = optional_money(
        "dealer cost", help_text="What it costs CircleTel. Never leaves the back office."
    )

    class Meta:
        db_table = "admin_product_hardware"
        verbose_name = "hardware"
        verbose_name_plural = "hardware"

    def __str__(self) -> str:
        return self.model


class ProductAddOn(models.Model):
    """Something a customer may take beside the product."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="add_ons")
    name = models.CharField(max_length=120)
    price = money("price")
    recurring = models.BooleanField(default=True, help_text="Monthly; otherwise charged once.")
    categories = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text=(
            "The categories it goes with, commas between them; empty means any. In a bundle, those of its"
            " components count too."
        ),
    )

    class Meta:
        db_table = "admin_product_addons"
        verbose_name = "add-on"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["product", "name"], name="product_addon_once")]

    def __str__(self) -> str:
        return self.name


def free_slug(model: type[models.Model], name: str, sku: str, segment: str, provider: str) -> str:
    """A readable address nobody has yet: name and SKU, lengthened only where these are taken."""
    candidates = slug_candidates(name, sku, segment, provider)
    for candidate in candidates:
        if not model._default_manager.filter(slug=candidate).exists():
            return candidate
    return f"{candidates[-1]}-{uuid.uuid4().hex[:8]}"


def slug_candidates(name: str, sku: str, segment: str, provider: str) -> list[str]:
    """The addresses to try, best first; each leaves room in its column for a suffix that makes it unique."""
    named, coded = slugify(name), slugify(sku)
    base = coded if not named or coded.startswith(named) else f"{named}-{coded}"
    candidates = [base, f"{base}-{slugify(segment)}", f"{base}-{slugify(segment)}-{slugify(provider)}"]
    return [candidate[:250] for candidate in candidates]
