"""Price changes over REST: statuses, bodies, and who may."""

import uuid
from base64 import b64encode

import pytest
import time_machine

from circletel.core.models import AuditEntry
from pricing.models import PriceChange
from tests.factories import person
from tests.pricing.histories import package_opened
from tests.pricing.people import PUBLISHED, R799, drafted, mr_daniels, ms_khumalo, published

pytestmark = pytest.mark.django_db
LIST = "/api/admin/price-changes"
BODY = {"new_price": "899.00", "effective_date": "2027-05-01", "reason": "Yearly review"}


@pytest.fixture
def package():
    return package_opened(R799)


@pytest.fixture
def as_(client):
    def log_in(someone):
        client.force_login(someone)
        return client

    return log_in


def send(client, method, path, body=None):
    return getattr(client, method)(path, body, content_type="application/json")


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["type"].rpartition(":")[2], response.json()["detail"]


def test_a_draft_is_made_read_rewritten_and_thrown_away(as_, package):
    client = as_(ms_khumalo())

    made = send(client, "post", LIST, {**BODY, "package": str(package.pk)})
    address = f"{LIST}/{made.json()['id']}"
    rewritten = send(client, "put", address, {"new_price": "849.00", "reason": "Less"})

    assert made.status_code == 201
    expected = {
        "status": "draft", "package": str(package.pk), "package_sku": package.sku, "old_price": "799.00",
        "new_price": "899.00", "difference": "100.00", "percentage": "12.52", "effective_date": "2027-05-01",
        "reason": "Yearly review", "created_by": "zanele.khumalo", "approved_by": None, "published_at": None,
    }  # fmt: skip
    assert {name: made.json()[name] for name in expected} == expected
    assert (rewritten.json()["new_price"], rewritten.json()["effective_date"]) == ("849.00", None)
    assert client.get(address).json() == rewritten.json()
    assert client.delete(address).status_code == 204
    assert problem(client.get(address)) == (
        404,
        "about:blank".rpartition(":")[2],
        "There is no such price change.",
    )


def test_another_publishes_and_it_is_cancelled(as_, package):
    change = drafted(package)

    with time_machine.travel(PUBLISHED, tick=False):
        client = as_(mr_daniels())
        answer = send(client, "post", f"{LIST}/{change.pk}/publish")
        assert answer.json()["status"] == "published"
        assert answer.json()["published_at"] == "2027-03-02T10:00:00+02:00"
        assert answer.json()["effective_at"] == "2027-05-01T00:00:00+02:00"
        cancelled = send(client, "post", f"{LIST}/{change.pk}/cancel", {"reason": "No"})

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


def test_amending_answers_with_the_new_draft(as_, package):
    change = published(package)

    with time_machine.travel(PUBLISHED, tick=False):
        answer = send(as_(ms_khumalo()), "post", f"{LIST}/{change.pk}/amend", {**BODY, "new_price": "879.00"})

    assert (answer.status_code, answer.json()["status"], answer.json()["amends"]) == (
        201,
        "draft",
        str(change.pk),
    )
    assert PriceChange.objects.get(pk=change.pk).status == "cancelled"


def test_refusals_say_what_and_are_written_down(as_, package):
    change = drafted(package)
    client, address = as_(ms_khumalo()), f"{LIST}/{change.pk}"

    status, kind, detail = problem(send(client, "post", f"{address}/publish"))
    assert (status, kind, detail) == (403, "not-allowed", "Zanele Khumalo may not publish price changes")
    status, kind, detail = problem(send(client, "post", LIST, {**BODY, "package": str(package.pk)}))
    assert (status, kind) == (409, "wrong-status")
    assert "has an open price change already" in detail
    with time_machine.travel(PUBLISHED.replace(month=4), tick=False):
        response = send(as_(mr_daniels()), "post", f"{address}/publish")
    assert problem(response)[:2] == (422, "not-ready")
    assert response.json()["reasons"] == [
        f"{change}: effective date: 1 May 2027 is too early; 1 Jun 2027 is the earliest, 60 days after publication"
    ]
    refused = AuditEntry.objects.filter(result="refused")
    assert {(entry.actor_name, entry.action) for entry in refused} == {
        ("Zanele Khumalo", "publish price change"), ("Ruan Daniels", "publish price change"),
    }  # fmt: skip
    assert PriceChange.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**BODY, "new_price": "cheap"}, "new_price"),
        ({**BODY, "new_price": "1.234"}, "new_price"),
        ({**BODY, "effective_date": "soon"}, "effective_date"),
        ({"new_price": "899.00"}, "reason"),
        ({**BODY, "status": "effective"}, "status"),
        ({**BODY, "approved_by": 1}, "approved_by"),
    ],
)
def test_what_is_not_understood_is_named(as_, package, body, field):
    change = drafted(package)

    response = send(as_(ms_khumalo()), "put", f"{LIST}/{change.pk}", body)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    change.refresh_from_db()
    assert (change.status, str(change.new_price)) == ("draft", "899.00")


def test_an_unknown_package_is_named(as_):
    response = send(as_(ms_khumalo()), "post", LIST, {**BODY, "package": str(uuid.UUID(int=7))})

    assert problem(response)[0] == 422
    assert response.json()["reasons"] == [f"package: there is no package {uuid.UUID(int=7)}"]


def test_the_list_is_narrowed_by_status_package_and_dates(as_, package, django_assert_num_queries):
    other, third = package_opened(R799), package_opened(R799)
    wanted, waiting = published(package), published(other, effective_date=PUBLISHED.date().replace(month=9))
    draft = drafted(third)
    client = as_(ms_khumalo())

    def found(**query):
        answer = client.get(LIST, query).json()
        assert answer["count"] == len(answer["results"])
        return {row["id"] for row in answer["results"]}

    assert found() == {str(each.pk) for each in (wanted, waiting, draft)}
    assert found(status="draft") == {str(draft.pk)}
    assert found(status="published,effective") == {str(wanted.pk), str(waiting.pk)}
    assert found(package=str(other.pk)) == {str(waiting.pk)}
    assert found(effective_from="2027-09-01") == {str(waiting.pk)}
    assert found(effective_to="2027-05-01", status="published") == {str(wanted.pk)}
    assert found(published_from="2027-03-02", published_to="2027-03-02") == {str(wanted.pk), str(waiting.pk)}
    assert found(published_to="2027-03-01") == set()
    assert client.get(LIST, {"page_size": 2}).json()["next"].endswith("?page=2&page_size=2")
    with django_assert_num_queries(6):  # session, user, two of permissions; count, page
        client.get(LIST)


def test_a_filter_that_is_not_understood_is_refused(as_):
    response = as_(ms_khumalo()).get(LIST, {"status": "done", "colour": "red"})

    assert problem(response)[:2] == (400, "invalid-parameter")
    assert {error["parameter"] for error in response.json()["errors"]} == {"status", "colour"}


def test_who_is_nobody_or_may_not_look_is_kept_out(client, as_, package):
    address = f"{LIST}/{drafted(package).pk}"

    for path in (LIST, address):
        assert client.get(path).status_code == 401
    assert send(client, "post", f"{address}/publish").status_code == 401
    for stranger in (person("some.body"), person("some.manager", "Product manager")):
        assert as_(stranger).get(LIST).status_code == 403
        assert send(as_(stranger), "post", LIST, {**BODY, "package": str(package.pk)}).status_code == 403
    ghost = ms_khumalo()
    ghost.is_staff = False
    ghost.save()
    assert as_(ghost).get(LIST).status_code == 403


def test_a_program_logs_in_with_a_password(client, package):
    robot = ms_khumalo()
    robot.set_password("s3cret")
    robot.save()
    header = {"HTTP_AUTHORIZATION": f"Basic {b64encode(b'zanele.khumalo:s3cret').decode()}"}

    answer = client.post(
        LIST, {**BODY, "package": str(package.pk)}, content_type="application/json", **header
    )

    assert answer.status_code == 201


def test_a_session_needs_the_csrf_token(package):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(ms_khumalo())

    assert send(client, "post", LIST, {**BODY, "package": str(package.pk)}).status_code == 403
    assert not PriceChange.objects.exists()
