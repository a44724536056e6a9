"""The sandbox Zoho of the sync's tests, and a run of the comparison that is easy to read."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciliation import services
from reconciliation.models import ReconciliationReport, Scope
from tests.catalogue.admin.conftest import as_role  # noqa: F401
from tests.zoho_sync.conftest import drain, zoho, zoho_settings  # noqa: F401


@pytest.fixture
def reconcile(zoho: Any) -> Callable[..., ReconciliationReport]:  # noqa: F811
    """Compare now, as the schedule would, without pauses."""

    def run(scope: Scope = Scope.ALL, **options: Any) -> ReconciliationReport:
        return services.run(scope, actor=None, sleep=lambda _seconds: None, **options)

    return run


def brief(outcome: ReconciliationReport) -> list[tuple[Any, ...]]:
    """(kind, type, key, field, ours, theirs) of each finding, sorted."""
    names = ("kind", "type", "key", "field", "ours", "theirs")
    return sorted((tuple(each[name] for name in names) for each in outcome.findings), key=str)
