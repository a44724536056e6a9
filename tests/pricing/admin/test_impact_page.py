"""The impact of a price change and the mirror of subscriptions as people see them."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from circletel.core.models import AuditEntry
from pricing import impact
from pricing.models import Subscription
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, drafted, mr_daniels, published
from tests.pricing.subscriptions import mirrored

pytestmark = pytest.mark.django_db
LIST = reverse("admin:pricing_subscription_changelist")
NBSP = "\xa0"


@pytest.fixture(autouse=True)
def the_day_after():
    """Before anybody logs in: sessions end with time."""
    with time_machine.travel(PUBLISHED + timedelta(days=1)):
        yield


@pytest.fixture
def package():
    return package_opened(R799)


@pytest.fixture
def approver(client):
    client.force_login(mr_daniels())
    return client


def text_of(response):
    return response.content.decode().replace(NBSP, " ").replace("&nbsp;", " ")


def test_whoever_publishes_sees_first_what_it_would_do(approver, package):
    mirrored(package)
    mirrored(package, discounted=True)
    change = drafted(package)

    page = text_of(approver.get(reverse("admin:pricing_pricechange_change", args=[change.pk])))

    assert "What it would do" in page
    assert "Subscriptions that move: <strong>2 of 2</strong>" in page
    assert "By the change alone: <strong>+R 200,00</strong>" in page
    assert "1 with a coupon wait for a person to decide." in page
    assert "Margin" not in page
    assert reverse("admin:pricing_pricechange_impact", args=[change.pk]) in page


def test_the_page_has_a_chart_and_the_same_as_a_table(approver, package):
    mirrored(package)
    mirrored(package, "649.00")
    change = published(package)

    response = approver.get(reverse("admin:pricing_pricechange_impact", args=[change.pk]))

    page = text_of(response)
    assert 'class="chart"' in page
    assert '<th scope="row">May 2027</th><td>0</td><td>1</td><td>1</td>' in page
    assert '<th scope="row">April 2027</th><td>1</td><td>0</td><td>1</td>' in page
    assert '<th scope="row">Pays a price of its own</th><td>1</td><td>0</td>' in page
    assert "the first on 15 May 2027, the last on 15 May 2027" in page


def test_all_rows_come_as_csv(approver, package):
    mirrored(package)
    change = published(package)

    response = approver.get(reverse("admin:pricing_pricechange_impact_csv", args=[change.pk]))

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    assert len(b"".join(response.streaming_content).decode().splitlines()) == 2


def test_who_may_not_see_subscriptions_sees_none_of_it(client, package):
    mirrored(package)
    change = drafted(package)
    viewer = person("only.looks")
    viewer.user_permissions.add(Permission.objects.get(codename="view_pricechange"))
    client.force_login(viewer)

    page = text_of(client.get(reverse("admin:pricing_pricechange_change", args=[change.pk])))
    csv = client.get(reverse("admin:pricing_pricechange_impact_csv", args=[change.pk]))

    assert "What it would do" not in page
    assert csv.status_code == 403
    assert client.get(reverse("admin:pricing_pricechange_impact", args=[change.pk])).status_code == 403
    assert client.get(LIST).status_code == 403


def test_the_list_shows_the_counts(approver, package):
    mirrored(package)
    mirrored(package, "899.00", signed_up_at=PUBLISHED + timedelta(hours=1))
    change = published(package)
    page = reverse("admin:pricing_pricechange_changelist")
    assert "not counted yet" in text_of(approver.get(page))

    impact.count_one(change, PUBLISHED + timedelta(days=1))

    assert "and 1 at the new price" in text_of(approver.get(page))


def test_rest_tells_impact_and_counts(approver, package):
    mirrored(package)
    change = published(package)
    address = f"/api/admin/price-changes/{change.pk}"
    impact.count_one(change, PUBLISHED)

    found = approver.get(f"{address}/impact").json()

    assert (found["customers"], found["moved"], found["by_the_change"]) == (1, 1, "100.00")
    assert found["cohorts"][0] == {
        "cohort": "standard",
        "customers": 1,
        "moved": 1,
        "rand_now": "799.00",
        "rand_then": "899.00",
        "difference": "100.00",
    }
    assert (found["first_invoice_on"], found["calls"]["moves"], found["margin_now"]) == (
        "2027-05-15",
        3,
        None,
    )
    assert len(found["months"]) == 12
    told = approver.get(address).json()
    assert (told["affected_customers_count"], told["new_customers_count"]) == (1, 0)
    assert told["counted_at"] == "2027-03-02T10:00:00+02:00"


def test_rest_refuses_who_may_not_and_writes_it_down(client, package):
    change = drafted(package)
    viewer = person("only.looks")
    viewer.user_permissions.add(Permission.objects.get(codename="view_pricechange"))
    client.force_login(viewer)

    response = client.get(f"/api/admin/price-changes/{change.pk}/impact")

    assert response.status_code == 403
    assert AuditEntry.objects.filter(action="see the impact of price change", result="refused").count() == 1


def test_rest_knows_no_impact_of_what_is_not_there(approver):
    address = "/api/admin/price-changes/00000000-0000-0000-0000-000000000000/impact"

    assert approver.get(address).status_code == 404


def test_subscriptions_are_found_filtered_and_never_edited(approver, package):
    nomsa = mirrored(package, customer_name="Nomsa Dlamini")
    mirrored(package, customer_name="Sipho Nkosi", status="cancelled")

    found = text_of(approver.get(LIST, {"q": "Nomsa"}))
    standing = text_of(approver.get(LIST, {"standing": "yes"}))
    ended = text_of(approver.get(LIST, {"standing": "no"}))
    page = reverse("admin:pricing_subscription_change", args=[nomsa.pk])
    shown = text_of(approver.get(page))

    assert "Nomsa Dlamini" in found
    assert "Sipho Nkosi" not in found
    assert "Sipho Nkosi" not in standing
    assert "Sipho Nkosi" in ended
    assert reverse("admin:catalogue_servicepackage_change", args=[package.pk]) in shown
    assert "Zoho&#x27;s prices include VAT" in shown
    assert approver.post(page, {"customer_name": "x"}).status_code == 403
    assert approver.get(f"{LIST}add/").status_code == 403
    assert Subscription.objects.get(pk=nomsa.pk).customer_name == "Nomsa Dlamini"
