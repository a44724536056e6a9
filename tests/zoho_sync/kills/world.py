"""Five hundred owed records, and the books that are audited when all is over."""

from collections import Counter
from copy import copy
from decimal import Decimal
from uuid import uuid4

from django.db import transaction

from catalogue.models import ServicePackage
from circletel.core.models import Job
from tests.factories import live_package
from zoho_sync import services
from zoho_sync.desired import current_terms
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, ZohoSyncLog

# Short, so that nobody waits for a lost worker's records for a minute and a half.
QUICK = {"TEST_LEASE_SECONDS": 4}
KINDS = len(Kind)
RECORDS = 500
WITH_EVERYTHING = {
    "installation_fee": Decimal("450.00"),
    "hardware": {"model": "Router", "included": True},
}


def owe_packages(number: int, first: int = 0) -> None:
    """`number` packages like one that was published, each of which wants all five kinds of Zoho record."""
    template = live_package(sku=f"P-{first}", **WITH_EVERYTHING)
    packages = []
    for index in range(first + 1, first + number):
        one = copy(template)
        one.pk, one._state = uuid4(), copy(template._state)
        one._state.adding = True
        one.sku, one.slug, one.logical_key, one.name = (
            f"P-{index}",
            f"p-{index}",
            f"p-{index}",
            f"Home {index}",
        )
        packages.append(one)
    ServicePackage.objects.bulk_create(packages)
    terms = current_terms()
    with transaction.atomic():
        for one in packages:
            services.owe(one, terms)


def in_step() -> int:
    return ProductIntegration.objects.filter(status=SyncStatus.OK).count()


def held() -> int:
    return ProductIntegration.objects.exclude(lease_token=None).count()


def is_the_middle() -> bool:
    """Some Billing records went through one by one, and one at least is in somebody's hands."""
    # Two hundred come in two strokes: the upsert to CRM, and the product line that all share.
    return 230 <= in_step() <= 450 and held() > 0


class Books:
    """What Zoho was asked from now on, beside what we wrote down of it."""

    def __init__(self, zoho):
        self.zoho = zoho
        self.number = max((one["number"] for one in zoho.requests()), default=0)
        self.known = set(ZohoSyncLog.objects.values_list("pk", flat=True))

    def audit(self, *, unanswered: int) -> None:
        """Each record once; each call that arrived has its row; at most `unanswered` rows lack their end."""
        self._each_record_is_there_once()
        self._no_record_was_charged_with_the_outage()
        self._what_arrived_is_written_down(unanswered)

    def _each_record_is_there_once(self):
        rows = list(ProductIntegration.objects.all())
        assert len(rows) == RECORDS
        assert {row.status for row in rows} == {SyncStatus.OK}
        stored = {
            Kind.CRM_PRODUCT: ("crm_products", "ct_Package_Key", "id"),
            Kind.BILLING_PRODUCT: ("billing_products", "name", "product_id"),
            Kind.BILLING_PLAN: ("billing_plans", "plan_code", "plan_id"),
        }
        for kind, (name, key, id) in stored.items():
            ours = {row.remote_key: row.remote_id for row in rows if row.kind == kind}
            theirs = self.zoho.records(name)
            assert len(theirs) == len(ours), f"{name}: something is doubled or lost"
            assert {one[key]: one[id] for one in theirs} == ours
        ours = {
            row.remote_key for row in rows if row.kind in (Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE)
        }
        assert Counter(one["addon_code"] for one in self.zoho.records("billing_addons")) == Counter(ours)

    def _no_record_was_charged_with_the_outage(self):
        # `last_retry_at` is written with every failure and never taken back.
        charged = ProductIntegration.objects.exclude(retry_count=0, last_retry_at=None, last_sync_error="")
        assert [(str(row), row.last_sync_error) for row in charged] == []
        assert held() == 0

    def _what_arrived_is_written_down(self, unanswered):
        asked = [one for one in self.zoho.requests(since=self.number) if one["system"] in ("crm", "billing")]
        # What was in hand is looked for before it is made, and is not always there.
        refused = [
            (one["method"], one["path"], one["status"])
            for one in asked
            if one["status"] and one["status"] >= 300 and one["method"] != "GET"
        ]
        # A create that the dead one had sent may arrive while its successor makes the same: that is refused and adopted.
        assert [one for one in refused if (one[0], one[2]) != ("POST", 400)] == []
        assert len(refused) <= unanswered
        logs = ZohoSyncLog.objects.exclude(pk__in=self.known).exclude(system="accounts")
        arrived = Counter((one["method"], one["path"]) for one in asked)
        answered = Counter(logs.exclude(duration_ms=None).values_list("method", "path"))
        open_ended = Counter(logs.filter(duration_ms=None).values_list("method", "path"))
        assert answered - arrived == Counter(), "written down as answered, but it never arrived"
        assert arrived - answered - open_ended == Counter(), "it arrived, and nobody wrote it down"
        assert open_ended.total() <= unanswered


def jobs_that_ended_badly() -> list[str]:
    return [f"{job.kind}: {job.error}" for job in Job.objects.filter(state="failed")]
