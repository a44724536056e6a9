"""Customers who were erased."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection

from circletel.core.actions import perform
from circletel.core.errors import Refused
from circletel.core.models import AuditEntry
from pricing import personal_data, services
from pricing.actions import KEEP, SETTLE_NOTICE
from pricing.mirror.pull import Order, pull_subscriptions
from pricing.models import PriceNotice, Subscription
from pricing.notices import owing, sending
from tests.known_faults import known_fault
from tests.pricing.billing_world import World, instant, move_of
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, mr_daniels, published
from tests.pricing.subscriptions import mirrored
from zoho_sync.billing.customers import Customer
from zoho_sync.billing.subscriptions import Ordered
from zoho_sync.keys import package_key

pytestmark = pytest.mark.django_db
# Found nowhere else.
NAME = "Qwyzzeli Vrtnik"
EMAIL = "qwyzzeli@example.com"
TRACE = "qwyzzeli"


def erase() -> None:
    personal_data.erase(EMAIL, actor=User.objects.create_superuser("keeper"), reason="Asked for it")


def refused_about(notice: PriceNotice) -> None:
    """A pricing approver tries what is refused: to settle a notice that arrived, and to keep a planned move."""
    for action, key in ((SETTLE_NOTICE, notice.pk), (KEEP, move_of(notice.subscription).pk)):
        with pytest.raises(Refused):
            perform(action, key, actor=mr_daniels(), reason="x")
    assert AuditEntry.objects.filter(result="refused").count() == 2


@known_fault("the withdrawal of a change waits for an address of who was erased")
def test_nothing_waits_for_somebody_who_was_erased():
    package = package_opened(R799)
    subscription = mirrored(package, customer_email=EMAIL)
    change = published(package)
    PriceNotice.objects.update(state="accepted", accepted_at=PUBLISHED)
    subscription.status = "cancelled"
    subscription.save()
    erase()

    services.cancel_price_change(
        change.pk, actor=mr_daniels(), reason="Not now", at=PUBLISHED + timedelta(days=3)
    )

    states = PriceNotice.objects.filter(stage="withdrawal").values_list("state", flat=True)
    assert not {"no_address", "owed"} & set(states)


@known_fault("an erased address stands in the words of a provider, and a name in those of refusals")
def test_refusals_forget_who_was_erased():
    package = package_opened(R799)
    subscription = mirrored(package, customer_email=EMAIL, customer_name=NAME)
    published(package)
    PriceNotice.objects.update(sending_since=PUBLISHED)
    notice = PriceNotice.objects.get(subscription=subscription)
    sending._refused(notice, f"550 5.1.1 <{EMAIL}>: user unknown", PUBLISHED)
    PriceNotice.objects.update(state="accepted", accepted_at=PUBLISHED)
    refused_about(PriceNotice.objects.get())
    subscription.status = "cancelled"
    subscription.save()

    erase()

    words = [PriceNotice.objects.get().why, *AuditEntry.objects.values_list("detail", flat=True)]
    assert [each for each in words if TRACE in each.lower()] == []


@known_fault("after an erasure the customer still stands in the audit trail and the log of Zoho calls")
def test_no_table_knows_who_was_erased(zoho, drain, settings, monkeypatch):
    zoho.set(
        use_latest_prices=False,
        proration=True,
        draft_invoices=False,
        token_seconds=400 * 86400,
        token_refreshes=0,
    )
    monkeypatch.setattr("pricing.notices.sending.NOTICES_PER_SECOND", 0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(instant("2027-02-15 10:00"), tick=True) as clock:
        world = World(zoho)
        world.day("2027-02-15 10:00")
        package = package_opened(R799)
        drain()
        customer = world.client.create_customer(Customer(display_name=NAME, email=EMAIL))
        sold = world.client.create_subscription(customer.customer_id, Ordered(package_key(package), None))
        pull_subscriptions(Order(), say=lambda *_: None)
        clock.move_to(instant("2027-03-02 10:00"))
        world.day("2027-03-02 10:00")
        published(package, at=world.now)
        owing.owe(world.now)
        assert sending.send_due(world.now).accepted == 1
        assert Subscription.objects.get().customer_name == NAME
        refused_about(PriceNotice.objects.get())
        world.client.cancel_subscription(sold.subscription_id, at_end=False)
        pull_subscriptions(Order(), say=lambda *_: None)
        world.http.close()

        erase()

    assert tables_with(TRACE) == []


def tables_with(text: str) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" row WHERE row::text ILIKE %s', [f"%{text}%"])
            if cursor.fetchone() != (0,):
                found.append(table)
    return found
