"""kill -9 in the middle of five hundred owed records: each arrives once, none is lost, and the books are true."""

import os
import signal
import threading

import httpx
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalogue.models import Product, ServicePackage
from circletel.core.models import Job
from circletel.embedded.app import Web
from circletel.embedded.service import any_free
from tests.factories import approved_product, mr_botha
from tests.processes import beat, environment, kill_group, wait_until, worker
from tests.zoho_sync.kills.world import (
    KINDS,
    QUICK,
    RECORDS,
    WITH_EVERYTHING,
    Books,
    in_step,
    is_the_middle,
    jobs_that_ended_badly,
    owe_packages,
)
from zoho_sync import services

pytestmark = [pytest.mark.torture, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def all_in_step() -> None:
    wait_until(lambda: in_step() == RECORDS, what="everything in step", seconds=180)


def middle() -> None:
    wait_until(is_the_middle, what="the middle")


def frozen_in_the_middle(process) -> bool:
    """Stop the process group; true when that caught it in the middle with a record in hand, else it goes on."""
    os.killpg(process.pid, signal.SIGSTOP)
    if is_the_middle():
        return True
    os.killpg(process.pid, signal.SIGCONT)
    return False


def test_a_killed_worker(zoho, each_second):
    zoho.set(latency_ms=30)
    owe_packages(100)
    books = Books(zoho)
    with worker(**QUICK) as doomed:
        middle()
        wait_until(lambda: frozen_in_the_middle(doomed), what="a worker with a record in hand")
        kill_group(doomed)

    with worker(**QUICK), beat():
        all_in_step()

    # Two processes of five threads each: what they had in hand got no answer.
    books.audit(unanswered=10)


def test_a_killed_beat(zoho, each_second, monkeypatch):
    """Half of the records is owed while nobody is there to sweep: they wait for the next beat, and no longer."""
    # Every message of ours is lost, so that only the sweep can bring the records on their way.
    monkeypatch.setattr(services, "nudge", lambda *_, **__: False)
    zoho.set(latency_ms=20)
    owe_packages(50)
    books = Books(zoho)
    with worker(**QUICK):
        with beat() as doomed:
            wait_until(lambda: 50 <= in_step() <= 200, what="the middle")
            kill_group(doomed)
        wait_until(lambda: in_step() == 50 * KINDS and is_idle(), what="what was begun", seconds=180)
        owe_packages(50, first=50)
        # Only the product line, which Zoho knows already, is in step at once; nobody sweeps the rest.
        assert in_step() == 50 * KINDS + 50

        with beat():
            all_in_step()

    books.audit(unanswered=0)
    assert jobs_that_ended_badly() == []


def is_idle() -> bool:
    """No message waits, and none is being worked on."""
    broker = redis.Redis.from_url(settings.REDIS_URL)
    return broker.llen("celery") == broker.hlen("unacked") == 0


def test_a_killed_web(zoho, each_second, tmp_path):
    """A publish whose answer never came either happened with all that it owes, or not at all."""
    zoho.set(latency_ms=20)
    products = [approved_product(sku=f"W-{number}", **WITH_EVERYTHING).pk for number in range(40)]
    owe_packages(60)
    books = Books(zoho)
    cookies = session_of(mr_botha())
    web = Web(log=tmp_path / "web.log", environment=environment(), host="127.0.0.1", port=any_free())
    web.launch()
    try:
        web.wait(meanwhile=lambda: None)
        with worker(**QUICK), beat():
            wait_until(lambda: in_step() >= 50, what="the middle")
            waiting = publish(products, web.url, cookies, until=lambda: kill_in_the_middle(web))
            assert waiting, "nothing was left to do: the kill came too late"
            assert rows_are_whole()

            web.launch()
            web.wait(meanwhile=lambda: None)
            # Whoever got no answer presses again.
            assert publish(waiting, web.url, cookies) == []
            all_in_step()
    finally:
        web.stop()

    books.audit(unanswered=0)
    assert ServicePackage.objects.filter(source_admin_product__in=products).count() == len(products)
    assert jobs_that_ended_badly() == []


def session_of(user) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"sessionid": client.cookies["sessionid"].value, "csrftoken": "x" * 32}


def kill_in_the_middle(web: Web) -> None:
    wait_until(lambda: 5 <= published() <= 30, what="the first publishes")
    web.kill()
    assert 50 <= in_step() <= 450


def published() -> int:
    return Product.objects.filter(sku__startswith="W-", packages__isnull=False).distinct().count()


def rows_are_whole() -> bool:
    """Each package has all its rows; a product none or one package."""
    return all(package.integrations.count() == KINDS for package in ServicePackage.objects.all())


def publish(products, url, cookies, until=None) -> list:
    """Press *Publish* for each, from two browsers. Returns those whose answer did not come."""
    todo, unanswered = list(products), []

    def press() -> None:
        with httpx.Client(base_url=url, cookies=cookies, timeout=30) as browser:
            while todo:
                product = todo.pop()
                address = reverse("admin:catalogue_product_publish_one", args=[product])
                try:
                    answer = browser.post(
                        address,
                        data={"_form_submitted": "True"},
                        headers={"X-CSRFToken": cookies["csrftoken"]},
                    )
                    assert answer.status_code == 302, answer.text
                except httpx.HTTPError:
                    unanswered.append(product)

    browsers = [threading.Thread(target=press) for _ in range(2)]
    for one in browsers:
        one.start()
    if until:
        until()
    for one in browsers:
        one.join()
    return unanswered


def test_a_killed_broker_that_loses_every_message(zoho_settings, zoho, each_second, own_broker):
    zoho.set(latency_ms=30)
    zoho_settings.REDIS_URL = own_broker.url
    owe_packages(100)
    books = Books(zoho)
    with worker(**QUICK), beat():
        middle()
        redis.Redis.from_url(own_broker.url).set("kept", "by the broker")
        own_broker.kill()
        assert 50 <= in_step() <= 450
        own_broker.start()
        # The workers may have written again by now, but nothing of before is left.
        assert redis.Redis.from_url(own_broker.url).get("kept") is None
        all_in_step()

    books.audit(unanswered=0)


def test_a_database_that_restarts(own_database, zoho, each_second):
    zoho.set(latency_ms=30)
    owe_packages(100)
    books = Books(zoho)
    with worker(**QUICK), beat():
        middle()
        # Immediate: no goodbye to anybody, and recovery from the log at the next start.
        own_database.send(signal.SIGQUIT)
        assert own_database.ends_within(10)
        connection.close()
        own_database.start()
        assert 50 <= in_step() <= 450
        all_in_step()
        # A sweep that lost the database in the middle is running until its lease ends; the next one takes it over.
        wait_until(lambda: not Job.objects.filter(state="running"), what="the lost sweep taken over")

    books.audit(unanswered=10)
