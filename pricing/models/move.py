import uuid

from django.db import models
from django.db.models import F, Q

from catalogue.models.fields import money, optional_money
from pricing.models.change import PriceChange
from pricing.models.subscription import Subscription


class Cohort(models.TextChoices):
    """What a price change means for a subscription, decided when the change is published and looked at again daily."""

    STANDARD = "standard", "Pays the old price"
    FIXED_TERM = "fixed_term", "Fixed price until a date"
    NEGOTIATED = "negotiated", "Pays a price of its own"
    DISCOUNTED = "discounted", "Has a discount"
    CANCELLING = "cancelling", "Is leaving"
    JOINED_DURING_NOTICE = "joined_during_notice", "Joined during the notice"


class MoveState(models.TextChoices):
    PLANNED = "planned", "Planned"
    SCHEDULED = "scheduled", "Scheduled in Zoho"
    CONFIRMED = "confirmed", "Confirmed"
    CONFLICT = "conflict", "Conflict"
    HELD = "held", "Held for a person"
    FAILED = "failed", "Failed"
    NOT_NEEDED = "not_needed", "Not needed"


class Verdict(models.TextChoices):
    """What the first invoice on or after the effective date says of the price that was billed."""

    UNKNOWN = "unknown", "Not known yet"
    RIGHT = "right", "Right"
    UNDER = "under", "Under-billed"
    OVER = "over", "Over-billed"


class PriceMove(models.Model):
    """One subscription's part in one price change: from the price it pays to the new one, and the proof of it."""

    State = MoveState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    change = models.ForeignKey(PriceChange, models.PROTECT, related_name="moves")
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="moves")
    cohort = models.CharField(max_length=30, choices=Cohort.choices)
    price_then = money(
        "price at publication", help_text="What it paid when the change was published. VAT included."
    )
    expected_price = money("expected price", help_text="What it is to pay after the change. VAT included.")
    renewal_on = models.DateField(
        null=True,
        help_text="Its first renewal on or after the effective date: the first bill at the new price.",
    )
    state = models.CharField(max_length=20, choices=MoveState.choices, default=MoveState.PLANNED)
    why = models.TextField(blank=True, help_text="Why it is held, in conflict, failed or not needed.")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, help_text="A worker is at it until then.")
    scheduled_at = models.DateTimeField(null=True, help_text="When Zoho took the change.")
    confirmed_at = models.DateTimeField(null=True, help_text="When it was read back from Zoho.")

    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNKNOWN)
    invoice_id = models.CharField(max_length=50, blank=True)
    invoiced_on = models.DateField(null=True)
    invoiced_price = optional_money("price on the invoice")
    billed_wrong = models.GeneratedField(
        expression=F("invoiced_price") - F("expected_price"),
        output_field=models.DecimalField(max_digits=11, decimal_places=2, null=True),
        db_persist=True,
        help_text="A month, in rand: below nothing when too little was billed.",
    )
    proved_at = models.DateTimeField(null=True, help_text="When the invoice was last read.")

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "price_moves"
        ordering = ["change", "subscription"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["change", "subscription"], name="price_move_once"),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(confirmed_at__isnull=False),
                name="price_move_confirmed_is_read",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("held", "conflict", "failed")) | ~Q(why=""),
                name="price_move_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["change", "state"]),
            models.Index(
                fields=["renewal_on", "next_attempt_at"],
                condition=Q(state__in=("planned", "scheduled")),
                name="price_move_waiting",
            ),
            models.Index(fields=["change", "verdict"]),
        ]
        permissions = [("decide_pricemove", "Can decide about held price moves and try failed ones again")]

    def __str__(self) -> str:
        return f"{self.subscription}: R {self.price_then} → R {self.expected_price}"
