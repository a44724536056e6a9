import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models.product import Product


class BatchDeed(models.TextChoices):
    SUBMIT = "submit", "Submit for approval"
    APPROVE = "approve", "Approve"
    APPROVE_PRICING = "approve pricing", "Approve pricing"
    PUBLISH = "publish", "Publish"


class BatchStatus(models.TextChoices):
    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class Batch(models.Model):
    """One deed for many products: planned, then worked off by a worker, product by product.

    Each item is done or refused in a transaction of its own, so whoever takes over after a crash goes on with the
    next one that waits.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deed = models.CharField(max_length=20, choices=BatchDeed.choices)
    status = models.CharField(max_length=20, choices=BatchStatus.choices, default=BatchStatus.PLANNED)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, help_text="Until then one worker has it.")
    # Of whoever ordered it: what the worker does later is audited as theirs.
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "product_batches"
        verbose_name_plural = "batches"
        ordering = ["-created_at"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["status", "leased_until"])]

    def __str__(self) -> str:
        return f"{self.get_deed_display()}, {timezone.localtime(self.created_at):%-d %b %Y, %H:%M}"


class ItemState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class BatchItem(models.Model):
    """One product's part in a batch."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    state = models.CharField(max_length=20, choices=ItemState.choices, default=ItemState.WAITING)
    foreseen = models.TextField(blank=True, help_text="What spoke against it when the batch was planned.")
    message = models.TextField(blank=True, help_text="What became of it.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "product_batch_items"
        ordering = ["position"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["batch", "product"], name="batch_item_once"),
            models.CheckConstraint(
                condition=Q(state=ItemState.WAITING) | Q(finished_at__isnull=False),
                name="batch_item_finished",
            ),
        ]
        indexes = [models.Index(fields=["batch", "state", "position"])]

    def __str__(self) -> str:
        return f"{self.product}: {self.get_state_display().lower()}"
