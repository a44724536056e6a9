"""The impact of a price change on 100,000 subscriptions of one package, and its counts."""

import resource
import time
from datetime import date, timedelta
from decimal import Decimal

from bench import _database

CUSTOMERS = 100_000
FILL = """
INSERT INTO subscriptions (id, subscription_id, number, package_id, plan_code, customer_id, customer_name,
    customer_email, status, price, quantity, amount, addons, tax_id, is_inclusive_tax, discounted, signed_up_at,
    current_term_starts_on, current_term_ends_on, next_billing_on, last_invoice_id, listed, read_at, seen_at)
SELECT gen_random_uuid(), n::text, 'SUB-' || n, %s, 'home', n::text, 'Customer ' || n, n || '@example.com',
    CASE WHEN n %% 50 = 0 THEN 'non_renewing' ELSE 'live' END, CASE WHEN n %% 20 = 0 THEN 649 ELSE 799 END, 1, 799,
    '[]', '', true, n %% 30 = 0, '2025-01-01'::timestamptz + n * interval '1 minute',
    date '2027-02-01' + n %% 28, date '2027-03-01' + n %% 28 - 1, date '2027-03-01' + n %% 28, '',
    '{"subscription_id": "1", "status": "live", "amount": 799}', now(), now()
FROM generate_series(1, %s) n
"""


def run() -> str:
    _database.start()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from pricing import impact
    from tests.pricing.histories import package_opened
    from tests.pricing.people import PUBLISHED, published

    package = package_opened(Decimal("799.00"))
    change = published(package, effective_date=date(2027, 5, 1))
    with connection.cursor() as cursor:
        cursor.execute(FILL, [package.pk, CUSTOMERS])
        cursor.execute("ANALYZE subscriptions")
    at = PUBLISHED + timedelta(days=1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        found = impact.measure(change, at)
    seconds = time.monotonic() - begun
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    begun = time.monotonic()
    impact.count_one(change, at)
    counted = time.monotonic() - begun
    return (
        f"  {found.customers:,} subscriptions, {found.moved:,} move: {seconds:.2f} s, {len(queries)} queries,"
        f" {more:.0f} MB more memory; counts alone: {counted:.2f} s"
    )
