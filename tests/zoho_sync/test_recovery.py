"""Pull the plug in the middle: nothing is lost and nothing doubled."""

import os
import signal
from collections import Counter
from decimal import Decimal

import pytest
import redis
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tests.factories import live_package
from tests.processes import beat, kill_group, wait_until, worker
from zoho_sync.models import ProductIntegration, SyncStatus

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PACKAGES = 12
# Short, so that the test need not wait for a lost worker's records for a minute and a half.
QUICK = {"TEST_LEASE_SECONDS": 4}


@pytest.fixture
def each_second(transactional_db):
    """The schedule that beat follows, with the sweep each second instead of each minute."""
    often, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(
        name="Sweep: send what is owed to Zoho",
        defaults={
            "task": "zoho_sync.tasks.sweep",
            "interval": often,
            "crontab": None,
            "enabled": True,
            "expire_seconds": None,
        },
    )


def in_step():
    return ProductIntegration.objects.filter(status=SyncStatus.OK).count()


def held():
    return ProductIntegration.objects.exclude(lease_token=None).exists()


def frozen_with_work(process):
    """Stop the process group; true when that caught it with a record in hand, else it goes on."""
    os.killpg(process.pid, signal.SIGSTOP)
    if held():
        return True
    os.killpg(process.pid, signal.SIGCONT)
    return False


def publish_packages():
    for number in range(PACKAGES):
        live_package(
            sku=f"P-{number}",
            provider=("DFA", "MTN")[number % 2],
            installation_fee=Decimal("450.00"),
            hardware={"model": "Router", "included": True},
        )


def assert_each_record_is_there_once(zoho):
    assert Counter(crm["Product_Code"] for crm in zoho.records("crm_products")) == Counter(
        f"P-{n}" for n in range(PACKAGES)
    )
    assert sorted(product["name"] for product in zoho.records("billing_products")) == [
        "HomeFibre - DFA - Consumer",
        "HomeFibre - MTN - Consumer",
    ]
    assert (
        len({plan["plan_code"] for plan in zoho.records("billing_plans")})
        == len(zoho.records("billing_plans"))
        == PACKAGES
    )
    assert len({addon["addon_code"] for addon in zoho.records("billing_addons")}) == 2 * PACKAGES
    assert len(zoho.records("billing_addons")) == 2 * PACKAGES


def test_a_killed_worker_and_a_broker_without_memory_leave_nothing_stuck_and_nothing_doubled(
    zoho, each_second, settings
):
    zoho.set(latency_ms=60)
    publish_packages()
    with worker(**QUICK) as doomed:
        wait_until(lambda: in_step() >= 10, what="the first records in step")
        wait_until(lambda: frozen_with_work(doomed), what="a worker with a record in hand")
        kill_group(doomed)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    done = in_step()
    assert 10 <= done < 5 * PACKAGES
    assert held()

    with worker(**QUICK), beat():
        wait_until(lambda: in_step() == 5 * PACKAGES, what="everything in step", seconds=90)

    assert_each_record_is_there_once(zoho)
    assert not ProductIntegration.objects.exclude(lease_token=None).exists()


@pytest.mark.torture
def test_a_publish_while_the_broker_is_away_is_sent_by_the_sweep(zoho, each_second, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    publish_packages()
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    assert in_step() == 0

    with worker(**QUICK), beat():
        wait_until(lambda: in_step() == 5 * PACKAGES, what="everything in step", seconds=90)

    assert_each_record_is_there_once(zoho)


@pytest.mark.torture
def test_four_workers_at_once_send_each_record_once(zoho, each_second):
    publish_packages()

    with worker(**QUICK), worker(**QUICK), beat(), beat():
        wait_until(lambda: in_step() == 5 * PACKAGES, what="everything in step", seconds=90)

    assert_each_record_is_there_once(zoho)
    created = zoho.state()["calls"]["billing"]["endpoints"]
    assert created["POST /billing/v1/plans"] == PACKAGES
    assert created["POST /billing/v1/products"] == 2
    assert created["POST /billing/v1/addons"] == 2 * PACKAGES
