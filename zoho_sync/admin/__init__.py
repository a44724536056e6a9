"""The pages of the sync: what is owed and why, every call, the retry queue, alerts and jobs."""

from zoho_sync.admin import alerts, calls, jobs, records

__all__ = ["alerts", "calls", "jobs", "records"]
