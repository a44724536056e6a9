"""What is not understood is refused by name, never ignored and never a failure of ours."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from catalogue.api import examples
from catalogue.api.problems import as_problem
from catalogue.api.views import LIST_PARAMETERS
from catalogue.storefront.document import PUBLIC_FIELDS
from tests.catalogue.api.packages import package
from tests.fuzz.inputs import fuzzed

pytestmark = pytest.mark.django_db

AMOUNT = "expects an amount in rand with VAT, such as 899 or 899.00"
SPEED = "expects whole Mbit/s, such as 100"
SEGMENT = "expects consumer or business; several are separated by commas or repeated"
MONTHS = "expects whole months, such as 12; several are separated by commas or repeated"
ORDERING = (
    "expects price, name, speed_down_mbps, speed_up_mbps, contract_months, valid_from, relevance;"
    " a minus reverses, several are separated by commas"
)
PAGE = "expects a page number of 1 or more"
PAGE_SIZE = "expects a whole number from 1 to 200"
PROVIDER = (
    "expects one or more values, separated by commas or repeated;"
    " one that itself holds a comma stands in double quotes"
)
INSTANT = (
    "expects a day, such as 2026-11-23 (its beginning in South Africa), or an instant with its offset,"
    " such as 2026-11-23T08:00:00+02:00"
)
CURSOR = "expects what next or previous of an earlier answer with the same ordering held"
FIELDS = f"expects {', '.join(PUBLIC_FIELDS)}; several are separated by commas or repeated"
PARAMETERS = [*LIST_PARAMETERS]


def refusal(client: Client, query: dict[str, Any] | str, path: str = "") -> dict[str, str]:
    text = query if isinstance(query, str) else urlencode(query, doseq=True)
    response = client.get(f"/api/v1/packages/{path}?{text}")
    assert response.status_code == 400, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == "urn:circletel:problem:invalid-parameter"
    assert body["title"] == "A query parameter is not understood"
    assert body["status"] == 400
    assert body["detail"] == "; ".join(f"{e['parameter']}: {e['detail']}" for e in body["errors"])
    return {error["parameter"]: error["detail"] for error in body["errors"]}


def test_a_refusal_reads_as_documented(client):
    response = client.get("/api/v1/packages/?price_min=abc")

    assert response.status_code == 400
    assert response.json() == examples.INVALID


@pytest.mark.parametrize(
    ("query", "name", "detail"),
    [
        ({"market_segment": "wholesale"}, "market_segment", SEGMENT),
        ({"market_segment": "consumer,wholesale"}, "market_segment", SEGMENT),
        ({"provider": '"MTN'}, "provider", PROVIDER),
        ({"provider": "MTN\nDFA"}, "provider", PROVIDER),
        ({"price_min": "-1"}, "price_min", AMOUNT),
        ({"price_min": "899.001"}, "price_min", AMOUNT),
        ({"price_max": "1e3"}, "price_max", AMOUNT),
        ({"price_max": "NaN"}, "price_max", AMOUNT),
        ({"price_max": "Infinity"}, "price_max", AMOUNT),
        ({"price_max": "1,099.00"}, "price_max", AMOUNT),
        ({"price_max": "R899"}, "price_max", AMOUNT),
        ({"price_max": "123456789"}, "price_max", AMOUNT),
        ({"price_max": "٨٩٩"}, "price_max", AMOUNT),
        ({"speed_down_min": "1.5"}, "speed_down_min", SPEED),
        ({"speed_down_max": "fast"}, "speed_down_max", SPEED),
        ({"speed_up_min": "1_000"}, "speed_up_min", SPEED),
        ({"speed_up_max": "9" * 30}, "speed_up_max", SPEED),
        ({"contract_months": "12,soon"}, "contract_months", MONTHS),
        ({"has_hardware": "perhaps"}, "has_hardware", "expects true or false"),
        ({"search": "x" * 201}, "search", "expects words, at most 200 characters"),
        ({"search": "x" * 1001}, "search", "is longer than 1000 characters"),
        ({"search": "a\0b"}, "search", "holds a NUL character"),
        ({"provider": ["MTN", "\0"]}, "provider", "holds a NUL character"),
        ({"provider": ["x" * 600, "y" * 600]}, "provider", "is longer than 1000 characters"),
        ({"ordering": "foo"}, "ordering", ORDERING),
        ({"ordering": "--price"}, "ordering", ORDERING),
        ({"ordering": "price,internal_notes"}, "ordering", ORDERING),
        ({"as_of": "yesterday"}, "as_of", INSTANT),
        ({"as_of": "2026-13-01"}, "as_of", INSTANT),
        ({"as_of": "2026-11-23T08:00"}, "as_of", INSTANT),
        ({"as_of": "9999-12-31T23:59:59-12:00"}, "as_of", INSTANT),
        ({"page": "0"}, "page", PAGE),
        ({"page": "-1"}, "page", PAGE),
        ({"page": "last"}, "page", PAGE),
        ({"page": "9" * 40}, "page", PAGE),
        ({"cursor": "abc"}, "cursor", CURSOR),
        ({"cursor": "W10:abc"}, "cursor", CURSOR),
        ({"fields": "sku,dealer_cost"}, "fields", FIELDS),
        ({"total": "2"}, "total", "expects true or false"),
        ({"page": "2"}, "page", "is beyond the end: there is one page"),
        ({"page": "999"}, "page", "is beyond the end: there is one page"),
        ({"page_size": "0"}, "page_size", PAGE_SIZE),
        ({"page_size": "201"}, "page_size", PAGE_SIZE),
        ({"page_size": "many"}, "page_size", PAGE_SIZE),
        ({"price_min": ["1", "2"]}, "price_min", "is given more than once"),
        ({"page": ["1", "2"]}, "page", "is given more than once"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_understood(client, query, name, detail):
    package()

    assert refusal(client, query) == {name: detail}


@pytest.mark.parametrize("name", ["colour", "format", "Provider", "price", "at", "provider__in", "", "\0"])
def test_an_unknown_parameter_is_refused_with_those_that_are_known(client, name):
    assert refusal(client, {name: "x"}) == {
        name: f"is not a parameter here; understood are {', '.join(PARAMETERS)}"
    }


def test_a_page_beyond_the_end_is_told_how_many_there_are(client):
    for number in range(3):
        package(f"FIBRE-{number}")

    assert refusal(client, "page=4&page_size=1") == {"page": "is beyond the end: there are 3 pages"}


def test_everything_wrong_is_told_at_once_and_no_package_is_asked_for(client, django_assert_num_queries):
    with django_assert_num_queries(1):  # the epoch
        told = refusal(client, "colour=red&price_min=abc&ordering=foo&page_size=0&page=1&page=2")

    assert list(told) == ["colour", "page", "price_min", "ordering", "page_size"]


def test_a_thousand_mistakes_are_told_by_the_first_twenty(client):
    assert len(refusal(client, "&".join(f"x{number}=" for number in range(1000)))) == 20


def test_one_package_understands_segment_provider_and_instant_only(client):
    package()

    known = "understood are market_segment, provider, as_of, fields"
    assert refusal(client, "page=1", "HOME-FIBRE-100/") == {"page": f"is not a parameter here; {known}"}
    assert refusal(client, "colour=x", "nothing/") == {"colour": f"is not a parameter here; {known}"}
    assert refusal(client, "market_segment=x", "HOME-FIBRE-100/") == {"market_segment": SEGMENT}
    assert refusal(client, "provider=%00", "HOME-FIBRE-100/") == {"provider": "holds a NUL character"}


def test_more_parameters_than_django_reads_are_refused_in_the_same_form(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10

    response = client.get("/api/v1/packages/?" + "&".join(f"x{number}=" for number in range(11)))

    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The request cannot be read.",
    }


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "application/json;q=0"])
def test_the_answer_is_json_whatever_is_accepted(client, accept):
    package()

    response = client.get("/api/v1/packages/", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (
            Http404("secret"),
            {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "secret"},
        ),
        (
            PermissionDenied(),
            {
                "type": "about:blank",
                "title": "Forbidden",
                "status": 403,
                "detail": "You do not have permission to perform this action.",
            },
        ),
        (
            ValidationError({"sku": ["Too long.", "Not allowed."]}),
            {
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "Too long.; Not allowed.",
                "errors": [
                    {"field": "sku", "detail": "Too long."},
                    {"field": "sku", "detail": "Not allowed."},
                ],
            },
        ),
    ],
)
def test_what_rest_framework_refuses_takes_the_same_form(error, body):
    response = as_problem(error, {})

    assert response is not None
    assert response.data == body
    assert response.content_type == "application/problem+json"


def test_a_bug_of_ours_stays_a_bug():
    assert as_problem(ZeroDivisionError(), {}) is None


ODD = st.text(max_size=40) | st.sampled_from(
    [
        "",
        " ",
        "\0",
        "%",
        "%00",
        "'",
        '"',
        '""',
        ",",
        "\\",
        "\r\n",
        "NaN",
        "-0",
        "1e999",
        "9" * 400,
        "é́",
        "😀",
        "\ufffe",
    ]
)
PLAUSIBLE = st.sampled_from(
    [
        "consumer",
        "business,consumer",
        "DFA",
        '"a,b"',
        "899.00",
        "100",
        "12,24",
        "true",
        "price",
        "-name",
        "1",
        "200",
    ]
)


@pytest.mark.fuzz
@fuzzed(few=60, many=1000)
@given(
    query=st.lists(st.tuples(st.sampled_from(PARAMETERS) | st.text(max_size=10), ODD | PLAUSIBLE), max_size=6)
)
def test_no_query_is_a_failure_of_ours(client, query):
    text = urlencode([(name, value.encode("utf-8", "replace")) for name, value in query])

    response = client.get(f"/api/v1/packages/?{text}")

    assert response.status_code in (200, 400)
    assert response.headers["Content-Type"] == (
        "application/json" if response.status_code == 200 else "application/problem+json"
    )


@pytest.mark.fuzz
@fuzzed(few=40, many=1000)
@given(query=st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_raw_query_is_a_failure_of_ours(client, query):
    response = client.generic("GET", "/api/v1/packages/", QUERY_STRING=query)

    assert response.status_code in (200, 400)


@pytest.mark.fuzz
@fuzzed(few=60, many=1000)
@given(path=st.binary(max_size=60))
def test_no_address_is_a_failure_of_ours(client, path):
    encoded = "".join(f"%{byte:02X}" for byte in path)

    response = client.get(f"/api/v1/packages/x{encoded}/")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
