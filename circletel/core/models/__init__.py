"""The kernel's models."""

from circletel.core.models.api import ApiToken, IdempotentAnswer, TokenActor
from circletel.core.models.audit import AuditEntry, AuditResult
from circletel.core.models.job import Job, JobState

__all__ = ["ApiToken", "AuditEntry", "AuditResult", "IdempotentAnswer", "Job", "JobState", "TokenActor"]
