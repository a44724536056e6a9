"""Reads of the storefront pass by the session and the log-in, and miss nothing that every answer has."""

import pytest

from catalogue.api.short_way import NOTHING
from tests.catalogue.api.packages import package

pytestmark = pytest.mark.django_db
HEADERS = (
    "Content-Length",
    "Content-Security-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Correlation-Id",
    "X-Frame-Options",
)


@pytest.mark.parametrize("path", ["/api/v1/packages/", "/api/v1/packages/nothing/", "/api/v1/packages/?x=1"])
def test_the_headers_of_every_answer_are_there(client, path):
    package()
    answer = client.get(path)

    assert [name for name in HEADERS if name not in answer] == []
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["Content-Security-Policy"] == NOTHING
    assert "Cookie" not in answer.get("Vary", "")


def test_a_session_is_not_even_looked_at(client, admin_user, django_assert_num_queries):
    package()
    client.force_login(admin_user)
    with django_assert_num_queries(2):
        assert client.get("/api/v1/packages/").status_code == 200


def test_hosts_that_are_not_ours_are_refused(client, settings):
    settings.ALLOWED_HOSTS = ["shop.example.com"]

    assert client.get("/api/v1/packages/", headers={"Host": "evil.example.org"}).status_code == 400


def test_an_address_without_its_slash_is_told_the_right_one(client):
    answer = client.get("/api/v1/packages")

    assert (answer.status_code, answer["Location"]) == (301, "/api/v1/packages/")


def test_what_is_compared_with_in_the_benchmark_answers_the_same(client, settings):
    settings.ROOT_URLCONF = "bench._plain"
    package()

    ours, plain = (client.get(f"{root}/packages/").json()["results"] for root in ("/api/v1", "/plain"))
    assert ours == plain
