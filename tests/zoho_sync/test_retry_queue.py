"""What failed, grouped by what it fails of; tried again, one first; given up with a reason."""

from datetime import timedelta
from html import unescape

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue.models import ServicePackage
from circletel.core import jobs
from circletel.core.errors import NotAllowed, NotReady
from circletel.core.models import AuditEntry, Job
from tests.factories import live_package, ms_naidoo, person
from tests.zoho_sync.crowd import crowd
from zoho_sync import claims, services
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.operating import queue
from zoho_sync.operating.causes import advice_on, cause_of

pytestmark = [pytest.mark.django_db]
QUEUE = reverse("admin:zoho_sync_productintegration_retry_queue")
GROUP = reverse("admin:zoho_sync_productintegration_group")
CAUSE = "billing:InvalidField:unit"


def operator():
    return person("lerato.mokoena", "Sync operator")


@pytest.fixture
def client(redis_flushed):
    client = Client()
    client.force_login(operator())
    return client


def failing(number, kind=Kind.BILLING_PLAN, cause=CAUSE, status=SyncStatus.DEAD, since=timedelta(hours=2)):
    """`number` packages whose record of `kind` fails; the first has failed for longest."""
    made = []
    for index in range(number):
        row = ProductIntegration.objects.get(package=live_package(), kind=kind)
        row.status, row.cause = status, cause
        row.next_retry_at = None if status == SyncStatus.DEAD else timezone.now() + timedelta(hours=1)
        row.retry_count, row.last_sync_error = 1, "Zoho Billing: a value is invalid"
        row.sync_error_details = {"class": cause.split(":")[1], "code": "2"}
        row.failing_since = timezone.now() - since + timedelta(seconds=index)
        row.save()
        made.append(row)
    return made


def state(row):
    return ProductIntegration.objects.get(pk=row.pk).status


@pytest.mark.parametrize(
    ("details", "cause"),
    [
        ({"class": "InvalidField", "details": {"api_name": "Unit_Price"}}, "crm:InvalidField:Unit_Price"),
        (
            {
                "class": "InvalidField",
                "details": {"problems": ["Product_Code holds 40 characters, SKU has 49"]},
            },
            "crm:InvalidField:Product_Code",
        ),
        (
            {"class": "InvalidField", "code": "2", "words": "Invalid value passed for unit"},
            "crm:InvalidField:unit",
        ),
        ({"class": "RecordGone", "code": "1002"}, "crm:RecordGone:1002"),
        ({}, "crm:Unknown:"),
    ],
)
def test_a_fingerprint_is_system_class_and_field(details, cause):
    assert cause_of(System.CRM, details) == cause


def test_a_real_failure_is_fingerprinted(zoho, drain):
    bad = live_package(sku="TOO-LONG-" + "X" * 40)

    drain(System.CRM)

    row = ProductIntegration.objects.get(package=bad, kind=Kind.CRM_PRODUCT)
    assert (row.cause, row.status) == ("crm:InvalidField:Product_Code", SyncStatus.DEAD)
    first = row.failing_since
    services.resync(ProductIntegration.objects.filter(pk=row.pk), actor=operator())
    drain(System.CRM)
    row.refresh_from_db()
    assert row.failing_since == first


def test_groups_count_and_say_what_to_do(client):
    first, *_ = failing(3)
    failing(1, Kind.CRM_PRODUCT, "crm:Unreachable:", SyncStatus.FAILED, timedelta(minutes=5))

    page = client.get(QUEUE)

    large, small = page.context["groups"]
    assert (large.cause, large.count, large.dead, large.first_seen) == (CAUSE, 3, 3, first.failing_since)
    assert (small.cause, small.count, small.dead) == ("crm:Unreachable:", 1, 0)
    assert large.advice == advice_on(CAUSE)
    assert large.advice.what_to_do in unescape(page.content.decode())


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        ({"system": "crm"}, 1),
        ({"system": "billing"}, 2),
        ({"kind": "billing_plan"}, 2),
        ({"error_class": "Unreachable"}, 1),
        ({"age": "hour"}, 2),
        ({"age": "day"}, 0),
    ],
)
def test_the_queue_is_narrowed(client, narrowed, count):
    failing(2)
    failing(1, Kind.CRM_PRODUCT, "crm:Unreachable:", SyncStatus.FAILED, timedelta(minutes=5))

    assert sum(group.count for group in client.get(QUEUE, narrowed).context["groups"]) == count


def test_a_group_shows_the_payload_beside_the_last_that_was_taken(client, zoho, drain):
    package = live_package(regular_price="899.00", description="As before")
    drain()
    ServicePackage.objects.filter(pk=package.pk).update(description="As now")
    row = ProductIntegration.objects.get(package=package, kind=Kind.BILLING_PLAN)
    ProductIntegration.objects.filter(pk=row.pk).update(
        status=SyncStatus.DEAD, cause=CAUSE, failing_since=timezone.now()
    )

    page = client.get(GROUP, {"cause": CAUSE})

    differing = {one.name: (one.accepted, one.wanted) for one in page.context["compared"] if one.differs}
    assert differing == {"description": ("As before", "As now")}
    assert page.content.decode().count("data-differs") == 1


def test_a_record_zoho_never_took_is_shown_beside_the_last_of_its_kind(client, zoho, drain):
    package = live_package()
    drain()
    failing(1)

    page = client.get(GROUP, {"cause": CAUSE})

    key = ProductIntegration.objects.get(package=package, kind=Kind.BILLING_PLAN).remote_key
    assert page.context["beside"] == f"{key}, the last of its kind that Zoho took"


def post(client, **data):
    return client.post(f"{GROUP}?cause={CAUSE}", data, follow=True)


def test_one_and_a_selection_are_retried(client):
    one, two, three = failing(3)

    post(client, one=one.pk)
    post(client, deed="retry_selection", record=[two.pk])

    assert [state(row) for row in (one, two, three)] == ["pending", "pending", "dead"]
    assert AuditEntry.objects.filter(action="resync").count() == 2


def test_a_group_is_tried_with_one_first_and_the_rest_follow(client):
    first, second, third = failing(3)

    post(client, deed="retry_group")

    assert [state(row) for row in (first, second, third)] == ["pending", "dead", "dead"]
    job = Job.objects.get()
    assert (job.total, job.parameters["first"]) == (3, str(first.pk))
    assert advanced() == ("waiting", 0, "the first one is tried")
    assert state(second) == "dead"

    taken(first)
    assert advanced() == ("waiting", 1, "1 went through, 0 failed")
    assert [state(row) for row in (first, second, third)] == ["ok", "pending", "pending"]
    taken(second)
    ProductIntegration.objects.filter(pk=third.pk).update(status=SyncStatus.DEAD, next_retry_at=None)
    assert advanced() == ("done", 3, "2 went through, 1 failed")
    assert Job.objects.get().result == "2 went through, 1 failed"
    begun, ended = AuditEntry.objects.filter(target_type="job").order_by("at")
    assert (begun.actor_name, begun.action) == ("Lerato Mokoena", "requested")
    assert (ended.actor_name, ended.action, ended.detail) == (
        "Lerato Mokoena",
        "retry group result",
        "2 went through, 1 failed",
    )


def advanced():
    """What is known of the one job after its next step."""
    Job.objects.update(due_at=Now())
    assert jobs.run(Job.objects.get().pk)
    job = Job.objects.get()
    return (job.state, job.done, job.progress)


def taken(row):
    row.refresh_from_db()
    ProductIntegration.objects.filter(pk=row.pk).update(
        status=SyncStatus.OK, remote_id="1", synced_hash=row.desired_hash, next_retry_at=None
    )


def test_when_the_first_fails_again_the_rest_is_left_alone(client):
    first, second = failing(2)
    post(client, deed="retry_group")
    [held] = [one for one in claims.claim([Kind.BILLING_PLAN], 5) if one.row.pk == first.pk] or [None]
    assert held is None  # its product is not there yet: nothing may go, so nothing is decided
    ProductIntegration.objects.filter(pk=first.pk).update(
        status=SyncStatus.DEAD, next_retry_at=None, last_sync_error="Still invalid"
    )

    assert advanced()[0] == "failed"

    assert state(second) == "dead"
    why = "The first one failed again, so the rest is left alone. Still invalid"
    assert Job.objects.get().error == why
    assert why in client.get(GROUP, {"cause": CAUSE}).content.decode()


def test_a_second_click_is_answered_with_the_first(client):
    failing(2)

    post(client, deed="retry_group")
    post(client, deed="retry_group")

    assert Job.objects.count() == 1
    assert AuditEntry.objects.filter(action="requested").count() == 1


def test_giving_up_takes_a_reason_and_takes_it_out_of_the_queue(client):
    one, two = failing(2)

    with pytest.raises(NotReady):
        queue.give_up(queue.in_trouble(cause=CAUSE), actor=operator(), reason=" ")
    post(client, deed="give_up_selection", record=[one.pk], reason="Not sold any more")

    assert [state(one), state(two)] == ["given_up", "dead"]
    [entry] = AuditEntry.objects.filter(action__startswith="give up")
    assert entry.changes == {"status": ["dead", "given_up"], "reason": ["", "Not sold any more"]}
    assert [group.count for group in queue.groups(queue.in_trouble())] == [1]


def test_a_publish_brings_what_was_given_up_back(redis_flushed):
    [row] = failing(1)
    queue.give_up(queue.in_trouble(), actor=operator(), reason="Later")

    services.owe(row.package)

    assert state(row) == "pending"


def test_others_look_and_change_nothing(redis_flushed):
    [row] = failing(1)
    client = Client()
    client.force_login(ms_naidoo())

    page = client.get(GROUP, {"cause": CAUSE})
    for deed in ("retry_group", "retry_selection", "give_up_group"):
        post(client, deed=deed, record=[row.pk], reason="Because")

    assert "Retry the group" not in page.content.decode()
    assert state(row) == "dead"
    with pytest.raises(NotAllowed):
        queue.retry_group(CAUSE, actor=ms_naidoo())
    nobody = Client()
    nobody.force_login(person("no.body"))
    assert nobody.get(QUEUE).status_code == 403


def test_two_thousand_dead_records_take_few_queries(client, django_assert_max_num_queries):
    [row] = failing(1)
    crowd(row, 2_000)

    with django_assert_max_num_queries(8):
        page = client.get(QUEUE)
    with django_assert_max_num_queries(12):
        client.get(GROUP, {"cause": CAUSE})
    with django_assert_max_num_queries(25):
        client.post(f"{GROUP}?cause={CAUSE}", {"deed": "retry_group"})

    assert page.context["groups"][0].count == 2_001
    assert ProductIntegration.objects.filter(status=SyncStatus.PENDING, kind=Kind.BILLING_PLAN).count() == 1
