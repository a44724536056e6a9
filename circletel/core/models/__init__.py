"""The kernel's models."""

from circletel.core.models.api import ApiToken, IdempotentAnswer, TokenActor
from circletel.core.models.audit import AuditEntry, AuditResult

__all__ = ["ApiToken", "AuditEntry", "AuditResult", "IdempotentAnswer", "TokenActor"]
