import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from circletel.core.models.fields import searched


class AuditResult(models.TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


class AuditEntry(models.Model):
    """Who did what to which record, when, from where, with what result. The database refuses UPDATE and DELETE."""

    Result = AuditResult

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    # Name and e-mail are copied: the entry must read the same when the account is long gone.
    actor_id = models.CharField(max_length=40, blank=True, db_index=True)
    actor_name = models.CharField(max_length=200, blank=True)
    actor_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=60, db_index=True)
    target_type = models.CharField(max_length=60)
    target_id = models.CharField(max_length=64, db_index=True)
    target_name = models.CharField(max_length=300)
    changes = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text='{"field": [before, after]}'
    )
    result = models.CharField(max_length=10, choices=AuditResult.choices, default=AuditResult.DONE)
    detail = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    token = models.CharField("API token", max_length=100, blank=True, help_text="Which one the actor used.")
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        db_table = "audit_entries"
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-at"]
        indexes = [
            searched(
                "audit_search",
                *("actor_name", "actor_email", "target_name", "target_id", "token", "correlation_id"),
            )
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.actor_name or 'System'}: {self.action} {self.target_name}"
