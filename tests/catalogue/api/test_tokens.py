"""API tokens: what they open, what they never open, and who is named."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue.models import Product
from circletel.core import tokens
from circletel.core.errors import NotAllowed, Refused
from circletel.core.models import ApiToken, AuditEntry
from tests.factories import draft_product, ms_naidoo, person

pytestmark = pytest.mark.django_db
PRODUCTS = "/api/admin/products"


def holder():
    return person("thandi.naidoo", "Product manager", "API token holder")


def made(*scopes, actor=None, days=30):
    expires = timezone.now() + timedelta(days=days)
    return tokens.create(name="Robot", scopes=scopes, expires_at=expires, actor=actor or holder())


def bearer(secret):
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def ask(method, path, secret, body=None):
    return getattr(Client(), method)(path, body, content_type="application/json", **bearer(secret))


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["type"].rpartition(":")[2]


def test_only_its_hash_is_kept():
    new = made("catalogue.view_product")

    row = ApiToken.objects.values().get()
    assert new.secret not in str(row)
    assert new.secret.startswith(row["prefix"])
    assert len(row["prefix"]) == 12
    assert row["digest"] == tokens.digest(new.secret)


def test_it_may_what_its_scopes_and_its_owner_may_and_no_more():
    product = draft_product(author=holder())
    reader = made("catalogue.view_product").secret

    assert ask("get", f"{PRODUCTS}/{product.pk}", reader).status_code == 200
    assert problem(ask("post", f"{PRODUCTS}/{product.pk}/submit", reader)) == (403, "not-allowed")
    assert problem(ask("patch", f"{PRODUCTS}/{product.pk}", reader, {"name": "X"})) == (403, "not-allowed")
    holder().groups.clear()
    assert problem(ask("get", f"{PRODUCTS}/{product.pk}", reader)) == (403, "not-allowed")


def test_a_superusers_token_is_narrow_too():
    boss = person("johan.venter")
    boss.is_superuser = True
    boss.save()
    secret = made("catalogue.view_product", actor=boss).secret

    product = draft_product()
    assert ask("get", PRODUCTS, secret).status_code == 200
    assert ask("post", f"{PRODUCTS}/{product.pk}/submit", secret).status_code == 403


def test_the_audit_trail_names_person_and_token():
    product = draft_product(author=holder())
    new = made("catalogue.submit_product")

    assert ask("post", f"{PRODUCTS}/{product.pk}/submit", new.secret).status_code == 200

    entry = AuditEntry.objects.get(action="submitted")
    assert (entry.actor_name, entry.token) == ("Thandi Naidoo", f"Robot ({new.token.prefix}…)")
    # And the next request of the process, which shows no token, names none.
    client = Client()
    client.force_login(holder())
    client.patch(f"{PRODUCTS}/{product.pk}", {"name": "Other"}, content_type="application/json")
    assert AuditEntry.objects.get(action="edited").token == ""


def test_unknown_expired_and_revoked_tokens_open_nothing():
    new = made("catalogue.view_product", days=2)
    assert problem(ask("get", PRODUCTS, "ctk_nonsense")) == (401, "token-refused")
    with time_machine.travel(timezone.now() + timedelta(days=2, seconds=1)):
        expired = ask("get", PRODUCTS, new.secret)
    assert problem(expired) == (401, "token-refused")
    assert expired.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "has expired" in expired.json()["detail"]

    assert ask("get", PRODUCTS, new.secret).status_code == 200
    tokens.revoke(new.token.pk, actor=holder())
    assert "was revoked" in ask("get", PRODUCTS, new.secret).json()["detail"]
    with pytest.raises(Refused, match="revoked already"):
        tokens.revoke(new.token.pk, actor=holder())


def test_a_closed_account_takes_its_tokens_along():
    new = made("catalogue.view_product")
    owner = holder()
    owner.is_active = False
    owner.save()

    assert problem(ask("get", PRODUCTS, new.secret)) == (401, "token-refused")


def test_every_address_for_staff_takes_tokens():
    new = made("catalogue.view_product")
    ours = ["price-changes", "reconciliation-reports", "products/integration-status"]

    assert [ask("get", f"/api/admin/{path}", new.secret).status_code for path in ours] == [403, 403, 403]
    assert [Client().get(f"/api/admin/{path}").status_code for path in ours] == [401, 401, 401]


def test_tmf620_takes_tokens_and_keeps_its_own_errors():
    offering = "/tmf-api/productCatalogManagement/v4/productOffering"
    body = {"name": "Home Fibre"}
    writer, reader = made("catalogue.add_product").secret, made("catalogue.view_product").secret

    assert ask("post", offering, writer, body).status_code == 201
    refused = ask("post", offering, reader, body)
    unknown = ask("post", offering, "ctk_nonsense", body)
    assert (refused.status_code, refused.json()["@type"]) == (403, "Error")
    assert (unknown.status_code, unknown.json()["@type"]) == (401, "Error")
    assert Product.objects.count() == 1


def test_use_is_noted_to_the_minute():
    new = made("catalogue.view_product")
    at = timezone.now()
    with time_machine.travel(at, tick=False) as clock:
        ask("get", PRODUCTS, new.secret)
        clock.shift(59)
        ask("get", PRODUCTS, new.secret)
        assert ApiToken.objects.get().last_used_at == at
        clock.shift(2)
        ask("get", PRODUCTS, new.secret)
    assert ApiToken.objects.get().last_used_at == at + timedelta(seconds=61)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"scopes": ["catalogue.publish_product"]}, "may not catalogue.publish_product"),
        ({"scopes": []}, "choose at least one"),
        ({"name": " "}, "say what will use"),
        ({"days": 367}, "within the next 366 days"),
        ({"days": 0}, "within the next 366 days"),
    ],
)
def test_what_cannot_be_made(values, says):
    now = timezone.now()
    with pytest.raises(Refused, match=says):
        tokens.create(
            name=values.get("name", "Robot"),
            scopes=values.get("scopes", ["catalogue.view_product"]),
            expires_at=now + timedelta(days=values.get("days", 30)),
            actor=holder(),
        )
    assert not ApiToken.objects.exists()


def test_who_may_make_and_revoke():
    expires = timezone.now() + timedelta(days=1)
    with pytest.raises(NotAllowed):
        tokens.create(name="X", scopes=["catalogue.view_product"], expires_at=expires, actor=ms_naidoo())
    new = made("catalogue.view_product", "core.add_apitoken")
    actor, _token = tokens.authenticate(new.secret)
    with pytest.raises(NotAllowed, match="cannot make another token"):
        tokens.create(name="X", scopes=["catalogue.view_product"], expires_at=expires, actor=actor)
    with pytest.raises(NotAllowed):
        tokens.revoke(new.token.pk, actor=person("some.body", "Publisher"))
    tokens.revoke(new.token.pk, actor=person("an.operator", "Sync operator"))


# --- in the admin


def test_it_is_shown_once_in_the_admin_and_revoked_there():
    client = Client()
    client.force_login(holder())
    add = "/admin/core/apitoken/add/"

    form = client.get(add)
    assert "catalogue.submit_product" in form.text
    assert "catalogue.publish_product" not in form.text
    day = (timezone.localdate() + timedelta(days=10)).isoformat()
    page = client.post(add, {"name": "Robot", "expires_on": day, "scopes": ["catalogue.view_product"]})

    token = ApiToken.objects.get()
    [secret] = [part.partition("<")[0] for part in page.text.split("data-token>")[1:]]
    assert token.digest == tokens.digest(secret)
    assert "no-store" in page.headers["Cache-Control"]
    shown = client.get(f"/admin/core/apitoken/{token.pk}/change/").text
    assert secret not in shown
    assert token.prefix in shown
    revoke = reverse("admin:core_apitoken_revoke_one", args=[token.pk])
    client.post(revoke, {"_form_submitted": "True"})
    assert [entry.action for entry in AuditEntry.objects.order_by("at")] == ["created", "revoked"]
    assert ApiToken.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    "values", [{"scopes": ["catalogue.publish_product"]}, {"expires_on": "2020-01-01"}, {"name": ""}]
)
def test_the_form_refuses_what_the_service_would(values):
    client = Client()
    client.force_login(holder())
    good = {
        "name": "Robot",
        "expires_on": timezone.localdate().isoformat(),
        "scopes": ["catalogue.view_product"],
    }

    assert client.post("/admin/core/apitoken/add/", good | values).status_code == 200
    assert not ApiToken.objects.exists()


def test_others_tokens_are_seen_by_who_watches_over_them():
    made("catalogue.view_product")
    assert _listed(person("an.operator", "Sync operator")) == 1
    assert _listed(person("other.holder", "API token holder")) == 0


def _listed(somebody):
    client = Client()
    client.force_login(somebody)
    return client.get("/admin/core/apitoken/").text.count("Robot")
