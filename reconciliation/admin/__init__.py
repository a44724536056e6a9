"""Reconciliation in the admin. Thin doors: every deed is a function in `services`, `planning` or `repair`."""

from reconciliation.admin.findings import FindingAdmin, RepairAdmin
from reconciliation.admin.reports import ReconciliationReportAdmin

__all__ = ["FindingAdmin", "ReconciliationReportAdmin", "RepairAdmin"]
