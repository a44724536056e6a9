"""The pages of the sync: what is owed and why, every call, the retry queue, field security and smoke tests."""

from zoho_sync import smoke_admin
from zoho_sync.admin import calls, field_security, records

__all__ = ["calls", "field_security", "records", "smoke_admin"]
