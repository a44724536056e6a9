import uuid

from django.db import models
from django.db.models import Q, Value
from django.utils import timezone

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
        default=True,
        help_text="Without this notice accepted by the mail provider, the price move is held.",
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
    UNKNOWN = "unknown", "Not known whether it was sent"


# A person decides about these.
UNDELIVERED = (NoticeState.BOUNCED, NoticeState.FAILED, NoticeState.NO_ADDRESS, NoticeState.UNKNOWN)
# The customer was told.
TOLD = (NoticeState.ACCEPTED, NoticeState.DELIVERED, NoticeState.SETTLED)


class PriceNotice(models.Model):
    """One message to one customer at one stage of one price change, with the provider's receipt."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    change = models.ForeignKey(PriceChange, models.PROTECT, related_name="notices")
    stage = models.ForeignKey(NoticeStage, models.PROTECT, related_name="notices")
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="notices")
    email = models.CharField(max_length=254, blank=True)
    state = models.CharField(max_length=20, choices=NoticeState.choices, default=NoticeState.OWED)
    why = models.TextField(blank=True)
    due_on = models.DateField()
    round = models.PositiveSmallIntegerField(
        default=1,
        help_text="Grows when a person has it sent again: then the provider takes it for another message.",
    )
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
            models.Index(
                fields=["due_on", "id"],
                condition=Q(state="owed", sending_since=None),
                name="price_notice_to_send",
            ),
            models.Index(
                fields=["sending_since"],
                condition=Q(state="owed", sending_since__isnull=False),
                name="price_notice_claimed",
            ),
            models.Index(fields=["change", "stage", "state"]),
        ]
        permissions = [("settle_pricenotice", "Can decide about notices that did not arrive")]

    def __str__(self) -> str:
        return f"{self.stage}: {self.email or self.subscription}"

    @property
    def name_in_trail(self) -> str:
        return f"{self.stage}: {self.subscription.name_in_trail}"


class NoticeText(models.Model):
    """A text that was sent, once for each hash. The database refuses UPDATE and DELETE."""

    text_hash = models.CharField(
        primary_key=True,
        max_length=64,
        help_text="SHA-256 of the subject, an empty line and the body, in UTF-8.",
    )
    subject = models.CharField(max_length=300)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "price_notice_texts"
        default_permissions = ()

    def __str__(self) -> str:
        return self.subject


class NoticeEventKind(models.TextChoices):
    ACCEPTED = "accepted", "Accepted by the provider"
    DELIVERED = "delivered", "Delivered"
    DEFERRED = "deferred", "Delayed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Called unwanted by the customer"
    REFUSED = "refused", "Refused by the provider"
    UNKNOWN = "unknown", "No answer from the provider"
    SEND_AGAIN = "send_again", "A person has it sent again"
    SETTLED = "settled", "A person told the customer another way"


class NoticeEvent(models.Model):
    """What happened to a notice, one row each. The database refuses UPDATE and DELETE."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notice = models.ForeignKey(PriceNotice, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=NoticeEventKind.choices)
    at = models.DateTimeField(help_text="When it happened; the provider's own time where it tells one.")
    recorded_at = models.DateTimeField(auto_now_add=True)
    round = models.PositiveSmallIntegerField()
    email = models.CharField(max_length=254, blank=True)
    text_hash = models.CharField(max_length=64, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    provider_event_id = models.CharField(max_length=200, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        db_table = "price_notice_events"
        ordering = ["at", "recorded_at"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "provider_event_id"],
                condition=~Q(provider_event_id=""),
                name="price_notice_event_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.email}"


class MailOutage(models.Model):
    """A time in which the mail provider took no notices. Costs no notice an attempt; ends with the next accepted one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    began_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=1)
    next_try_at = models.DateTimeField()
    words = models.TextField(help_text="What the provider said last.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "price_notice_outages"
        ordering = ["-began_at"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(Value(1), condition=Q(ended_at=None), name="price_notice_one_outage")
        ]

    def __str__(self) -> str:
        return f"Since {timezone.localtime(self.began_at):%-d %b %Y, %H:%M}: {self.words}"
