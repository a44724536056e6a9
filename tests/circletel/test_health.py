import pytest


def test_a_process_that_answers_is_healthy_without_touching_anything(client):
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_a_process_with_database_and_broker_is_ready(client):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"database": "ok", "broker": "ok"}}


@pytest.mark.django_db
def test_a_process_without_broker_is_not_ready_and_says_so(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"ready": False, "checks": {"database": "ok", "broker": "unreachable"}}


@pytest.mark.django_db
def test_every_answer_carries_its_correlation_id(client):
    first, second = client.get("/admin/login/"), client.get("/admin/login/")

    assert len(first["X-Correlation-Id"]) == 32
    assert first["X-Correlation-Id"] != second["X-Correlation-Id"]
