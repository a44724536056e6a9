from django.db import models
from django.db.models import Q

from catalogue.models.product import Product
from circletel.core.models import Job, JobState


class BatchStatus(models.TextChoices):
    """How REST calls the state of a bulk job."""

    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class ItemState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    # What waits for a job that was cancelled; it is in no row.
    CANCELLED = "cancelled", "Cancelled"


class BatchItem(models.Model):
    """One product's part in a bulk job."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    state = models.CharField(max_length=20, choices=ItemState.choices, default=ItemState.WAITING)
    foreseen = models.TextField(blank=True, help_text="What spoke against it when the job was planned.")
    message = models.TextField(blank=True, help_text="What became of it.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "product_batch_items"
        ordering = ["position"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["job", "product"], name="batch_item_once"),
            models.CheckConstraint(
                condition=Q(state=ItemState.WAITING) | Q(finished_at__isnull=False),
                name="batch_item_finished",
            ),
        ]
        indexes = [models.Index(fields=["job", "state", "position"])]

    def __str__(self) -> str:
        return f"{self.product}: {self.shown_state.label.lower()}"

    @property
    def shown_state(self) -> ItemState:
        state = ItemState(self.state)
        is_left_alone = self.job.cancel_requested or self.job.state == JobState.CANCELLED
        return ItemState.CANCELLED if is_left_alone and state == ItemState.WAITING else state
