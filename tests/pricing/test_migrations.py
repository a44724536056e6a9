"""Packages and changes that were there before the ledger."""

import pytest
from django.core.management import call_command
from django.db import connection

from pricing.models import Audience
from pricing.rule import price_for_customer
from tests.factories import live_package, mr_botha
from tests.pricing.histories import lines


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_packages_published_before_there_was_a_ledger_get_one():
    package = live_package(regular_price="799.00")
    call_command("migrate", "pricing", "0001", verbosity=0)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO price_changes (id, package_id, old_price, new_price, status, reason, created_at,"
                " created_by_id, changed_at) VALUES (gen_random_uuid(), %s, 799, 899, 'cancelled', 'x',"
                " '2026-01-01Z', %s, '2026-01-02Z')",
                [package.pk, mr_botha().pk],
            )
    finally:
        call_command("migrate", "pricing", verbosity=0)

    opening = [(1, package.price, package.published_at, None)]
    assert lines(package, Audience.NEW) == lines(package, Audience.EXISTING) == opening
    assert price_for_customer(package, package.published_at, package.published_at).version == 1
    given_up = package.price_changes.get()
    assert (given_up.status, given_up.cancelled_at) == ("cancelled", given_up.changed_at)
