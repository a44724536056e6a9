import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from circletel.core.amounts import rand
from circletel.core.models.fields import money, optional_money
from pricing.models.change import PriceChange, person
from pricing.models.subscription import Subscription


class Cohort(models.TextChoices):
    """What a price change means for a subscription, decided when the change is published and looked at again daily."""

    STANDARD = "standard", "Pays the old price"
    FIXED_TERM = "fixed_term", "Fixed price until a date"
    NEGOTIATED = "negotiated", "Pays a price of its own"
    DISCOUNTED = "discounted", "Has a discount"
    CANCELLING = "cancelling", "Is leaving"
    JOINED_DURING_NOTICE = "joined_during_notice", "Joined during the notice"
    SINCE_UNKNOWN = "since_unknown", "Not known since when on this package"


class MoveState(models.TextChoices):
    PLANNED = "planned", "Planned"
    SCHEDULED = "scheduled", "Scheduled in Zoho"
    CONFIRMED = "confirmed", "Confirmed"
    CONFLICT = "conflict", "Conflict"
    HELD = "held", "Held for a person"
    FAILED = "failed", "Failed"
    NOT_NEEDED = "not_needed", "Not needed"


class Hold(models.TextChoices):
    """Why a move waits for somebody. The first kind lets go by itself, the last once somebody has decided it."""

    NOTICE = "notice", "The customer was not told"
    NEGOTIATED = "negotiated", "Pays a price of its own"
    JOINED = "joined", "Joined during the notice at another price"
    KEEP_OR_CREDIT = "keep_or_credit", "Joined at the price of a cancelled change"
    SINCE_UNKNOWN = "since_unknown", "Not known since when on this package"


class Verdict(models.TextChoices):
    """What the first invoice on or after the effective date says of the price that was billed."""

    UNKNOWN = "unknown", "Not known yet"
    RIGHT = "right", "Right"
    UNDER = "under", "Under-billed"
    OVER = "over", "Over-billed"


class PriceMove(models.Model):
    """One subscription's part in one price change: from the price it pays to the new one, and the proof of it."""

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
    hold = models.CharField(max_length=20, choices=Hold.choices, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, help_text="A worker is at it until then.")
    lease_token = models.UUIDField(null=True)
    seen_price = optional_money(
        "price in Zoho", help_text="What it paid when Zoho was last asked. VAT included."
    )
    accepted_price = optional_money(
        "accepted price", help_text="What a person saw it pay when they let it move anyway."
    )
    is_return = models.BooleanField(
        default=False,
        help_text="Back to the old price, for somebody who joined at a price that was cancelled.",
    )
    sent_at = models.DateTimeField(
        null=True, help_text="Set before Zoho is told: from then on Zoho may have taken the change."
    )
    lands_on = models.DateField(null=True, help_text="The renewal that the scheduled change lands on.")
    to_undo = models.BooleanField(
        default=False, help_text="What Zoho may have scheduled is to be dropped there."
    )
    decided_at = models.DateTimeField(null=True)
    decided_by = person(null=True)
    scheduled_at = models.DateTimeField(null=True, help_text="When Zoho took the change.")
    confirmed_at = models.DateTimeField(null=True, help_text="When it was read back from Zoho.")

    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNKNOWN)
    invoice_id = models.CharField(max_length=50, blank=True)
    invoiced_on = models.DateField(null=True)
    invoiced_price = optional_money("price on the invoice")
    invoiced_total = optional_money("total of the invoice")
    expected_total = optional_money(
        "expected total",
        help_text="By the renewal preview, with the expected price; empty where it is not known. VAT included.",
    )
    billed_wrong = models.GeneratedField(
        expression=F("invoiced_price") - F("expected_price"),
        output_field=models.DecimalField(max_digits=11, decimal_places=2, null=True),
        db_persist=True,
        help_text="A month, in rand: below nothing when too little was billed.",
    )
    proved_at = models.DateTimeField(null=True, help_text="When the invoice was last read.")
    settled_at = models.DateTimeField(
        null=True, help_text="When somebody settled what was billed wrong, another way."
    )
    settled_how = models.TextField(blank=True)

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
            models.CheckConstraint(
                condition=Q(state="held") | Q(hold=""), name="price_move_hold_only_when_held"
            ),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(sent_at__isnull=False, lands_on__isnull=False),
                name="price_move_scheduled_was_sent",
            ),
            models.CheckConstraint(
                condition=Q(to_undo=False) | Q(sent_at__isnull=False), name="price_move_undoes_what_was_sent"
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None) | ~Q(settled_how=""), name="price_move_settled_says_how"
            ),
        ]
        indexes = [
            models.Index(fields=["change", "state"]),
            models.Index(
                fields=["renewal_on", "next_attempt_at"],
                condition=Q(state__in=("planned", "scheduled", "failed")) | Q(to_undo=True),
                name="price_move_waiting",
            ),
            models.Index(fields=["change", "verdict"]),
        ]
        permissions = [("decide_pricemove", "Can decide about held price moves and try failed ones again")]

    def __str__(self) -> str:
        return f"{self.subscription}: {rand(self.price_then)} → {rand(self.expected_price)}"

    @property
    def name_in_trail(self) -> str:
        return f"{self.subscription.name_in_trail}: {rand(self.price_then)} → {rand(self.expected_price)}"

    @property
    def billed_wrong_in_all(self) -> Decimal | None:
        """`billed_wrong` for all units; None while no invoice was read."""
        return None if self.billed_wrong is None else self.billed_wrong * self.subscription.quantity
