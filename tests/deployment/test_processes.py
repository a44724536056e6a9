"""Web, worker and beat exactly as docker-compose.yml starts them, on real PostgreSQL and Valkey, with the sandbox."""

import http.client
import re
import signal
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise

import httpx
import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from circletel.core.models import Job
from circletel.embedded.service import any_free
from tests.deployment.compose import SERVICES, environment_of, running
from tests.factories import live_package
from tests.processes import environment, wait_until
from tests.zoho_sync.kills.world import KINDS, WITH_EVERYTHING, in_step, owe_packages
from zoho_sync.models import Kind, ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

# A test does not wait for the pace of a real organisation.
PACE = {"ZOHO_BILLING_CALLS_PER_MINUTE": 6000, "ZOHO_BILLING_CALLS_PER_DAY": 1_000_000}
BY_TLS = {"X-Forwarded-Proto": "https"}
PACKAGES = "/api/v1/packages/"


def leased() -> int:
    return ProductIntegration.objects.exclude(lease_token=None).count()


def all_in_step(packages: int) -> None:
    wait_until(lambda: in_step() == packages * KINDS, what="everything in step", seconds=120)


def is_idle() -> bool:
    broker = redis.Redis.from_url(settings.REDIS_URL)
    return broker.llen("celery") == broker.hlen("unacked") == 0


def created_once(zoho, packages: int) -> None:
    """Each record is in Zoho once, and was asked for once."""
    assert len(zoho.records("crm_products")) == packages
    assert len(zoho.records("billing_products")) == 1
    assert len(zoho.records("billing_plans")) == packages
    assert len(zoho.records("billing_addons")) == 2 * packages
    creates = Counter(
        one["path"].rsplit("/", 1)[-1]
        for one in zoho.requests(system="billing")
        if one["method"] == "POST" and one["path"].endswith(("/products", "/plans", "/addons"))
    )
    assert creates == {"products": 1, "plans": packages, "addons": 2 * packages}


def test_from_a_publish_to_zoho_and_the_storefront(zoho, each_second, tmp_path):
    """And everything ends when it is told to, with exit code 0 and nothing left in hand."""
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    with (
        running("web", tmp_path, port=port) as web,
        running("worker", tmp_path, **PACE) as worker,
        running("beat", tmp_path) as beat,
    ):
        wait_until(lambda: answers(url), what="an answer of the web server")
        ready = httpx.get(f"{url}/readyz", headers=BY_TLS)
        assert ready.json() == {"ready": True, "checks": {"database": "ok", "broker": "ok"}}
        package = live_package(sku="LIVE-1", **WITH_EVERYTHING)
        all_in_step(1)
        shown = httpx.get(f"{url}{PACKAGES}{package.slug}/", headers=BY_TLS)
        assert (shown.status_code, shown.json()["sku"]) == (200, "LIVE-1")
        # Without TLS nobody is served, but the probes.
        assert httpx.get(f"{url}{PACKAGES}").status_code == 301
        wait_until(lambda: is_healthy("beat"), what="a job that beat sent")

        for one in (beat, worker, web):
            one.terminate()
        for one in (beat, worker, web):
            wait_until(one.has_ended, what=f"the end of {one.log.name}")

        assert [one.process.returncode for one in (beat, worker, web)] == [0, 0, 0]
    created_once(zoho, 1)
    assert leased() == 0


def is_healthy(service: str) -> bool:
    _how, *command = SERVICES[service]["healthcheck"]["test"]
    return subprocess.run(command, env=environment_of(service), capture_output=True).returncode == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_rush_of_visitors_waits_its_turn_and_leaves_connections_to_others(tmp_path):
    live_package(sku="RUSH-1")
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    database = environment()["DATABASE_URL"]
    named = {"DATABASE_URL": f"{database}?application_name=rush"}
    with running("web", tmp_path, port=port, **named), psycopg.connect(database) as other:
        wait_until(lambda: answers(url), what="an answer of the web server")
        # All wait for this lock, so that nobody is answered before all have asked.
        other.execute("LOCK TABLE service_packages IN ACCESS EXCLUSIVE MODE")
        rush = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(64)]
        for one in rush:
            one.request("GET", PACKAGES, headers=BY_TLS)
        # Which of the three processes takes a visitor is the kernel's choice, so one may have them all.
        wait_until(lambda: sessions_of("rush") >= 2, what="two requests in the database")
        other.rollback()

        assert [one.getresponse().status for one in rush] == [200] * 64
        # They are kept for the next, so this is how many there ever were: two of each process.
        assert 2 <= sessions_of("rush") <= 6
        for one in rush:
            one.close()


def test_a_request_that_has_begun_is_answered(db, tmp_path):
    live_package(sku="SLOW-1")
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    answers_got: list[httpx.Response] = []
    with running("web", tmp_path, port=port) as web, psycopg.connect(environment()["DATABASE_URL"]) as other:
        # A process that is still starting is deaf to the signal: it would serve on until it is killed.
        wait_until(lambda: web.said().count("Started worker-") == 3, what="all processes of the web server")
        # The request waits for this lock, however long that takes.
        other.execute("LOCK TABLE service_packages IN ACCESS EXCLUSIVE MODE")
        asking = threading.Thread(
            target=lambda: answers_got.append(httpx.get(url + PACKAGES, headers=BY_TLS, timeout=60))
        )
        asking.start()
        wait_until(lambda: waits_for_a_lock(), what="the request in the database")

        web.terminate()
        wait_until(lambda: not answers(url), what="the end of new requests")
        assert not web.has_ended()
        other.rollback()
        asking.join()

        wait_until(web.has_ended, what="the end of the web server")
        assert web.process.returncode == 0
    assert [one.status_code for one in answers_got] == [200]
    assert [one["sku"] for one in answers_got[0].json()["results"]] == ["SLOW-1"]


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def test_a_worker_told_to_stop_leaves_nothing_in_hand(zoho, each_second, tmp_path):
    zoho.set(latency_ms=60)
    owe_packages(12)
    with running("worker", tmp_path, **PACE) as stopping, running("beat", tmp_path):
        wait_until(lambda: leased() and in_step() > KINDS, what="a worker with a record in hand")

        stopping.terminate()
        wait_until(stopping.has_ended, what="the end of the worker", seconds=110)

        assert stopping.process.returncode == 0
        assert leased() == 0
        statuses = set(ProductIntegration.objects.values_list("status", flat=True))
        assert statuses <= {SyncStatus.OK, SyncStatus.PENDING}
        with running("worker", tmp_path, number=2, **PACE):
            all_in_step(12)
    created_once(zoho, 12)


def test_two_workers_two_beats_by_mistake_and_one_is_killed(zoho, each_second, tmp_path):
    zoho.set(latency_ms=20)
    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(running("worker", tmp_path, number=number, **PACE))
        beats = [stack.enter_context(running("beat", tmp_path, number=number)) for number in (1, 2)]
        owe_packages(10)
        all_in_step(10)
        wait_until(lambda: all(sent(one) for one in beats), what="jobs sent by both")

        beats[0].process.send_signal(signal.SIGKILL)
        before, sent_before = Job.objects.count(), sent(beats[1])
        wait_until(lambda: sent(beats[1]) > sent_before, what="a job sent by the other")
        wait_until(lambda: Job.objects.count() > before, what="its run")
        beats[1].terminate()
        wait_until(beats[1].has_ended, what="the end of beat")
        wait_until(is_idle, what="the last message")
        wait_until(lambda: not Job.objects.filter(state="running").exists(), what="the last job")

    created_once(zoho, 10)
    runs = list(Job.objects.filter(kind__endswith="sweep").order_by("started_at"))
    assert {run.state for run in runs} == {"done"}
    # One at a time, and never more of them than were sent.
    assert all(one.finished_at <= next.started_at for one, next in pairwise(runs))
    assert 0 < len(runs) <= sum(sent(one) for one in beats)
    assert not ProductIntegration.objects.filter(kind=Kind.CRM_PRODUCT).exclude(status=SyncStatus.OK).exists()


def sent(beat) -> int:
    return len(re.findall("Sending due task", beat.said()))


def test_the_storefront_reads_from_the_replica_and_nothing_else_does(db, tmp_path):
    live_package(sku="REPLICA-1")
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    replica = (
        environment()["DATABASE_URL"]
        + "?application_name=replica&options=-c%20default_transaction_read_only%3Don"
    )
    with running("web", tmp_path, port=port, STOREFRONT_DATABASE_URL=replica):
        wait_until(lambda: answers(url), what="an answer of the web server")
        httpx.get(f"{url}/admin/login/", headers=BY_TLS).raise_for_status()
        assert sessions_of("replica") == 0

        answer = httpx.get(url + PACKAGES, headers=BY_TLS)

        assert [one["sku"] for one in answer.json()["results"]] == ["REPLICA-1"]
        assert sessions_of("replica") == 1


def sessions_of(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [name])
        return int(cursor.fetchone()[0])
