"""What Zoho Billing's subscriptions refer to by code or id: its coupons, add-ons and taxes, as last read from there."""

from decimal import Decimal

from django.db import models


class SyncedCoupon(models.Model):
    """What a coupon takes off an invoice, of which lines, and off how many invoices."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=20, help_text="In Zoho's words: one_time, duration, forever.")
    duration = models.PositiveIntegerField(default=0, help_text="Of type duration: how many invoices.")
    discount_by = models.CharField(max_length=20, help_text="In Zoho's words: percentage, flat.")
    value = models.DecimalField(max_digits=10, decimal_places=2)
    plans = models.CharField(max_length=20, help_text="In Zoho's words: all, none, select.")
    plan_codes = models.JSONField(default=list)
    addons = models.CharField(
        max_length=20, help_text="In Zoho's words: all_addons, all_recurring, all_onetime, none, select."
    )
    addon_codes = models.JSONField(default=list)
    read_at = models.DateTimeField()

    class Meta:
        db_table = "synced_coupons"
        ordering = ["code"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.code

    @property
    def is_percentage(self) -> bool:
        return self.discount_by == "percentage"

    @property
    def is_understood(self) -> bool:
        """Whether what it takes off, and how often, can be said."""
        return (
            self.type in ("one_time", "duration", "forever")
            and self.discount_by in ("percentage", "flat")
            and self.plans in ("all", "none", "select")
            and self.addons in ("all_addons", "all_recurring", "all_onetime", "none", "select")
        )

    @property
    def times(self) -> int | None:
        """How many invoices of a subscription it lowers; None for one without end."""
        return {"one_time": 1, "duration": self.duration}.get(self.type)

    def lowers_plan(self, plan_code: str) -> bool:
        return self.plans == "all" or (self.plans == "select" and plan_code in self.plan_codes)

    def lowers_addon(self, addon_code: str, *, recurring: bool) -> bool:
        kinds = ("all_addons", "all_recurring" if recurring else "all_onetime")
        return self.addons in kinds or (self.addons == "select" and addon_code in self.addon_codes)


class SyncedAddOn(models.Model):
    """How an add-on is charged: what subscriptions with it do not say."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=20, help_text="In Zoho's words: recurring, one_time.")
    pricing_scheme = models.CharField(
        max_length=20, help_text="In Zoho's words: unit is the price times the number."
    )
    read_at = models.DateTimeField()

    class Meta:
        db_table = "synced_addons"
        ordering = ["code"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.code


class SyncedTax(models.Model):
    """A tax of the Billing organisation. The one of South Africa's rate follows our own VAT rates day by day."""

    tax_id = models.CharField(max_length=50, primary_key=True)
    name = models.CharField(max_length=100, blank=True)
    percentage = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    is_vat = models.BooleanField(default=False, help_text="It had South Africa's rate when it was read.")
    read_at = models.DateTimeField()

    class Meta:
        db_table = "synced_taxes"
        ordering = ["name", "tax_id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name or self.tax_id

    @property
    def rate(self) -> Decimal | None:
        return None if self.percentage is None else self.percentage / 100
