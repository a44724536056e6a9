"""20,000 customers told of 20 price changes: writing down who is owed a notice (target: under 10 s), and one chunk sent."""

import resource
import time
from datetime import UTC, date, datetime
from decimal import Decimal

from bench import _database

CHANGES, CUSTOMERS, SENT = 20, 1000, 500
PUBLISHED = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)
SUBSCRIPTIONS = """
INSERT INTO subscriptions
SELECT (jsonb_populate_record(s, jsonb_build_object(
    'id', gen_random_uuid(), 'subscription_id', c.id::text || '-' || n, 'package_id', c.package_id,
    'customer_email', 'customer' || n || '@example.com'))).*
FROM subscriptions s, price_changes c, generate_series(1, %s) n WHERE s.id = %s
"""


def run() -> str:
    _database.start()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from pricing.models import PriceMove, Subscription
    from pricing.notices import owing, sending
    from tests.pricing.histories import package_opened
    from tests.pricing.notices.customers import told_customer
    from tests.pricing.people import published

    changes = [published(package_opened(Decimal("799.00"))) for _ in range(CHANGES)]
    template = told_customer(changes[0])
    with connection.cursor() as cursor:
        cursor.execute(SUBSCRIPTIONS, [CUSTOMERS, template.pk])
    PriceMove.objects.update(state="not_needed")
    customers = Subscription.objects.exclude(pk=template.pk).in_bulk()
    by_package = {change.package_id: change for change in changes}
    PriceMove.objects.bulk_create(
        (
            PriceMove(
                change=by_package[one.package_id],
                subscription=one,
                cohort="standard",
                price_then=Decimal("799.00"),
                expected_price=Decimal("899.00"),
                renewal_on=date(2027, 5, 3),
            )
            for one in customers.values()
        ),
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    lines = []
    for words, day in (("announcement", PUBLISHED), ("one month before", _morning(date(2027, 4, 1)))):
        memory, begun = _memory(), time.monotonic()
        with CaptureQueriesContext(connection) as queries:
            owed = owing.owe(day)
        seconds = time.monotonic() - begun
        again = time.monotonic()
        owing.owe(day)
        lines.append(
            f"  {words}: {owed.made:,} rows in {seconds:.2f} s, {len(queries)} queries,"
            f" {_memory() - memory:.0f} MB more memory; a second run {time.monotonic() - again:.2f} s"
        )
    sending.NOTICES_PER_SECOND = 0
    settings.EMAIL_BACKEND, settings.DEMO = "django.core.mail.backends.dummy.EmailBackend", True
    begun = time.monotonic()
    sent = sending.send_due(_morning(date(2027, 4, 1)), limit=SENT)
    seconds = time.monotonic() - begun
    lines.append(
        f"  {sent.accepted} handed over in {seconds:.2f} s of our own: {sent.accepted / seconds:.0f} a second"
    )
    return "\n".join(lines)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 6, 0, tzinfo=UTC)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
