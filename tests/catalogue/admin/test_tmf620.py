"""Listeners and deliveries as an operator sees them."""

import pytest
from django.urls import reverse

from catalogue.models import HubDelivery, HubListener
from circletel.core.models import AuditEntry
from tests.factories import live_package, person

pytestmark = pytest.mark.django_db
CONFIRMED = {"_form_submitted": "True"}


@pytest.fixture
def lerato(client):
    user = person("lerato.khumalo", "TMF620 integrator")
    client.force_login(user)
    return user


@pytest.fixture
def dead(lerato):
    HubListener.objects.create(
        version="v4", callback="https://listener.example/", created_by=lerato, secret="sesame-secret"
    )
    live_package()
    HubDelivery.objects.update(state="dead", attempts=8, last_error="answered 500")
    return HubDelivery.objects.first()


def test_listeners_show_what_they_miss_and_not_their_secret(client, dead):
    for page in (
        reverse("admin:catalogue_hublistener_changelist"),
        reverse("admin:catalogue_hublistener_change", args=[dead.listener_id]),
        reverse("admin:catalogue_hubdelivery_changelist") + "?state__exact=dead",
        reverse("admin:catalogue_hubdelivery_change", args=[dead.pk]),
    ):
        shown = client.get(page)
        assert shown.status_code == 200
        text = shown.content.decode()
        assert "https://listener.example/" in text
        assert "sesame" not in text
    assert "answered 500" in text
    assert "ProductOfferingCreateEvent" in text


def test_a_dead_delivery_is_sent_again_by_a_person(client, dead, lerato):
    address = reverse("admin:catalogue_hubdelivery_send_again_one", args=[dead.pk])
    assert client.get(address).status_code == 200
    dead.refresh_from_db()
    assert dead.state == "dead"
    client.post(address, CONFIRMED)
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("pending", 0)
    assert HubDelivery.objects.filter(state="dead").count() == 2
    assert AuditEntry.objects.get(action="sent again").actor_name == "Lerato Khumalo"


def test_who_may_not_send_again_cannot(client, dead):
    client.force_login(person("a.auditor", "Auditor"))
    address = reverse("admin:catalogue_hubdelivery_send_again_one", args=[dead.pk])
    assert client.post(address, CONFIRMED).status_code == 403
    dead.refresh_from_db()
    assert dead.state == "dead"
