"""What a run found to agree is written on the records: the proof that Zoho holds what we sent."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from reconciliation.models import Finding
from zoho_sync.models import Kind, ProductIntegration, SyncStatus


def write_verified(covered: Iterable[Any], seen: Iterable[Finding], *, at: datetime) -> int:
    """Mark every record that was compared and does not differ; one statement. Returns how many.

    `covered` is what was read: kinds as a whole, or (kind, package id). `seen` is everything that differs, ignored
    findings too. A record sent after `at`, when the run began, was not seen as it is now and stays as it was.
    """
    scope = Q(pk__in=[])
    packages: dict[str, list[Any]] = defaultdict(list)
    for part in covered:
        if isinstance(part, tuple):
            packages[part[0]].append(part[1])
        elif part in Kind.values:
            scope |= Q(kind=part)
    for kind, ids in packages.items():
        scope |= Q(kind=kind, package__in=ids)
    differing: dict[str, set[str]] = defaultdict(set)
    for finding in seen:
        if finding.kind in Kind.values:
            differing[finding.kind].add(finding.key)
    records = ProductIntegration.objects.filter(scope, status=SyncStatus.OK, last_synced_at__lte=at)
    for kind, keys in differing.items():
        records = records.exclude(kind=kind, remote_key__in=keys)
    # Never waits for a row: publishing locks the rows of its package one by one, and both would wait for each other.
    # What somebody holds at this moment is being changed; the next run looks at it again.
    with transaction.atomic():
        free = records.select_for_update(skip_locked=True).values("pk")
        return ProductIntegration.objects.filter(pk__in=free).update(verified_at=at)
