"""What 100,000 customers of one package pay, asked in one query (target: under 1 s)."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench import _database

CUSTOMERS = 100_000
CHANGES = 10


def run() -> str:
    _database.start()
    from pricing.rule import price_for_customer, prices_for_customers
    from tests.pricing.histories import OPENED, Told, package_opened, write

    package = package_opened(Decimal("799.00"))
    changes, now = [], OPENED
    for number in range(CHANGES):
        published, effective = now + timedelta(days=30), now + timedelta(days=120)
        cancelled = published + timedelta(days=10) if number % 4 == 3 else None
        changes.append(Told(published, effective, Decimal(800 + number), cancelled_at=cancelled))
        now = effective
    write(package, changes)
    step = (now - OPENED) / CUSTOMERS
    sign_ups = [OPENED + step * number for number in range(CUSTOMERS)]
    at = datetime(2022, 6, 1, tzinfo=UTC)
    begun = time.monotonic()
    answers = prices_for_customers(package.pk, sign_ups, at)
    seconds = time.monotonic() - begun
    wrong = sum(
        answers[i] != price_for_customer(package, sign_ups[i], at)
        for i in range(0, CUSTOMERS, CUSTOMERS // 100)
    )
    return (
        f"  {CUSTOMERS:,} customers, {CHANGES} changes: {seconds:.2f} s in one query,"
        f" Python objects included; {wrong} of 100 checked differ"
    )
