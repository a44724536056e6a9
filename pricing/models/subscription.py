import uuid
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core.models.fields import money, optional_money, searched

# In Zoho's words. These are billed again unless something happens; the rest never is.
BILLED = ("live", "trial", "future", "dunning", "unpaid", "past_due")
LEAVING = ("non_renewing",)
# Not billed until somebody resumes it.
PAUSED = ("paused",)


class SinceHow(models.TextChoices):
    """How it is known since when a subscription is on its package."""

    FIRST_INVOICE = "first_invoice", "The first invoice of this plan"
    SEEN = "seen", "A sync found the plan changed"
    DECISION = "decision", "Decided by a person"


class Source(models.TextChoices):
    """How something is known of a subscription."""

    IMPORTED = "imported", "by export"
    LISTED = "listed", "by Zoho's list"
    READ = "read", "read from Zoho"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def came_between(self, since: datetime, until: datetime | None) -> "SubscriptionQuerySet":
        """Those whose `came_at` is that instant or later, and before the other one."""
        known, unknown = Q(on_package_since__gte=since), Q(on_package_since=None, signed_up_at__gte=since)
        if until is not None:
            known &= Q(on_package_since__lt=until)
            unknown &= Q(signed_up_at__lt=until)
        return self.filter(known | unknown)

    def standing(self) -> "SubscriptionQuerySet":
        """Served today or to be: those that renew, and those that leave with the end of their term."""
        return self.filter(status__in=(*BILLED, *LEAVING), gone_at=None)

    def renewing(self) -> "SubscriptionQuerySet":
        """Those that will be billed again."""
        return self.filter(status__in=BILLED, gone_at=None)


class Subscription(models.Model):
    """One subscription as Zoho Billing has it. A mirror: pulled, never edited here. Zoho is its master."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription_id = models.CharField("Zoho id", max_length=50, unique=True)
    number = models.CharField(max_length=100, blank=True, help_text="As the customer reads it: SUB-00042.")
    package = models.ForeignKey(
        ServicePackage,
        models.PROTECT,
        null=True,
        related_name="subscriptions",
        help_text="Whose plan it is. Empty when no package of ours owns that plan code.",
    )
    plan_code = models.CharField(max_length=100)
    customer_id = models.CharField("Zoho customer id", max_length=50)
    customer_name = models.CharField(max_length=200, blank=True)
    customer_email = models.CharField(max_length=254, blank=True)
    status = models.CharField(max_length=40, help_text="In Zoho's words: live, non_renewing, cancelled, …")
    price = money("price a month", help_text="Of one plan unit, in rand, VAT included, before discounts.")
    plan_price = optional_money(
        "price in Zoho",
        help_text="Of one plan unit as Zoho holds it: with or without VAT. Empty while it was not read.",
    )
    currency_code = models.CharField("currency", max_length=3, default="ZAR", db_default="ZAR")
    interval_months = models.PositiveSmallIntegerField(
        "months a term",
        null=True,
        default=1,
        db_default=1,
        help_text="12 for a year; empty for one that is billed by weeks or days.",
    )
    remaining_cycles = models.PositiveIntegerField(
        "invoices left", null=True, help_text="Empty when it is billed until it is cancelled."
    )
    setup_fee = money(
        "setup fee",
        default=Decimal(0),
        db_default=Decimal(0),
        help_text="On its first invoice, as Zoho holds it: with or without VAT.",
    )
    trial_days = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Before the first invoice of one that is still to start."
    )
    quantity = models.PositiveIntegerField(default=1)
    amount = money("amount a term", help_text="The whole of it as Zoho says: plan, add-ons, VAT, discounts.")
    addons = models.JSONField(
        default=list,
        help_text="Its add-ons: code, name, price in Zoho, quantity, tax id, type where Zoho says it.",
    )
    tax_id = models.CharField(max_length=50, blank=True, help_text="Of the plan, in Zoho.")
    is_inclusive_tax = models.BooleanField(null=True, help_text="Whether Zoho's own prices include VAT.")
    discounted = models.BooleanField(default=False, help_text="A coupon lowers what is paid.")
    coupon_code = models.CharField("coupon", max_length=100, blank=True, default="", db_default="")
    coupon_uses_left = models.PositiveIntegerField(
        null=True, help_text="How many invoices it still lowers, counted from the day below."
    )
    coupon_counted_from = models.DateField(null=True)
    coupon_counted_at = models.DateTimeField(null=True, help_text="When its invoices were last read for it.")
    signed_up_at = models.DateTimeField(help_text="When the subscription was entered in Zoho, or began.")
    on_package_since = models.DateTimeField(
        "on this package since",
        null=True,
        help_text="Decides which price holds. Empty: between the two instants below, it is not known when.",
    )
    on_package_since_how = models.CharField(
        "how that is known", max_length=20, choices=SinceHow.choices, blank=True, default="", db_default=""
    )
    on_package_earliest = models.DateTimeField(
        null=True, help_text="It was on another package, or had not signed up, until then."
    )
    on_package_latest = models.DateTimeField(null=True, help_text="It was seen on this package then.")
    since_read_at = models.DateTimeField(null=True, help_text="When its invoices were read for that.")
    since_decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    since_decided_at = models.DateTimeField(null=True, editable=False)
    fixed_until = models.DateField(
        null=True,
        blank=True,
        help_text="Last day of a promised fixed price; empty when none was promised.",
    )
    current_term_starts_on = models.DateField(null=True)
    current_term_ends_on = models.DateField(null=True)
    next_billing_on = models.DateField(null=True)
    started_on = models.DateField(
        null=True, help_text="When its first term began: terms count from that day."
    )
    paused_on = models.DateField(null=True)
    resumes_on = models.DateField(null=True)
    prorates = models.BooleanField(
        null=True,
        help_text="Whether Zoho bills a change within a term by the day; empty where it does not say.",
    )
    has_unbilled_charges = models.BooleanField(default=False, db_default=False)
    changes_on = models.DateField(null=True, help_text="When a change that Zoho has scheduled takes effect.")
    scheduled_change = models.JSONField(
        null=True, help_text="What that makes of it: plan and add-ons as above. Empty while it was not read."
    )
    change_read_at = models.DateTimeField(null=True)
    last_invoice_id = models.CharField(max_length=50, blank=True)
    listed = models.JSONField(
        default=dict,
        help_text="Its row in Zoho's list, as last seen: while it is the same, it is not read again.",
    )
    read_at = models.DateTimeField(
        null=True, help_text="When Zoho was last asked for all of it; empty: it is known by an export alone."
    )
    imported_at = models.DateTimeField(
        null=True, help_text="When the export was made that was last taken for it; empty: none was."
    )
    contact_source = models.CharField(
        "how name and address are known",
        max_length=10,
        choices=Source.choices,
        default="read",
        db_default="read",
    )
    contact_as_of = models.DateTimeField(null=True, help_text="Since when name and address are known so.")
    plan_seen_at = models.DateTimeField(
        null=True, help_text="When Zoho last showed it on the plan that it has here."
    )
    seen_at = models.DateTimeField(help_text="When it last stood in Zoho's list.")
    gone_at = models.DateTimeField(null=True, help_text="When a complete list no longer had it.")

    erased_at = models.DateTimeField(
        null=True,
        help_text="When name and address were erased. A pull brings them back only with a new term.",
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        db_table = "subscriptions"
        ordering = ["customer_name", "subscription_id"]
        default_permissions = ("view",)
        permissions = [
            ("handle_personal_data", "Can export and erase what is known of a customer"),
            ("import_subscription", "Can import exports of subscriptions"),
            ("decide_package_since", "Can decide since when a customer is on a package"),
        ]
        indexes = [
            models.Index(fields=["package", "status"]),
            models.Index(
                fields=["next_billing_on"], condition=Q(gone_at=None), name="subscription_next_billing"
            ),
            models.Index(fields=["customer_id"]),
            models.Index(fields=["customer_name", "subscription_id"], name="subscription_in_order"),
            searched(
                "subscription_search",
                *("customer_name", "customer_email", "number", "subscription_id", "customer_id", "plan_code"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number or self.subscription_id} · {self.customer_name or self.customer_id}"

    @property
    def name_in_trail(self) -> str:
        """What the audit trail calls it: nothing can be erased there, so it learns no names."""
        return self.number or self.subscription_id

    @property
    def came_at(self) -> datetime:
        """Since when it is on its package, as far as that is known. Decides which price holds."""
        return self.on_package_since or self.signed_up_at

    @property
    def may_have_come(self) -> tuple[datetime, datetime]:
        """The earliest and the latest instant at which it may have come onto its package."""
        if self.on_package_since is not None and self.on_package_since_how == SinceHow.DECISION:
            return self.on_package_since, self.on_package_since
        earliest = self.on_package_earliest or self.came_at
        return earliest, max(earliest, self.on_package_latest or earliest)

    @property
    def details_known(self) -> tuple[Source, datetime]:
        """How its plan, price, units, add-ons and discounts are known, and since when."""
        if self.imported_at is not None and (self.read_at is None or self.read_at < self.imported_at):
            return Source.IMPORTED, self.imported_at
        return Source.READ, self.read_at or self.seen_at

    @property
    def terms_known(self) -> tuple[Source, datetime]:
        """How its amount, status and dates are known, and since when."""
        if self.read_at is not None and self.read_at > self.seen_at:
            return Source.READ, self.read_at
        return Source.LISTED, self.seen_at

    @property
    def is_in_rand(self) -> bool:
        return self.currency_code == "ZAR"

    @property
    def is_forgotten(self) -> bool:
        """Erased, and not served since: what Zoho's lists still say of it is not taken again."""
        return self.erased_at is not None


class SubscriptionPull(models.Model):
    """One reading of Zoho Billing's subscriptions: how far it came, so that it can go on where it was stopped."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    full = models.BooleanField(default=False, help_text="Everything is read again, changed or not.")
    subscription_pages = models.PositiveIntegerField(default=0)
    customer_pages = models.PositiveIntegerField(default=0)
    listed_to_the_end = models.BooleanField(default=False)
    customers_listed = models.BooleanField(default=False)
    is_credible = models.BooleanField(
        default=True, help_text="No more subscriptions are missing than can be believed of a list."
    )
    counts = models.JSONField(default=dict, help_text="Rows of the list by what became of them.")
    problem = models.TextField(blank=True, help_text="What a person has to look at; empty when nothing.")

    class Meta:
        db_table = "subscription_pulls"
        ordering = ["-started_at"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"Pull of {timezone.localtime(self.started_at):%-d %b %Y, %H:%M}"


class OwedRead(models.Model):
    """A subscription that a pull has to read by itself: lists carry neither its plan nor its price."""

    pull = models.ForeignKey(SubscriptionPull, models.CASCADE, related_name="owed")
    subscription_id = models.CharField(max_length=50)
    row = models.JSONField(
        help_text="Its row in the list; empty for one that the list does not have any more."
    )
    due_on = models.DateField(null=True, help_text="Its next billing date: the soonest one is read first.")
    problem = models.TextField(blank=True, help_text="Why it could not be read; the next pull tries again.")

    class Meta:
        db_table = "subscription_reads_owed"
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["pull", "subscription_id"], name="subscription_read_owed_once")
        ]

    def __str__(self) -> str:
        return self.subscription_id
