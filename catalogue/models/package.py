import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, Lower, Upper
from django.utils import timezone

from catalogue.models.choices import MarketSegment, PackageStatus, PublishState
from catalogue.models.product import Product, free_slug
from circletel.core.models.fields import (
    StorefrontContent,
    charged_fee,
    including_vat,
    money,
    optional_money,
    searched,
    speed,
)


def on_sale_at(at: datetime) -> Q:
    """What a new customer can order at that instant. Status and dates decide; no job flips anything."""
    return Q(
        Q(valid_to=None) | Q(valid_to__gt=at),
        Q(end_of_sale=None) | Q(end_of_sale__gt=at),
        status=PackageStatus.ACTIVE,
        valid_from__lte=at,
    )


class ServicePackageQuerySet(models.QuerySet["ServicePackage"]):
    def on_sale(self, at: datetime) -> "ServicePackageQuerySet":
        """What a new customer can order at that instant."""
        return self.filter(on_sale_at(at))


class PackageContent(StorefrontContent):
    """What a package says to the world: the same columns for what is live and for what was."""

    sku = models.CharField("SKU", max_length=64)
    market_segment = models.CharField(max_length=20, choices=MarketSegment.choices)
    provider = models.CharField(max_length=60)
    logical_key = models.CharField(
        max_length=400,
        db_index=True,
        help_text="One variant (offer, term, device, segment, provider) across its versions.",
    )
    version = models.PositiveIntegerField(default=1)
    source_version = models.PositiveIntegerField(
        default=1, help_text="The product's version that was last published."
    )

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=260)
    service_type = models.CharField(max_length=60)
    category = models.CharField(max_length=60)
    technology = models.CharField(max_length=40, blank=True)
    speed_down_mbps = speed("download speed")
    speed_up_mbps = speed("upload speed")
    data_limit = models.CharField(max_length=60, blank=True)
    contract_months = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    description = models.TextField(blank=True)
    features = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    add_ons = models.JSONField(
        default=list,
        blank=True,
        encoder=DjangoJSONEncoder,
        help_text="Name, price (VAT included) and whether it recurs.",
    )
    components = models.JSONField(
        default=list,
        blank=True,
        encoder=DjangoJSONEncoder,
        help_text="Of a bundle: package, SKU, name, quantity and what each costs a month (VAT included).",
    )
    hardware_model = models.CharField(max_length=120, blank=True)
    hardware_included = models.BooleanField(default=False)
    hardware_price = optional_money(
        "hardware price, once",
        help_text=including_vat("0 when included; empty when there is no device."),
    )

    price = money(
        "price a month",
        help_text=including_vat("What existing customers pay; moves on an effective date."),
    )
    new_customer_price = optional_money(
        "price for new customers",
        help_text="Set while a published price change waits for its effective date, else empty.",
    )
    promotion_price = optional_money("promotion price a month")
    promotion_months = models.PositiveSmallIntegerField(null=True, blank=True)
    promotion_from = models.DateField(null=True, blank=True)
    promotion_to = models.DateField(null=True, blank=True)
    installation_fee = optional_money(
        "installation fee, once", help_text=including_vat("0 is free; empty when none is offered.")
    )
    discounted_installation_fee = optional_money(
        "discounted installation fee, once",
        help_text=including_vat("Charged instead of the installation fee; empty when there is no discount."),
    )

    status = models.CharField(max_length=20, choices=PackageStatus.choices, default=PackageStatus.DRAFT)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    end_of_sale = models.DateTimeField(
        null=True,
        blank=True,
        help_text="No new customers from this instant. Existing ones keep the package.",
    )
    end_of_life = models.DateTimeField(
        null=True, blank=True, help_text="Nobody has the package any more from this instant."
    )
    published_at = models.DateTimeField(help_text="When it was first published.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"

    @property
    def package_uuid(self) -> uuid.UUID:
        """The package's own id, also for an earlier version of it."""
        raise NotImplementedError

    @property
    def business_key(self) -> tuple[str, str, str]:
        return self.sku, self.market_segment, self.provider

    @property
    def current_price(self) -> Decimal:
        """What a customer who signs up now pays a month after any promotion, VAT included."""
        return self.price if self.new_customer_price is None else self.new_customer_price

    @property
    def charged_installation_fee(self) -> Decimal | None:
        """What a new customer pays once for the installation, VAT included; None when none is offered."""
        return charged_fee(self)

    @property
    def separate_price(self) -> Decimal | None:
        """What the components of a bundle cost a month one by one, VAT included; None when it is no bundle."""
        if not self.components:
            return None
        return sum((Decimal(one["price"]) * one["quantity"] for one in self.components), Decimal("0.00"))

    @property
    def savings(self) -> Decimal | None:
        """What a bundle costs less a month than its components, never below 0; None when it is no bundle."""
        separately = self.separate_price
        return None if separately is None else max(separately - self.current_price, Decimal("0.00"))

    @property
    def sale_ends(self) -> datetime | None:
        """The first instant at which it is not on sale any more, whichever reason comes first; None when open."""
        return min((end for end in (self.valid_to, self.end_of_sale) if end), default=None)

    def is_on_sale(self, at: datetime | None = None) -> bool:
        at = at or timezone.now()
        ends = self.sale_ends
        return self.status == PackageStatus.ACTIVE and self.valid_from <= at and (ends is None or ends > at)

    def promotion_price_at(self, at: datetime) -> Decimal | None:
        """The promotion price offered at that instant, if it is below the price.

        Its window is in South African civil days, both inclusive. A price that has fallen below the promotion
        leaves nothing to promote.
        """
        day = timezone.localdate(at)
        begun = self.promotion_from is None or self.promotion_from <= day
        over = self.promotion_to is not None and self.promotion_to < day
        cheaper = self.promotion_price is not None and self.promotion_price < self.current_price
        return self.promotion_price if begun and not over and cheaper else None


def _storefront_indexes() -> list[models.Index]:
    """For what the storefront filters by, in its usual order; for what it sorts by; and for what ends or begins."""
    live = Q(status=PackageStatus.ACTIVE)
    usual = (Lower("name"), "contract_months", "id")
    filtered = ("provider", "service_type", "category", "technology")
    sorted_by = ("speed_down_mbps", "speed_up_mbps", "contract_months")
    bounds = ("valid_to", "end_of_sale", "promotion_from", "promotion_to")
    return [
        models.Index(*usual, condition=live, name="package_live_name"),
        # For lists that sort by the name as it is written: TMF620, the admin.
        models.Index(
            F("name"), F("contract_months"), F("id"), condition=live, name="package_live_plain_name"
        ),
        *(
            models.Index(Upper(name), *usual, condition=live, name=f"package_live_{name}")
            for name in filtered
        ),
        models.Index(
            Coalesce("new_customer_price", "price"), "id", condition=live, name="package_live_price"
        ),
        models.Index(F("valid_from"), F("id"), condition=live, name="package_live_valid_from"),
        *(models.Index(F(name), F("id"), condition=live, name=f"package_by_{name}") for name in sorted_by),
        *(
            # Packages without a promised speed come last in both directions.
            models.Index(
                F(name).desc(nulls_last=True), F("id").desc(), condition=live, name=f"package_down_{name}"
            )
            for name in ("speed_down_mbps", "speed_up_mbps")
        ),
        *(
            models.Index(
                F(name), condition=live & Q(**{f"{name}__isnull": False}), name=f"package_bound_{name}"
            )
            for name in bounds
        ),
    ]


class ServicePackage(PackageContent):
    """The published, sellable thing. A version that was published is archived, never destroyed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=260, unique=True)
    source_admin_product = models.ForeignKey(Product, models.PROTECT, related_name="packages")
    price_history = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    objects = ServicePackageQuerySet.as_manager()

    class Meta:
        db_table = "service_packages"
        permissions = [("end_servicepackage", "Can end the sale and the life of packages")]
        ordering = ["name", "contract_months", "sku"]
        indexes = [
            models.Index(fields=["status", "valid_from"]),
            models.Index(fields=["market_segment", "provider"]),
            models.Index(fields=["service_type"]),
            models.Index(fields=["name", "contract_months", "sku"], name="package_in_order"),
            searched("package_search", "name", "sku", "slug"),
            GinIndex(fields=["components"], opclasses=["jsonb_path_ops"], name="package_components"),
            *_storefront_indexes(),
        ]
        constraints = [
            models.UniqueConstraint(
                Upper("sku"), "market_segment", Upper("provider"), name="package_business_key"
            ),
            models.UniqueConstraint(
                fields=["logical_key"],
                condition=Q(status=PackageStatus.ACTIVE),
                name="package_one_live_version_per_variant",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="package_price_not_negative"),
            models.CheckConstraint(
                condition=Q(new_customer_price=None) | Q(new_customer_price__gte=0),
                name="package_new_customer_price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="package_validity_in_order"
            ),
            models.CheckConstraint(
                condition=Q(end_of_life=None)
                | Q(end_of_sale__isnull=False, end_of_sale__lte=F("end_of_life")),
                name="package_sale_ends_before_life",
                violation_error_message="A package goes off sale before it ends for good.",
            ),
            models.CheckConstraint(
                condition=Q(discounted_installation_fee=None)
                | Q(
                    installation_fee__isnull=False,
                    discounted_installation_fee__gte=0,
                    discounted_installation_fee__lte=F("installation_fee"),
                ),
                name="package_discounted_installation_not_above_fee",
            ),
            models.CheckConstraint(
                condition=Q(hardware_model="") | Q(hardware_price__isnull=False),
                name="package_hardware_has_a_price",
            ),
            models.CheckConstraint(
                condition=Q(hardware_included=False) | Q(hardware_price=0),
                name="package_included_hardware_is_free",
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = free_slug(ServicePackage, self.name, self.sku, self.market_segment, self.provider)
        super().save(*args, **kwargs)

    @property
    def package_uuid(self) -> uuid.UUID:
        return self.id


def publish_state() -> Case:
    """For a query of products: each one's PublishState, as text."""
    ever = ServicePackage.objects.filter(source_admin_product=OuterRef("pk"))
    live = ever.filter(status=PackageStatus.ACTIVE)
    return Case(
        When(Exists(live.filter(source_version=OuterRef("version"))), then=Value(PublishState.LIVE.value)),
        When(Exists(live), then=Value(PublishState.LIVE_EDITED_SINCE.value)),
        When(Exists(ever), then=Value(PublishState.ARCHIVED.value)),
        default=Value(PublishState.NOT_PUBLISHED.value),
        output_field=CharField(),
    )
