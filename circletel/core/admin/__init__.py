"""What the admin pages of every app share, and the pages of the kernel's own tables."""

from circletel.core.admin.api_token import ApiTokenAdmin
from circletel.core.admin.audit import AuditEntryAdmin
from circletel.core.admin.jobs import JobAdmin

__all__ = ["ApiTokenAdmin", "AuditEntryAdmin", "JobAdmin"]
