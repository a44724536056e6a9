"""What the TM Forum window keeps: drafts as they were written, listeners and the events owed to them."""

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalogue.models.package import ServicePackage
from catalogue.models.product import Product


def new_secret() -> str:
    return secrets.token_urlsafe(32)


class TmfDraft(models.Model):
    """A resource written through TMF620 and not on sale. That of an offering is a description of a Product."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    version = models.CharField(max_length=4, help_text="Of TMF620, in which it was written and is shown.")
    body = models.JSONField(encoder=DjangoJSONEncoder, help_text="As it was written.")
    product = models.OneToOneField(Product, models.CASCADE, null=True, related_name="tmf620_draft")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "tmf620_drafts"
        verbose_name = "TMF620 draft"
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["kind", "version", "created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="productOffering", product__isnull=False)
                | (~Q(kind="productOffering") & Q(product=None)),
                name="tmf620_draft_offering_has_a_product",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.body.get('name', self.pk)}"


class HubListener(models.Model):
    """Somebody who wants to hear of changes, and where."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.CharField(max_length=4, help_text="Of TMF620, in which events are sent.")
    callback = models.CharField(max_length=2000)
    query = models.CharField(max_length=1000, blank=True, help_text="Which events; empty means all.")
    secret = models.CharField(max_length=64, default=new_secret, help_text="Signs what is sent.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        db_table = "tmf620_listeners"
        verbose_name = "TMF620 listener"
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.callback


class HubEvent(models.Model):
    """One change, told in every version of TMF620. Written in the transaction of the change."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    occurred_at = models.DateTimeField(db_index=True)
    bodies: Any = models.JSONField(encoder=DjangoJSONEncoder, help_text='{"v4": …, "v5": …}')

    class Meta:
        db_table = "tmf620_events"
        verbose_name = "TMF620 event"
        ordering = ["occurred_at", "id"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.bodies['v4']['eventType']} {timezone.localtime(self.occurred_at):%-d %b %Y, %H:%M}"


class HubSnapshot(models.Model):
    """What listeners were last told about a package, so that the next change is told as what it is."""

    package = models.OneToOneField(ServicePackage, models.CASCADE, primary_key=True, related_name="+")
    on_sale = models.BooleanField(default=False)
    hashes = models.JSONField(default=dict, help_text="Of each resource as it was told; empty: not known.")
    told_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        db_table = "tmf620_snapshots"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.package_id)


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Owed"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Needs a person"


class HubDelivery(models.Model):
    """One event owed to one listener."""

    State = DeliveryState

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(HubEvent, models.CASCADE, related_name="deliveries")
    listener = models.ForeignKey(HubListener, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not tried before; also how long a worker may hold it.")
    delivered_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "tmf620_deliveries"
        verbose_name = "TMF620 delivery"
        verbose_name_plural = "TMF620 deliveries"
        permissions = [("resend_hubdelivery", "Can send TMF620 events again")]
        ordering = ["id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="tmf620_deliveries_due")
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "listener"], name="tmf620_event_once_for_each_listener")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.listener_id}"
