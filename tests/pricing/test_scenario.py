"""Eight months of price changes with everything that goes wrong: every invoice is as promised, or on the proof.

Three packages, forty subscriptions over all cohorts and over the days of the month, two changes of one package, a
cancelled one, a decrease at once, an outage of Zoho over an effective date, a worker killed in the middle, prices
edited by hand in Zoho. `scenario.py` tells the story, `scenario_cast.py` what everybody ought to pay.
"""

from datetime import date
from decimal import Decimal

import httpx
import pytest
import time_machine

from pricing import proof
from pricing.models import MoveState, PriceChange, PriceMove
from tests.pricing.billing_world import instant
from tests.pricing.scenario import FIXED_UNTIL, Scenario
from tests.pricing.scenario_cast import CHEAPER, FIRST, SECOND, WITHDRAWN
from tests.pricing.scenario_judge import bills, deviations, on_the_proof
from zoho_sync.connection.http import ZohoHttp

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def scenario(zoho, drain, settings, monkeypatch):
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 0)
    settings.PRICING_FIXED_UNTIL_FIELD = FIXED_UNTIL
    monkeypatch.setattr("zoho_sync.connection.limits.RESERVE_PERCENT", 0)
    # One token for eight months, and no pause before a call is tried again.
    zoho.set(token_seconds=400 * 86_400, token_refreshes=0, use_latest_prices=False, draft_invoices=False)
    for room in ("pricing.moving", "pricing.proof", "pricing.mirror.pull"):
        monkeypatch.setattr(f"{room}.ZohoHttp", _impatient)
    with time_machine.travel(instant("2027-01-31 09:00"), tick=True) as travel:
        found = Scenario(zoho, travel, drain)
        yield found
        found.http.close()


def _impatient(system, **options):
    """Reads no certificates either: it is made anew by every job of every day."""
    plain = httpx.HTTPTransport(verify=False)
    return ZohoHttp(system, transport=plain, sleep=lambda _seconds: None, **options)


@pytest.mark.long
def test_every_invoice_of_eight_months_is_as_promised_or_on_the_proof(scenario, client):
    scenario.run()

    found = bills(scenario)
    wrong = deviations(found)
    assert wrong == {
        "Bounced": {Decimal(-100)},  # told too late, so moved a month late
        "Edited when scheduled": {Decimal(-98)},  # two units
        "Edited before": {Decimal(-69)},
    }
    assert on_the_proof(scenario, client) == wrong
    assert {bill.who for bill in found} == {person.name for person in scenario.people}
    assert scenario.killed_in_the_middle
    assert not PriceMove.objects.exclude(lease_token=None).exists()
    for event in (FIRST, SECOND, CHEAPER):
        change = scenario.changes[event]
        change.refresh_from_db()
        told = change.status, proof.summary(change).open, change.verified_at is not None
        assert told == ("effective", 0, True), event
    scenario.changes[WITHDRAWN].refresh_from_db()
    assert scenario.changes[WITHDRAWN].status == "cancelled"
    counted = PriceChange.objects.get(pk=scenario.changes[FIRST].pk)
    assert counted.affected_customers_count == 19


def test_where_a_plan_edit_moves_everybody_the_judge_finds_it(scenario, client):
    """The same story in an organisation that uses the latest prices, while our setting says that it retains them."""
    scenario.zoho.set(use_latest_prices=True)

    scenario.run(until=date(2027, 3, 12))

    wrong = deviations(bills(scenario))
    # Weeks before the date, with the first renewal after the publication; also who has a price of their own.
    assert {
        name: wrong[name] for name in ("Home 1", "Two units", "Light 10", "Negotiated", "Fixed until May")
    } == {
        "Home 1": {Decimal(100)},
        "Two units": {Decimal(200)},
        "Light 10": {Decimal(50)},
        "Negotiated": {Decimal(249)},
        "Fixed until May": {Decimal(100)},
    }
    assert on_the_proof(scenario, client) == {}
    conflict = PriceMove.objects.get(subscription__customer_name="Home 10", change=scenario.changes[FIRST])
    assert conflict.state == MoveState.CONFLICT
