"""The daily job with 10,000 price changes due (target: under 5 s, fewer than 30 queries)."""

import resource
import time
from datetime import UTC, date, datetime
from decimal import Decimal

from bench import _database

CHANGES = 10_000
PUBLISHED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
EFFECTIVE = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
PACKAGES = """
INSERT INTO service_packages
SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', gen_random_uuid(), 'sku', 'BENCH-' || n, 'slug', 'bench-' || n, 'logical_key', 'bench-' || n,
    'new_customer_price', 899, 'price_history', '[{"price": "799.00"}]'::jsonb))).*
FROM service_packages p, generate_series(1, %s) n WHERE p.id = %s
"""
LEDGER = """
INSERT INTO price_ledger (id, package_id, audience, version, price, valid_from)
SELECT gen_random_uuid(), id, 'existing', 1, price, published_at FROM service_packages WHERE sku LIKE 'BENCH-%'
"""


def run() -> str:
    _database.start()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from catalogue.models import ServicePackage
    from pricing import applying
    from pricing.models import PriceChange
    from tests.factories import mr_botha, ms_naidoo
    from tests.pricing.histories import OPENED, package_opened

    template = package_opened(Decimal("799.00"), OPENED)
    with connection.cursor() as cursor:
        cursor.execute(PACKAGES, [CHANGES, template.pk])
        cursor.execute(LEDGER)
    author, approver = ms_naidoo(), mr_botha()
    PriceChange.objects.bulk_create(
        (
            PriceChange(
                package_id=package_id,
                old_price=Decimal("799.00"),
                new_price=Decimal("899.00"),
                status="published",
                reason="Yearly review",
                version=2,
                created_by=author,
                approved_by=approver,
                published_at=PUBLISHED,
                effective_date=date(2026, 4, 1),
                effective_at=EFFECTIVE,
            )
            for package_id in ServicePackage.objects.filter(sku__startswith="BENCH-").values_list(
                "pk", flat=True
            )
        ),
        batch_size=1000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        outcome = applying.apply_due(datetime(2026, 4, 1, tzinfo=UTC))
    seconds = time.monotonic() - begun
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    again = applying.apply_due(datetime(2026, 4, 1, tzinfo=UTC))
    return (
        f"  {outcome.applied:,} took effect, {len(outcome.problems)} could not: {seconds:.2f} s,"
        f" {len(queries)} queries, {more:.0f} MB more memory; a second run: {again.applied}"
    )
