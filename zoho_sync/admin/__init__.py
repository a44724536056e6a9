"""The pages of the sync: what is owed and why, every call, and the retry queue."""

from zoho_sync.admin import calls, records

__all__ = ["calls", "records"]
