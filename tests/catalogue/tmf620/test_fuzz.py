"""Whatever is asked or sent, the answer is one that TM Forum foresees, and never a mistake of ours."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogue.tmf620.world import BASES, READABLE, WRITABLE, small_catalogue
from tests.factories import ms_naidoo
from tests.fuzz.inputs import fuzzed

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db]
SOME = fuzzed(few=30, many=300)

KINDS = [f"{BASES[version]}/{name}" for version, names in READABLE.items() for name in names]
WRITTEN = [f"{base}/{name}" for base in BASES.values() for name in WRITABLE]
PATHS = [
    "id",
    "name",
    "lastUpdate",
    "price.value",
    "isBundle",
    "category.id",
    "validFor.endDateTime",
    "x",
    "@type",
]
OPERATORS = ["", ".eq", ".ne", ".gt", ".lte", ".regex", ">", "<", ">5", "<=x", ".", "*"]
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["1", "-0", "1e400", "NaN", "true", "2026-10-01T00:00:00Z", "9999-12-31", "a,b", '"', "^.*$"]
    ),
)
FILTERS = st.tuples(st.sampled_from(PATHS), st.sampled_from(OPERATORS)).map("".join)
QUERIES = st.dictionaries(
    st.one_of(FILTERS, st.sampled_from(["fields", "sort", "offset", "limit"]), st.text(max_size=6)),
    VALUES,
    max_size=3,
)
NAMES = st.sampled_from(
    [
        "name",
        "description",
        "validFor",
        "category",
        "marketSegment",
        "productOfferingTerm",
        "price",
        "isBundle",
        "productOfferingPrice",
        "prodSpecCharValueUse",
        "lastUpdate",
        "lifecycleStatus",
        "priceType",
        "id",
        "duration",
        "startDateTime",
        "endDateTime",
        "value",
        "amount",
        "units",
        "productSpecCharacteristicValue",
        "@type",
        "x",
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), VALUES)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(NAMES, ANYTHING, max_size=5) | ANYTHING


@SOME
@given(path=st.sampled_from(KINDS), query=QUERIES)
def test_any_question_is_answered(client, path, query):
    small_catalogue_once()
    answer = client.get(path, query)
    assert answer.status_code in (200, 206, 400), answer.content


@SOME
@given(path=st.sampled_from(WRITTEN), body=BODIES, named=st.booleans())
def test_any_body_is_taken_or_refused(client, path, body, named):
    client.force_login(ms_naidoo())
    if named and isinstance(body, dict):
        must = {
            "name": "n",
            "lastUpdate": "2026-10-01",
            "lifecycleStatus": "Active",
            "priceType": "recurring",
        }
        body = {**body, **must}
    made = _send(client.post, path, body)
    assert made.status_code in (201, 400), made.content
    if made.status_code == 201:
        href = made.json()["href"]
        assert client.get(href).json() == made.json()
        assert _send(client.patch, href, body).status_code in (200, 400)
        assert client.delete(href).status_code == 204


def _send(method: Any, path: str, body: Any) -> Any:
    return method(path, json.dumps(body), content_type="application/json")


def small_catalogue_once() -> None:
    from catalogue.models import ServicePackage

    if not ServicePackage.objects.exists():
        small_catalogue()
