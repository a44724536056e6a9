"""Whether moves fit into Zoho's days, and the rehearsal that prints them."""

import io
from collections import Counter
from datetime import date

import pytest
import time_machine
from django.core.management import call_command

from pricing.capacity import Demand, day_by_day, demands, too_late
from pricing.models import PriceMove
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, published
from tests.pricing.subscriptions import mirrored

MARCH_2 = date(2027, 3, 2)


def test_the_soonest_renewal_is_scheduled_first_and_reading_takes_what_is_left():
    wanted = [
        Demand(date(2027, 3, 20), MARCH_2, "late", 4),
        Demand(date(2027, 3, 4), MARCH_2, "soon", 4),
    ]
    days = list(day_by_day(wanted, MARCH_2, 15))

    told = [(day.on.day, dict(day.scheduled), dict(day.confirmed), day.calls) for day in days]
    assert told == [
        (2, {"soon": 4, "late": 1}, {}, 15),
        (3, {"late": 3}, {}, 9),
        (4, {}, {"soon": 4}, 8),
        (20, {}, {"late": 4}, 8),
    ]
    assert not any(day.late for day in days)


def test_what_does_not_fit_before_its_renewal_is_counted():
    wanted = [Demand(date(2027, 3, 4), MARCH_2, "a", 20)]
    assert sum((day.late for day in day_by_day(wanted, MARCH_2, 15)), Counter()) == {"a": 10}


def test_a_day_with_fewer_calls_than_a_move_takes_begins_one_that_the_next_day_ends():
    wanted = [Demand(date(2027, 3, 10), MARCH_2, "a", 2)]
    days = list(day_by_day(wanted, MARCH_2, 1))

    told = [(day.on.day, dict(day.scheduled), dict(day.confirmed)) for day in days]
    assert told == [(4, {"a": 1}, {}), (7, {"a": 1}, {}), (11, {}, {"a": 1}), (13, {}, {"a": 1})]


@pytest.mark.django_db
def test_published_changes_ask_for_what_their_moves_need(no_stages, django_assert_num_queries):
    package = package_opened(R799)
    for _ in range(3):
        mirrored(package)
    mirrored(package, next_billing_on=date(2027, 12, 15))  # billed late: nothing lies before it
    mirrored(package, "650.00")
    change = published(package)

    with django_assert_num_queries(1):
        found = sorted(demands(MARCH_2))

    assert [(one.renewal_on, one.opens_on, one.moves, one.change) for one in found] == [
        (date(2027, 5, 15), MARCH_2, 1, str(change.pk)),
        (date(2027, 5, 15), date(2027, 4, 18), 3, str(change.pk)),
    ]
    assert too_late(MARCH_2, 1000) == {}


@pytest.mark.django_db
def test_the_rehearsal_prints_moves_and_calls_day_by_day_and_writes_nothing(no_stages):
    package = package_opened(R799)
    subscription = mirrored(package)
    change = published(package)
    before = list(PriceMove.objects.values())
    out = io.StringIO()

    with time_machine.travel(PUBLISHED, tick=False):
        call_command("rehearse", "--days", "90", stdout=out)

    assert out.getvalue().splitlines() == [
        "2027-04-18  3 calls to Zoho Billing: 1 moves scheduled, 0 confirmed and proven",
        f"2027-05-01  R    799.00 → R    899.00    +100.00  {package}",
        f"2027-05-15  moves {subscription}: R\u00a0799,00 → R\u00a0899,00  {package}",
        "2027-05-15  2 calls to Zoho Billing: 0 moves scheduled, 1 confirmed and proven",
        "1 prices move within 90 days; 0 would not as things stand. 1 subscriptions move, with 5 calls; 0 too late."
        " 0 notices are due; receipts follow moves that are confirmed. Nothing written.",
    ]
    assert list(PriceMove.objects.values()) == before
    assert change.moves.count() == 1
