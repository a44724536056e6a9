import time

import httpx
import pytest


def test_a_status_is_answered_so_many_times_and_nothing_is_done(zoho):
    zoho.order(
        match={"method": "POST", "path": "/billing/*"},
        times=2,
        status=500,
        body={"code": 1000, "message": "x"},
    )

    answers = [zoho.billing("POST", "/products", json={"name": "A"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 201]
    assert answers[0].json() == {"code": 1000, "message": "x"}
    assert len(zoho.records("billing_products")) == 1
    assert zoho.control("GET", "/faults") == {"faults": []}


def test_a_fault_fits_by_method_path_and_what_the_body_contains(zoho):
    zoho.order(match={"path": "^/billing/v1/prod.*$", "contains": "Doomed"}, times=None, status=503)

    assert zoho.billing("POST", "/products", json={"name": "Fine"}).status_code == 201
    assert zoho.billing("POST", "/products", json={"name": "Doomed"}).status_code == 503
    assert zoho.billing("GET", "/products").status_code == 200
    zoho.control("DELETE", "/faults")
    assert zoho.billing("POST", "/products", json={"name": "Doomed"}).status_code == 201


@pytest.mark.parametrize(("when", "done"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_leaves_the_deed_undone_or_done(zoho, when, done):
    zoho.order(match={"path": "/billing/v1/products"}, drop=when)

    with pytest.raises(httpx.TransportError):
        zoho.billing("POST", "/products", json={"name": "A"})

    assert len(zoho.records("billing_products")) == done
    request = zoho.control("GET", "/requests", params={"system": "billing"})["requests"][-1]
    assert (request["status"], request["body"]) == (None, {"name": "A"})


def test_the_deed_may_be_done_and_denied(zoho):
    zoho.order(status=502, perform=True)

    assert zoho.billing("POST", "/products", json={"name": "A"}).status_code == 502
    assert len(zoho.records("billing_products")) == 1


def test_garbage_headers_and_delay(zoho):
    zoho.order(garbage=True)
    garbage = zoho.crm("GET", "/org")
    assert (garbage.status_code, garbage.headers["content-type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(ValueError):
        garbage.json()

    zoho.order(status=429, headers={"Retry-After": "7"})
    assert zoho.crm("GET", "/org").headers["Retry-After"] == "7"

    zoho.order(delay_ms=300)
    started = time.monotonic()
    assert zoho.crm("GET", "/org").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_a_slow_answer_arrives_whole_in_the_end(zoho):
    zoho.order(slow_drip_ms=15)

    started = time.monotonic()
    answer = zoho.crm("GET", "/org")

    assert answer.json()["org"][0]["iso_code"] == "ZAR"
    assert time.monotonic() - started >= 0.2


def test_a_client_that_does_not_wait_times_out_and_the_deed_is_done(zoho):
    zoho.order(delay_ms=600)

    with pytest.raises(httpx.ReadTimeout):
        zoho.billing("POST", "/products", json={"name": "A"}, timeout=0.2)

    deadline = time.monotonic() + 5
    while not zoho.records("billing_products") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(zoho.records("billing_products")) == 1


def test_a_fault_can_let_some_calls_pass_first(zoho):
    zoho.control("POST", "/faults", json={"action": {"status": 500}, "skip": 2})

    assert [zoho.crm("GET", "/org").status_code for _ in range(4)] == [200, 200, 500, 200]


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"action": {"explode": 1}}, {"action": {"drop": "now"}}, {"action": {"status": 500}, "times": 0}],
)
def test_an_order_that_makes_no_sense_is_refused(zoho, nonsense):
    assert zoho.http.post("/_sandbox/faults", json=nonsense).status_code == 400
