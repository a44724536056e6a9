import uuid

from django.db import models
from django.utils import timezone


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
