"""The storefront."""

import pytest

from tests.catalogue.api.packages import package
from tests.known_faults import known_fault

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


@known_fault("a cursor of today's list, sent with `as_of`, is an error of the server")
def test_a_cursor_of_another_list_is_refused(client):
    package("A")
    package("B", name="B")
    client.raise_request_exception = False
    following = client.get("/api/v1/packages/?page_size=1").json()["next"]
    cursor = following.split("cursor=")[1].split("&")[0]

    answer = client.get(f"/api/v1/packages/?page_size=1&as_of=2026-01-01&cursor={cursor}")

    assert answer.status_code == 400
