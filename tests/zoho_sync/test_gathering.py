"""Publishes that follow one another leave for CRM together, whatever their rhythm."""

from datetime import UTC, datetime

import pytest
import time_machine

from tests.zoho_sync.backfill.conftest import Calls, unsynced
from zoho_sync import gathering, services, tasks, timing
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 22, 10, 0, tzinfo=UTC)
UPSERT = "POST /crm/v8/Products/upsert"


@pytest.fixture
def calls(zoho):
    return Calls(zoho)


class Worker:
    """Carries out drains of CRM when their time has come; with the nudges of `services` as they are."""

    def __init__(self, clock):
        self.clock, self.due = clock, []

    def nudge(self, system, *, seconds=services.NUDGE_SECONDS, urgent=False):
        if system is System.CRM and (urgent or not self.due):
            self.due.append((datetime.now(UTC).timestamp() + seconds, urgent))

    def second(self):
        self.clock.shift(1)
        now = datetime.now(UTC).timestamp()
        ready = [one for one in self.due if one[0] <= now]
        self.due = [one for one in self.due if one[0] > now]
        for _at, urgent in ready:
            tasks.drain_system("crm", urgent)


@pytest.fixture
def worker(zoho, monkeypatch):
    monkeypatch.setattr(timing, "GATHER_SECONDS", 60)
    with time_machine.travel(NOON, tick=False) as clock:
        worker = Worker(clock)
        monkeypatch.setattr(services, "nudge", worker.nudge)
        yield worker


def owe(packages, priority=0):
    """What a publish of these packages leaves behind."""
    terms, now = current_terms(), datetime.now(UTC)
    ProductIntegration.objects.bulk_create(
        ProductIntegration(
            package=package,
            kind=record.kind,
            remote_key=record.key,
            desired_hash=record.hash,
            next_retry_at=now,
            owed_since=now,
            priority=priority,
        )
        for package in packages
        for record in desired_records(package, terms, [Kind.CRM_PRODUCT])
    )
    services.nudge(System.CRM)


def in_step():
    return ProductIntegration.objects.filter(status=SyncStatus.OK).count()


EVENLY = [200 * (second + 1) // 60 - 200 * second // 60 for second in range(60)]
IN_ONE_GO = [200] + [0] * 59
LATE = [1] + [0] * 28 + [101] + [0] * 29 + [98]
TWO_HEAPS = [130] + [0] * 58 + [70]


@pytest.mark.parametrize("rhythm", [EVENLY, IN_ONE_GO, LATE, TWO_HEAPS])
def test_two_hundred_publishes_within_a_minute_leave_in_three_upserts_at_most(worker, calls, rhythm):
    packages = unsynced(200)
    assert (sum(rhythm), len(rhythm)) == (200, 60)

    for number in rhythm:
        if number:
            owe([packages.pop() for _ in range(number)])
        worker.second()
    for _ in range(65):
        worker.second()

    assert 2 <= calls.now()[UPSERT] <= 3
    assert in_step() == len(calls.zoho.records("crm_products")) == 200


def test_what_comes_now_and_then_waits_a_moment(worker, calls):
    first, second, third = unsynced(3)
    owe([first])
    worker.second()
    assert in_step() == 1

    owe([second])
    for _ in range(3):
        worker.second()
    assert (in_step(), calls.now()) == (1, {UPSERT: 1})
    assert ProductIntegration.objects.get(package=second).retry_count == 0
    for _ in range(4):
        worker.second()
    assert (in_step(), calls.now()) == (2, {UPSERT: 2})
    for _ in range(10):
        worker.second()
    owe([third])
    worker.second()
    assert (in_step(), calls.now()) == (3, {UPSERT: 3})


def test_more_than_a_few_wait_for_the_minute(worker, calls):
    first, *others = unsynced(5)
    owe([first])
    worker.second()

    owe(others)
    for _ in range(58):
        worker.second()
    assert (in_step(), calls.now()) == (1, {UPSERT: 1})
    for _ in range(6):
        worker.second()
    assert (in_step(), calls.now()) == (5, {UPSERT: 2})


def test_after_a_rush_nobody_leaves_alone(worker, calls):
    last, *many = unsynced(51)
    owe(many)
    worker.second()
    assert in_step() == 50

    owe([last])
    for _ in range(57):
        worker.second()
    assert (in_step(), calls.now()) == (50, {UPSERT: 1})
    for _ in range(6):
        worker.second()
    assert (in_step(), calls.now()) == (51, {UPSERT: 2})


def test_what_somebody_waits_for_takes_the_others_along_at_once(worker, calls):
    first, second, asked_for = unsynced(3)
    owe([first])
    worker.second()
    owe([second])
    worker.second()
    owe([asked_for], priority=1)
    services.give_another_chance([System.CRM])

    worker.second()

    assert (in_step(), calls.now()) == (3, {UPSERT: 2})


def test_a_publish_at_the_button_waits_for_nobody(worker, calls):
    first, second = unsynced(2)
    owe([first])
    worker.second()
    owe([second])
    worker.second()
    assert in_step() == 1

    services.hurry(second)
    worker.second()

    assert (in_step(), calls.now()) == (2, {UPSERT: 2})
    services.hurry(second)
    worker.second()
    assert calls.now() == {UPSERT: 2}


def test_an_urgent_drain_gathers_nothing(worker, calls):
    first, second = unsynced(2)
    owe([first])
    worker.second()
    owe([second])

    tasks.drain_system("crm", urgent=True)

    assert (in_step(), calls.now()) == (2, {UPSERT: 2})


def test_nobody_gathers_for_no_seconds(worker, calls, monkeypatch):
    monkeypatch.setattr(timing, "GATHER_SECONDS", 0)
    for package in unsynced(3):
        owe([package])
        worker.second()

    assert (in_step(), calls.now(), gathering.seconds_to_gather()) == (3, {UPSERT: 3}, 0.0)
