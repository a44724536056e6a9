"""The day on which a price moves: once, whole, whoever runs it and however late."""

import threading
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django_celery_beat.models import PeriodicTask

from catalogue.models import ServicePackage
from circletel.core.models import AuditEntry
from pricing import applying, tasks
from pricing.models import Audience, PriceChange
from pricing.rule import price_for_customer
from tests.pricing.histories import OPENED, lines, package_opened
from tests.pricing.people import FIRST_OF_MAY, MAY_BEGINS, PUBLISHED, R799, R849, R899, drafted, published
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import ProductIntegration

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
AT_TWO = datetime(2027, 5, 1, 0, 0, tzinfo=UTC)


def statuses():
    return sorted(PriceChange.objects.values_list("status", flat=True))


def database_clock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_on_its_day_the_price_moves_with_ledger_history_and_audit():
    package = package_opened(R799)
    change = published(package)

    outcome = applying.apply_due(AT_TWO)

    assert (outcome.applied, outcome.problems) == (1, {})
    change.refresh_from_db()
    package.refresh_from_db()
    assert (change.status, change.applied_at, change.problem) == ("effective", AT_TWO, "")
    assert (package.price, package.new_customer_price, package.changed_at) == (R899, None, AT_TWO)
    assert lines(package, Audience.EXISTING) == [
        (1, R799, OPENED, MAY_BEGINS), (2, R899, MAY_BEGINS, None),
    ]  # fmt: skip
    assert lines(package, Audience.NEW)[-1] == (2, R899, PUBLISHED, None)
    assert [step["price"] for step in package.price_history] == ["799.00", "899.00"]
    latest = package.price_history[-1]
    assert (datetime.fromisoformat(latest["effective_from"]), latest["reason"]) == (
        MAY_BEGINS,
        "Yearly review",
    )
    entry = AuditEntry.objects.get(action="price change effective")
    assert (entry.actor_name, entry.target_id, entry.target_name) == ("", str(change.pk), str(change))
    assert entry.changes == {"status": ["published", "effective"], "price": ["799.00", "899.00"]}


def test_a_second_before_its_day_nothing_moves():
    package = package_opened(R799)
    published(package)

    assert applying.apply_due(MAY_BEGINS - SECOND).applied == 0

    package.refresh_from_db()
    assert (package.price, package.new_customer_price) == (R799, R899)
    assert applying.apply_due(MAY_BEGINS).applied == 1


def test_a_second_run_does_nothing():
    package = package_opened(R799)
    published(package)
    applying.apply_due(AT_TWO)

    assert applying.apply_due(AT_TWO + DAY).applied == 0

    package.refresh_from_db()
    assert len(package.price_history) == 2
    assert AuditEntry.objects.filter(action="price change effective").count() == 1


def test_missed_days_are_caught_up_with_the_day_they_were_promised_for():
    package = package_opened(R799)
    published(package)

    before = database_clock()
    applying.apply_due(AT_TWO + 9 * DAY)

    line = package.price_entries.get(audience=Audience.EXISTING, version=2)
    assert line.valid_from == MAY_BEGINS
    assert before <= line.recorded_at <= database_clock()


def test_customers_pay_by_the_calendar_not_by_the_job():
    package = package_opened(R799)
    published(package)
    before = price_for_customer(package, OPENED, AT_TWO)

    applying.apply_due(AT_TWO)

    assert before.including_vat == R899
    assert price_for_customer(package, OPENED, AT_TWO) == before


def test_zoho_says_it_since_publication_so_nothing_is_owed():
    package = package_opened(R799)
    published(package)
    package.refresh_from_db()
    wanted = [(record.kind, record.hash) for record in desired_records(package, current_terms())]
    rows = list(ProductIntegration.objects.order_by("pk").values())

    applying.apply_due(AT_TWO)

    package.refresh_from_db()
    assert [(record.kind, record.hash) for record in desired_records(package, current_terms())] == wanted
    assert list(ProductIntegration.objects.order_by("pk").values()) == rows


def test_drafts_and_cancelled_changes_never_take_effect():
    drafted(package_opened(R799))
    cancelled = published(package_opened(R799))
    PriceChange.objects.filter(pk=cancelled.pk).update(status="cancelled", cancelled_at=PUBLISHED)

    assert applying.apply_due(AT_TWO).applied == 0
    assert statuses() == ["cancelled", "draft"]


def test_one_that_does_not_fit_is_held_with_the_reason_and_stops_nobody():
    good, bad, odd, empty = (package_opened(R799) for _ in range(4))
    changes = [published(package) for package in (good, bad, odd, empty)]
    ServicePackage.objects.filter(pk=bad.pk).update(price="805.00")
    ServicePackage.objects.filter(pk=odd.pk).update(new_customer_price=None)
    empty.price_entries.filter(audience=Audience.EXISTING).update(valid_to=PUBLISHED)

    outcome = applying.apply_due(AT_TWO)

    assert outcome.applied == 1
    assert outcome.problems == {
        changes[1].pk: "the package costs R\u00a0805,00, not R\u00a0799,00",
        changes[2].pk: "new customers are quoted R\u00a0799,00, not R\u00a0899,00",
        changes[3].pk: "the price ledger does not say that existing customers pay R\u00a0799,00",
    }
    held = PriceChange.objects.get(pk=changes[1].pk)
    assert (held.status, held.problem) == ("published", "the package costs R\u00a0805,00, not R\u00a0799,00")
    ServicePackage.objects.filter(pk=bad.pk).update(price=R799)
    assert applying.apply_due(AT_TWO + DAY).applied == 1
    held.refresh_from_db()
    assert (held.status, held.problem) == ("effective", "")


def test_one_that_the_database_refuses_stops_nobody():
    packages = [package_opened(R799) for _ in range(5)]
    changes = [published(package) for package in packages]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;"
            " CREATE TRIGGER refuse BEFORE UPDATE OF price ON service_packages FOR EACH ROW"
            f" WHEN (OLD.id = '{packages[2].pk}') EXECUTE FUNCTION refuse()"
        )

    outcome = applying.apply_due(AT_TWO)

    assert outcome.applied == 4
    assert outcome.problems == {changes[2].pk: "it could not be applied: not this one"}
    assert statuses() == ["effective"] * 4 + ["published"]
    assert lines(packages[2], Audience.EXISTING) == [(1, R799, OPENED, None)]
    assert lines(packages[3], Audience.EXISTING)[-1] == (2, R899, MAY_BEGINS, None)


def test_the_number_of_queries_does_not_grow(django_assert_num_queries):
    for number in (1, 12):
        for _ in range(number):
            published(package_opened(R799))
        # savepoint of the test's transaction, lock, what is due; savepoint, check, five statements; releases
        with django_assert_num_queries(17):
            assert applying.apply_due(AT_TWO).applied == number


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_at_once_do_it_once():
    package = package_opened(R799)
    published(package)
    outcomes, begin = [], threading.Barrier(2)

    def run():
        begin.wait()
        outcomes.append(applying.apply_due(AT_TWO).applied)
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [0, 1]
    assert len(lines(package, Audience.EXISTING)) == 2
    assert AuditEntry.objects.filter(action="price change effective").count() == 1


def test_changes_follow_each_other():
    package = package_opened(R799)
    published(package)
    applying.apply_due(AT_TWO)
    package.refresh_from_db()
    later = PUBLISHED + 200 * DAY
    published(package, at=later, new_price=R849, effective_date=date(2027, 12, 1))

    applying.apply_due(later + 200 * DAY)

    assert [line[:2] for line in lines(package, Audience.EXISTING)] == [(1, R799), (2, R899), (3, R849)]


# --- its doors ----------------------------------------------------------------------------------


def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def test_the_schedule_is_two_in_the_morning_in_johannesburg():
    task = PeriodicTask.objects.get(task="pricing.tasks.apply_price_changes")

    assert (task.crontab.hour, task.crontab.minute, str(task.crontab.timezone)) == (
        "2",
        "0",
        "Africa/Johannesburg",
    )
    assert task.task == tasks.apply_price_changes.name


def test_the_task_applies_what_is_due():
    published(package_opened(R799))

    with time_machine.travel(AT_TWO, tick=False):
        tasks.apply_price_changes()

    assert statuses() == ["effective"]


def test_the_command_can_be_rehearsed_and_says_what_could_not_be():
    good, bad = package_opened(R799), package_opened(R799)
    published(good)
    published(bad)
    ServicePackage.objects.filter(pk=bad.pk).update(price="805.00")

    with time_machine.travel(AT_TWO, tick=False):
        said = run("apply_price_changes", "--dry-run")
        assert "Nothing written. 1 of 2 due would take effect." in said
        assert "would not: the package costs R\u00a0805,00, not R\u00a0799,00" in said
        assert statuses() == ["published", "published"]
        with pytest.raises(CommandError, match=r"the package costs R\u00a0805,00, not R\u00a0799,00"):
            run("apply_price_changes")

    assert statuses() == ["effective", "published"]


def test_the_command_takes_a_day_that_has_come():
    published(package_opened(R799))
    published(package_opened(R799), effective_date=FIRST_OF_MAY + DAY)

    with time_machine.travel(AT_TWO + 5 * DAY, tick=False):
        assert run("apply_price_changes", "--date", "2027-05-01") == "1 took effect.\n"
        assert statuses() == ["effective", "published"]
        with pytest.raises(CommandError, match="has not come yet"):
            run("apply_price_changes", "--date", "2027-05-07")
        assert run("apply_price_changes") == "1 took effect.\n"


def test_a_rehearsal_of_the_past_is_refused():
    with pytest.raises(
        CommandError, match=r"--days -1: a rehearsal looks ahead, so say 0 or more\."
    ) as refused:
        run("rehearse", "--days", "-1")

    assert refused.value.returncode == 2


def test_rehearsing_prints_every_move_to_come_and_writes_nothing(django_assert_num_queries):
    package, later = package_opened(R799), package_opened(R799)
    published(package)
    published(later, effective_date=date(2027, 9, 1))
    before = list(PriceChange.objects.values())

    # Prices, notices, subscriptions, and the calls for them.
    with time_machine.travel(PUBLISHED, tick=False), django_assert_num_queries(4):
        said = run("rehearse", "--days", "90")

    assert said.splitlines() == [
        f"2027-05-01  R    799.00 → R    899.00    +100.00  {package}",
        "1 prices move within 90 days; 0 would not as things stand. 0 subscriptions move, with 0 calls; 0 too late."
        " 0 notices are due; receipts follow moves that are confirmed. Nothing written.",
    ]
    assert list(PriceChange.objects.values()) == before
