"""One deed for many products: planned, done one by one, resumed, cancelled."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from catalogue import batches, services
from catalogue.actions import PUBLISH
from catalogue.models import BatchItem, Product, ProductPricing, ServicePackage
from circletel.core import jobs
from circletel.core.errors import NotAllowed, Refused
from circletel.core.models import AuditEntry, Job
from circletel.core.origin import Origin, acting_from
from tests.factories import approved_product, draft_product, mr_botha, ms_naidoo, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flushed")]


def planned(*products, deed="publish", actor=None):
    return batches.plan(deed, [product.pk for product in products], actor=actor or mr_botha())


def started(*products, deed="publish"):
    return jobs.start(planned(*products, deed=deed).pk, actor=mr_botha())


def items(job):
    return [(item.shown_state, item.message) for item in BatchItem.objects.filter(job=job.pk)]


def test_a_plan_does_nothing_and_says_what_it_foresees():
    good, bad = approved_product(), draft_product()

    batch = planned(good, bad)

    assert list(BatchItem.objects.values_list("state", "foreseen")) == [
        ("waiting", ""),
        ("waiting", "it is draft, not approved"),
    ]
    assert batch.progress == "nothing is done yet, and 1 would be refused today"
    assert not ServicePackage.objects.exists()
    assert jobs.run(batch.pk) is False  # not started


def test_one_bad_product_never_stops_the_others():
    first, bad, last = approved_product(), draft_product(), approved_product()
    batch = started(first, bad, last)

    assert jobs.run(batch.pk) is True

    batch.refresh_from_db()
    assert items(batch) == [
        ("done", f"{first} published."),
        ("refused", f"{bad} cannot be published: it is draft, not approved"),
        ("done", f"{last} published."),
    ]
    assert (batch.state, batch.result, batch.done) == ("done", "2 done, 1 refused, 0 failed", 3)
    assert (batches.status_of(batch), batches.progress(batch)) == (
        "done",
        {"total": 3, "waiting": 0, "done": 2, "refused": 1, "failed": 0, "cancelled": 0},
    )
    refused = AuditEntry.objects.get(result="refused")
    assert (refused.target_id, refused.actor_name) == (str(bad.pk), "Pieter Botha")


def test_what_breaks_is_named_and_the_rest_goes_on(monkeypatch):
    broken, fine = approved_product(), approved_product()

    def publish(product_id, *, actor):
        if product_id == broken.pk:
            raise ZeroDivisionError
        return services.publish(product_id, actor=actor)

    monkeypatch.setitem(batches.ACTIONS, "publish", replace(PUBLISH, service=publish))
    batch = started(broken, fine)

    jobs.run(batch.pk)

    assert [state for state, _message in items(batch)] == ["failed", "done"]
    assert "ZeroDivisionError" in items(batch)[0][1]


def test_approving_many(django_user_model):
    mine, theirs = draft_product(author=mr_botha()), draft_product()
    for product, author in ((mine, ms_naidoo()), (theirs, ms_naidoo())):
        services.submit(product.pk, actor=author)
    batch = started(mine, theirs, deed="approve")

    jobs.run(batch.pk)

    assert items(batch) == [
        ("refused", f"{mine}: you made or last changed it, so someone else must approve it"),
        ("done", f"{theirs} is approved."),
    ]


def test_approving_the_pricing_of_many():
    theirs, mine, early = draft_product(), draft_product(author=mr_botha()), draft_product()
    for product in (theirs, mine):
        services.submit(product.pk, actor=ms_naidoo())
    services.approve(theirs.pk, actor=person("signs", "Approver"))
    prices = person("prices", "Pricing manager")
    Product.objects.filter(pk=mine.pk).update(created_by=prices)

    batch = planned(theirs, mine, early, deed="approve pricing", actor=prices)
    foreseen = list(BatchItem.objects.values_list("foreseen", flat=True))
    jobs.start(batch.pk, actor=prices)
    jobs.run(batch.pk)

    assert foreseen == [
        "",
        "you made or last changed it, so someone else must approve its pricing",
        "it is draft, not pending approval or approved",
    ]
    assert items(batch) == [
        ("done", f"The pricing of {theirs} is approved."),
        ("refused", f"{mine}: you made or last changed it, so someone else must approve its pricing"),
        (
            "refused",
            f"{early} cannot be approved in its pricing: it is draft, not pending approval or approved",
        ),
    ]
    signed = ProductPricing.objects.exclude(approved_by=None)
    assert [(one.product_id, one.approved_by) for one in signed] == [(theirs.pk, prices)]
    services.publish(theirs.pk, actor=mr_botha())


def test_it_is_audited_as_the_deed_of_whoever_ordered_it():
    product = approved_product()
    with acting_from(Origin("c" * 32, "10.1.2.3", "Firefox")):
        batch = started(product)

    jobs.run(batch.pk)

    entry = AuditEntry.objects.get(action="published")
    assert (entry.actor_name, entry.address, entry.correlation_id) == ("Pieter Botha", "10.1.2.3", "c" * 32)


def test_a_cancelled_batch_leaves_the_rest_alone(monkeypatch):
    products = [approved_product() for _ in range(3)]
    batch = started(*products)

    def publish(product_id, *, actor):
        jobs.cancel(batch.pk, actor=mr_botha())
        return services.publish(product_id, actor=actor)

    monkeypatch.setitem(batches.ACTIONS, "publish", replace(PUBLISH, service=publish))
    assert jobs.run(batch.pk) is True

    batch.refresh_from_db()
    assert [state for state, _message in items(batch)] == ["done", "cancelled", "cancelled"]
    assert (batch.state, batches.progress(batch)["cancelled"]) == ("cancelled", 2)
    assert ServicePackage.objects.count() == 1
    with pytest.raises(Refused, match="cancelled already"):
        jobs.start(batch.pk, actor=mr_botha())


def test_a_batch_of_a_lost_worker_is_resumed_and_repeats_nothing(monkeypatch):
    batch = started(approved_product(), approved_product())
    published = []

    def publish(product_id, *, actor):
        if published:
            raise KeyboardInterrupt  # as when the worker is killed: nothing is written down any more
        published.append(services.publish(product_id, actor=actor))
        return published[0]

    with monkeypatch.context() as patched:
        patched.setitem(batches.ACTIONS, "publish", replace(PUBLISH, service=publish))
        with pytest.raises(KeyboardInterrupt):
            jobs.run(batch.pk)

    assert jobs.run(batch.pk) is False  # its lease holds still
    assert jobs.sweep() == 0
    Job.objects.update(leased_until=Now() - timedelta(seconds=1))
    assert jobs.sweep() == 1
    assert jobs.run(batch.pk) is True

    assert [state for state, _message in items(batch)] == ["done", "done"]
    assert AuditEntry.objects.filter(action="published").count() == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_three_workers_one_has_the_batch_and_nothing_is_done_twice():
    batch = started(*(approved_product() for _ in range(6)))
    numbers = []

    def work():
        numbers.append(jobs.run(batch.pk))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(numbers) == [False, False, True]
    assert AuditEntry.objects.filter(action="published").count() == 6
    batch.refresh_from_db()
    assert batch.state == "done"


def test_starting_twice_is_starting_once():
    batch = started(approved_product())

    jobs.start(batch.pk, actor=mr_botha())

    assert AuditEntry.objects.filter(action="requested").count() == 1


@pytest.mark.parametrize("deed", ["publish", "approve"])
def test_it_needs_the_right_of_the_deed(deed):
    with pytest.raises(NotAllowed):
        planned(approved_product(), deed=deed, actor=ms_naidoo())

    assert not Job.objects.exists()


def test_nothing_and_unknown_products_are_refused():
    with pytest.raises(Refused, match="choose at least one"):
        planned()
    with pytest.raises(Refused, match="There are no products with these ids"):
        batches.plan("publish", ["0b6b3d4e-0000-4000-8000-000000000000"], actor=mr_botha())


def test_planning_takes_the_same_queries_for_two_and_for_twenty(django_assert_num_queries):
    def queries(number):
        from django.test.utils import CaptureQueriesContext

        products = [approved_product() for _ in range(number)]
        actor = mr_botha()
        actor.has_perm("catalogue.publish_product")
        with CaptureQueriesContext(connection) as captured:
            planned(*products, actor=actor)
        return len(captured)

    assert queries(2) == queries(20)


@pytest.mark.django_db
def test_an_author_does_not_start_the_approval_of_their_own_product_that_another_planned():
    author = person("author.approver", "Product manager", "Approver")
    product = draft_product(author=author)
    services.submit(product.pk, actor=author)
    planned = batches.plan("approve", [product.pk], actor=mr_botha())

    jobs.start(planned.pk, actor=author)
    jobs.run(planned.pk)

    product.refresh_from_db()
    assert (product.status, product.approved_by) == ("pending", None)
    assert [item.state for item in planned.items.all()] == ["refused"]
