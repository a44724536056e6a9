"""A POST with an Idempotency-Key happens once, whatever is sent again and however many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from catalogue import editing
from catalogue.api import examples
from catalogue.models import Product
from catalogue.tasks import forget_idempotent_answers
from circletel.core import idempotency
from circletel.core.models import AuditEntry, IdempotentAnswer
from tests.factories import draft_product, mr_botha, ms_naidoo

LIST = "/api/admin/products"
KEY = "0b6b3d4e-3c1f-4d0a-9a55-0c1f7a3f2d10"


def as_(somebody, **options):
    client = Client(**options)
    client.force_login(somebody)
    return client


def post(client, path=LIST, body=examples.NEW, key=KEY):
    return client.post(path, body, content_type="application/json", headers={"Idempotency-Key": key})


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["type"].rpartition(":")[2]


@pytest.mark.django_db
def test_the_same_request_is_given_the_same_answer():
    client = as_(ms_naidoo())

    first, second, bare = post(client), post(client), post(client, key=f'"{KEY}"')

    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for again in (second, bare):
        assert (again.status_code, again.json()) == (201, first.json())
        assert (again["Location"], again["Content-Type"]) == (first["Location"], first["Content-Type"])
        assert again["Idempotency-Replayed"] == "true"
    assert Product.objects.count() == 1
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
def test_the_key_with_another_request_is_refused():
    client = as_(ms_naidoo())
    made = post(client).json()

    assert problem(post(client, body={**examples.NEW, "sku": "OTHER"})) == (422, "idempotency-key-used")
    assert problem(post(client, f"{LIST}/{made['id']}/submit", None)) == (422, "idempotency-key-used")
    assert Product.objects.count() == 1


@pytest.mark.django_db
def test_keys_belong_to_people():
    product = draft_product()
    path = f"{LIST}/{product.pk}/submit"

    assert post(as_(ms_naidoo()), path, None).status_code == 200
    assert post(as_(mr_botha()), path, None).status_code == 403


@pytest.mark.django_db
def test_a_refusal_is_an_answer_too_and_written_down_once():
    product = draft_product()
    client, path = as_(mr_botha()), f"{LIST}/{product.pk}/publish"

    first, second = post(client, path, None), post(client, path, None)

    assert (first.status_code, second.json()) == (409, first.json())
    assert second["Content-Type"] == "application/problem+json"
    assert AuditEntry.objects.filter(result="refused").count() == 1


@pytest.mark.django_db
def test_a_mistake_of_ours_leaves_neither_deed_nor_answer(monkeypatch):
    client = as_(ms_naidoo(), raise_request_exception=False)

    def broken(*_, **__):
        draft_product()
        raise RuntimeError("oops")

    with monkeypatch.context() as patched:
        patched.setattr(editing, "create_product", broken)
        answer = post(client)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert not Product.objects.exists()
    assert not IdempotentAnswer.objects.exists()
    assert post(client).status_code == 201


@pytest.mark.django_db
def test_an_answer_is_kept_for_a_day():
    client = as_(ms_naidoo())
    with time_machine.travel(timezone.now(), tick=False) as clock:
        post(client)
        clock.shift(timedelta(hours=23, minutes=59))
        assert idempotency.forget() == 0
        clock.shift(timedelta(minutes=1))
        refused = post(as_(ms_naidoo()))
    # Asked anew: the product is there by now.
    assert refused.status_code == 400
    with time_machine.travel(timezone.now() + timedelta(hours=48)):
        assert forget_idempotent_answers() is True
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "ü", "x" * 256, 'a"b', "a b"])
def test_a_key_that_is_none_is_refused(key):
    assert problem(post(as_(ms_naidoo()), key=key)) == (400, "invalid-idempotency-key")
    assert not Product.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_at_once_do_it_once(monkeypatch):
    """The second comes while the first is at work: it is told so, and gets the answer when it asks again."""
    client, begun, go_on = as_(ms_naidoo()), threading.Event(), threading.Event()
    create = editing.create_product

    def slow(*args, **kwargs):
        begun.set()
        assert go_on.wait(20)
        return create(*args, **kwargs)

    monkeypatch.setattr(editing, "create_product", slow)

    def in_thread():
        try:
            return post(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_thread)
        assert begun.wait(20)
        meanwhile = post(client)
        go_on.set()
        done = first.result()

    assert problem(meanwhile) == (409, "request-in-progress")
    assert done.status_code == 201
    assert post(client).json() == done.json()
    assert Product.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_crowd_does_it_once():
    client = as_(ms_naidoo())
    start = threading.Barrier(6)

    def one(_number):
        try:
            start.wait(20)
            return post(client).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(one, range(6)))

    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Product.objects.count() == 1
    assert AuditEntry.objects.filter(action="created").count() == 1
