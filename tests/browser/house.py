"""A house with something in every room: the sample catalogue, and a few of each thing the admin has pages for."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.utils import timezone

from catalogue import batches, demo
from catalogue.actions import PUBLISH
from catalogue.models import HubDelivery, HubEvent, HubListener, Product, ServicePackage
from circletel.core import tokens
from circletel.core.models import Job
from pricing.models import NoticeStage, PriceChange, PriceMove, PriceNotice
from pricing.models.notice import NoticeEvent
from reconciliation.models import Deed, Finding, ReconciliationReport, Repair
from tests.browser.conftest import PASSWORD
from tests.catalogue.pricelists.test_applying import applied, preview
from tests.catalogue.pricelists.workbooks import deal
from tests.factories import draft_product, live_package, ms_naidoo
from tests.pricing.people import drafted, published
from tests.pricing.subscriptions import mirrored
from zoho_sync.models import (
    Alert,
    AlertDelivery,
    AlertRule,
    FieldSecurityCheck,
    MappingCheck,
    ProductIntegration,
    SyncStatus,
    ZohoSyncLog,
)

R1299, R1399 = Decimal("1299.00"), Decimal("1399.00")
LONG_NAME = (
    "A Very Long Name Of A Fibre Package That Somebody At Head Office Thought Of On A Friday Afternoon"
)


def furnish() -> User:
    """Everything, and who may see everything: a superuser whose password is PASSWORD."""
    demo.set_up(lambda _sentence: None)
    admin = User.objects.get(username="admin")
    admin.set_password(PASSWORD)
    admin.save()
    draft_product(name=LONG_NAME, regular_price="1299.00", author=ms_naidoo())
    _zoho(admin)
    _prices()
    _reconciliation(admin)
    _operations(admin)
    _supplier_lists()
    return admin


def _zoho(admin: User) -> None:
    now = timezone.now()
    records = list(ProductIntegration.objects.order_by("package__name", "kind"))
    for number, record in enumerate(records[:60]):
        record.status, record.remote_id = SyncStatus.OK, f"58432100{number:010}"
        record.synced_hash, record.last_synced_at = record.desired_hash, now
        record.acknowledged_payload = {"Product_Name": record.remote_key, "Unit_Price": 1299.0}
    for record in records[60:72]:
        record.status, record.cause = SyncStatus.DEAD, "billing:InvalidField:unit"
        record.failing_since, record.last_sync_error = now, "Invalid value passed for unit"
        record.sync_error_details = {"class": "InvalidField", "code": "15", "field": "unit"}
    ProductIntegration.objects.bulk_update(
        records[:72],
        ["status", "remote_id", "synced_hash", "last_synced_at", "acknowledged_payload", "cause",
         "failing_since", "last_sync_error", "sync_error_details"],
    )  # fmt: skip
    package = records[0].package_id
    for outcome in ("", "InvalidField"):
        ZohoSyncLog.objects.create(
            system="billing",
            method="POST",
            path="/billing/v1/plans",
            packages=[package],
            records=1,
            request={"plan_code": "KAROO-100", "recurring_price": 1299.0, "description": "x" * 300},
            response={"code": 0, "message": "success"},
            http_status=400 if outcome else 201,
            error_class=outcome,
            duration_ms=84,
        )
    MappingCheck.objects.create(mapping_version="1", remote_id="5843210000000000001", lost=[])
    FieldSecurityCheck.objects.create(
        result=FieldSecurityCheck.Result.choices[0][0], holes=0, new_holes=0, unknown=0
    )


def _prices() -> None:
    """Price changes in each state, their subscriptions, moves and notices."""
    first, second, third = (
        live_package(name=name, regular_price="1299.00")
        for name in (LONG_NAME + " 2", "Karoo 50", "Karoo 200")
    )
    today = timezone.localdate()
    change = published(first, at=timezone.now(), new_price=R1399, effective_date=today + timedelta(days=75))
    drafted(second, new_price=R1399, effective_date=today + timedelta(days=90))
    drafted(third, new_price=Decimal("999.00"), effective_date=today + timedelta(days=90))
    PriceChange.objects.filter(status="draft").update(batch="July review")
    states: list[dict[str, Any]] = [
        {"state": "planned"},
        {
            "state": "held",
            "hold": "negotiated",
            "cohort": "negotiated",
            "why": "Pays R 1 199,00 instead of R 1 299,00",
        },
        {"state": "failed", "why": "Zoho did not answer", "attempts": 3},
    ]
    stage = NoticeStage.objects.first()
    for number, values in enumerate(states):
        subscription = mirrored(first, R1299, next_billing_on=today + timedelta(days=10 + number))
        PriceMove.objects.create(
            **{"change": change, "subscription": subscription, "cohort": "standard", "price_then": R1299,
               "expected_price": R1399, "renewal_on": today + timedelta(days=80)} | values
        )  # fmt: skip
        accepted = {"state": "accepted", "accepted_at": timezone.now()} if number else {}
        notice, _made = PriceNotice.objects.update_or_create(
            change=change,
            stage=stage,
            subscription=subscription,
            defaults={"email": subscription.customer_email, "due_on": today, "subject": "Your new price"}
            | accepted,
        )
        if accepted:
            NoticeEvent.objects.create(notice=notice, kind="accepted", at=timezone.now(), round=1)
    mirrored(None, R1299, customer_name="", customer_email="", current_term_ends_on=date(2027, 3, 14))


def _reconciliation(admin: User) -> None:
    now = timezone.now()
    package = ServicePackage.objects.order_by("name").first()
    report = ReconciliationReport.objects.create(
        state="complete", finished_at=now, calls=12, counts={"new": 2},
        coverage=[{"list": "crm_product", "ours": 64, "theirs": 64}],
    )  # fmt: skip
    ReconciliationReport.objects.create(state="alarm", finished_at=now, trouble="40 of 64 plans vanished")
    findings = [
        Finding.objects.create(
            system="crm", kind="crm_product", type=kind, key=f"key-{kind}", field=field, package=package,
            ours=ours, theirs=theirs, first_report=report, last_report=report, remote_id="584321000000000001",
            remote_name=LONG_NAME, since=now, changed_by="Sales Person",
        )
        for kind, field, ours, theirs in (
            ("field_mismatch", "Unit_Price", "1299.00", "1399.00"),
            ("missing_in_zoho", "", None, None),
        )
    ]  # fmt: skip
    repair = Repair.objects.create(
        deed=Deed.PUSH, steps=["Write Unit_Price of key-field_mismatch"], calls=1, requested_by=admin
    )
    repair.findings.set(findings[:1])


def _operations(admin: User) -> None:
    now = timezone.now()
    rule = AlertRule.objects.get(trigger="dead_growing")
    alert = Alert.objects.create(
        rule=rule, cause="billing", title="12 more records need a person", detail="Invalid value passed for unit",
        path="/admin/zoho_sync/productintegration/retry-queue/", opened_at=now, last_seen_at=now,
    )  # fmt: skip
    AlertDelivery.objects.create(
        key="alert-1", alert=alert, channel="email", recipients=["ops@example.com"], subject=alert.title,
        body="12 more records need a person.", next_try_at=now, last_error="The mail server did not answer",
        state="failed", attempts=2,
    )  # fmt: skip
    Job.objects.create(kind="zoho_sync.tasks.sweep", started_at=now, finished_at=now, state="done")
    Job.objects.create(
        kind="pricing.tasks.apply_price_changes",
        started_at=now,
        finished_at=now,
        state="failed",
        error="x" * 200,
    )
    tokens.create(
        name="Price import",
        scopes=["catalogue.view_product"],
        expires_at=now + timedelta(days=30),
        actor=admin,
    )
    listener = HubListener.objects.create(
        version="v4", callback="https://listener.example.com/" + "a" * 80, created_by=admin
    )
    event = HubEvent.objects.create(
        occurred_at=now,
        bodies={"v4": {"eventType": "ProductOfferingCreateEvent", "event": {"productOffering": {"id": "1"}}}},
    )
    HubDelivery.objects.create(
        event=event, listener=listener, due_at=now, state="dead", last_error="HTTP 500"
    )
    AccessAttempt.objects.create(
        username="thandi.naidoo", ip_address="10.0.0.1", failures_since_start=5, path_info="/admin/login/",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
    )  # fmt: skip
    batches.plan(
        PUBLISH.audit_name, Product.objects.order_by("name").values_list("pk", flat=True)[:5], actor=admin
    )


def _supplier_lists() -> None:
    applied(deal())
    preview(deal(), deal(deal_id="202504EBU9999"))
