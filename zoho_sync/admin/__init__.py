"""The pages of the sync: what is owed and why, every call, the retry queue, alerts, field security."""

from zoho_sync.admin import alerts, records

__all__ = ["alerts", "records"]
