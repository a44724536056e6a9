import uuid

from django.db import models
from django.db.models import Q

from pricing.models.change import PriceChange
from pricing.models.subscription import Subscription


class Occasion(models.TextChoices):
    """What a notice hangs on."""

    PUBLISHED = "published", "At publication"
    BEFORE = "before", "Before the effective date"
    RECEIPT = "receipt", "After the effective date"
    WITHDRAWN = "withdrawn", "When the change is withdrawn"


class NoticeStage(models.Model):
    """When customers are told of a price change, and in which words. Rows, so that a pricing manager edits them."""

    code = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    occasion = models.CharField(max_length=20, choices=Occasion.choices)
    days = models.PositiveSmallIntegerField(
        default=0, help_text="Civil days before (or after) the effective date; 0 for the other occasions."
    )
    required = models.BooleanField(
        default=True, help_text="Without this notice accepted by the mail provider, the price move is held."
    )
    active = models.BooleanField(default=True)
    subject = models.CharField(max_length=200)
    body = models.TextField(help_text="Plain text with {{ words }}; the linter says which must be there.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "price_notice_stages"
        ordering = ["occasion", "-days"]
        default_permissions = ("view",)
        permissions = [("edit_noticestage", "Can edit the notices of price changes")]

    def __str__(self) -> str:
        return self.name


class NoticeState(models.TextChoices):
    OWED = "owed", "To be sent"
    ACCEPTED = "accepted", "Accepted by the provider"
    DELIVERED = "delivered", "Delivered"
    BOUNCED = "bounced", "Bounced"
    FAILED = "failed", "Failed"
    NO_ADDRESS = "no_address", "No address"
    NOT_NEEDED = "not_needed", "Not needed"
    SETTLED = "settled", "Told another way"


class PriceNotice(models.Model):
    """One message to one customer at one stage of one price change, with the provider's receipt."""

    State = NoticeState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    change = models.ForeignKey(PriceChange, models.PROTECT, related_name="notices")
    stage = models.ForeignKey(NoticeStage, models.PROTECT, related_name="notices")
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="notices")
    email = models.CharField(max_length=254, blank=True)
    state = models.CharField(max_length=20, choices=NoticeState.choices, default=NoticeState.OWED)
    why = models.TextField(blank=True)
    due_on = models.DateField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    sending_since = models.DateTimeField(
        null=True,
        help_text="Set before the provider is called: a message without an answer is never sent again by itself.",
    )
    subject = models.CharField(max_length=200, blank=True)
    text_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the text that was sent.")
    provider_id = models.CharField(max_length=200, blank=True, db_index=True)
    accepted_at = models.DateTimeField(
        null=True, help_text="From the provider's acceptance, never from the attempt."
    )
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "price_notices"
        ordering = ["change", "stage", "subscription"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["change", "stage", "subscription"], name="price_notice_once"),
            models.CheckConstraint(
                condition=~Q(state__in=("accepted", "delivered")) | Q(accepted_at__isnull=False),
                name="price_notice_accepted_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=Q(state="owed"), name="price_notice_owed"),
            models.Index(fields=["change", "stage", "state"]),
        ]
        permissions = [("settle_pricenotice", "Can decide about notices that did not arrive")]

    def __str__(self) -> str:
        return f"{self.stage}: {self.email or self.subscription}"
