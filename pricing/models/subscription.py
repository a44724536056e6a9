import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core.models.fields import money, searched

# In Zoho's words. These are billed again unless something happens; the rest never is.
BILLED = ("live", "trial", "future", "dunning", "unpaid", "past_due")
LEAVING = ("non_renewing",)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
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
    quantity = models.PositiveIntegerField(default=1)
    amount = money("amount a term", help_text="The whole of it as Zoho says: plan, add-ons, VAT, discounts.")
    addons = models.JSONField(
        default=list,
        help_text="The recurring add-ons, to be sent again with a change: code, price, quantity, tax id.",
    )
    tax_id = models.CharField(max_length=50, blank=True, help_text="Of the plan, in Zoho.")
    is_inclusive_tax = models.BooleanField(null=True, help_text="Whether Zoho's own prices include VAT.")
    discounted = models.BooleanField(default=False, help_text="A coupon lowers what is paid.")
    signed_up_at = models.DateTimeField(help_text="When the customer signed up: decides which price holds.")
    fixed_until = models.DateField(
        null=True,
        blank=True,
        help_text="Last day of a promised fixed price; empty when none was promised.",
    )
    current_term_starts_on = models.DateField(null=True)
    current_term_ends_on = models.DateField(null=True)
    next_billing_on = models.DateField(null=True)
    last_invoice_id = models.CharField(max_length=50, blank=True)
    listed = models.JSONField(
        default=dict,
        help_text="Its row in Zoho's list, as last seen: while it is the same, it is not read again.",
    )
    read_at = models.DateTimeField(help_text="When Zoho was last asked for all of it.")
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
        permissions = [("handle_personal_data", "Can export and erase what is known of a customer")]
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
