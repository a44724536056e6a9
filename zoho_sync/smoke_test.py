"""The smoke test as people ask for it: on which package, by whom, and what came of it.

It makes and removes records of its own in Zoho Billing and touches nothing else. In an organisation that is not
a test organisation it refuses, unless told so twice.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from circletel.core import audit
from circletel.core.enqueue import send_now
from circletel.core.errors import NotReady, Refused
from circletel.core.rights import ensure_may
from zoho_sync.billing import organisation
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind, ProductIntegration, SmokeTest, SyncStatus, System
from zoho_sync.smoke_checks import Expectation, expected_lines
from zoho_sync.smoke_run import Run, Step, perform

PERMISSION = "zoho_sync.run_smoke_test"
# How often the one who asks has to say yes before a production organisation is touched.
CONFIRMATIONS = 2
LONGEST_WAIT = timedelta(minutes=10)
Tell = Callable[[Step], None]


def request(package: ServicePackage | None, *, actor: User) -> SmokeTest:
    """Ask a worker for a run with `package`, or with any that is in step. Raises NotAllowed, NotReady."""
    ensure_may(actor, PERMISSION, "run the smoke test")
    # A message can get lost; one that waited longer will not be taken up any more.
    recent = timezone.now() - LONGEST_WAIT
    if SmokeTest.objects.filter(status=SmokeTest.Status.WAITING, created_at__gte=recent).exists():
        raise NotReady("A smoke test is waiting already; look at its result first")
    return start(package, actor=actor, queued=True)


def start(
    package: ServicePackage | None, *, actor: User | None, keep: bool = False, queued: bool
) -> SmokeTest:
    """A test that is written down and not run yet; `actor` None is whoever has a shell here. Raises NotReady."""
    if not settings.ZOHO_API_URL:
        raise NotReady("No Zoho is configured (docs/configuration.md)")
    chosen = package or any_in_step()
    complain_unless_in_step(chosen)
    with transaction.atomic():
        test = SmokeTest.objects.create(package=chosen, requested_by=actor, keep=keep)
        audit.record("smoke test", chosen, actor=actor, detail=f"Billing, keep={keep}")
        if queued:
            transaction.on_commit(lambda: _enqueue(test.pk))
    return test


def _enqueue(pk: UUID) -> None:
    if not send_now("zoho_sync.tasks.run_smoke_test", str(pk)):
        test = SmokeTest.objects.get(pk=pk)
        _fail(test, "No worker could be told: the broker does not answer. Try again.", lambda _step: None)


def package_of_sku(sku: str) -> ServicePackage:
    """The one active package of this SKU. Raises NotReady when there is none or more than one."""
    if not sku.strip():
        raise NotReady("The SKU is blank")
    found = list(ServicePackage.objects.filter(sku__iexact=sku.strip(), status=PackageStatus.ACTIVE)[:2])
    if len(found) == 1:
        return found[0]
    raise NotReady(
        f"No package with the SKU {sku} is on sale"
        if not found
        else f"Several packages have the SKU {sku}: choose one in the admin"
    )


def any_in_step() -> ServicePackage:
    """An active package whose Billing records are all in step, with an installation or a device where there is one."""
    waiting = ProductIntegration.objects.of_system(System.BILLING).exclude(status=SyncStatus.OK)
    synced = (
        ServicePackage.objects.filter(status=PackageStatus.ACTIVE, integrations__kind=Kind.BILLING_PLAN)
        .exclude(pk__in=waiting.values("package_id"))
        .distinct()
    )
    once = synced.filter(integrations__kind__in=(Kind.BILLING_INSTALLATION, Kind.BILLING_HARDWARE))
    if found := once.order_by("pk").first() or synced.order_by("pk").first():
        return found
    raise NotReady("No active package is in step with Zoho Billing yet: publish one and let the sync finish")


def complain_unless_in_step(package: ServicePackage) -> None:
    order = list(Kind)
    rows = sorted(package.integrations.of_system(System.BILLING), key=lambda row: order.index(row.kind_))
    if not rows:
        raise NotReady(f"{package} was never sent to Zoho Billing: publish it first")
    if late := [
        f"{row} is {row.get_status_display().lower()}" for row in rows if row.status != SyncStatus.OK
    ]:
        raise NotReady(f"{package} is not in step with Zoho Billing: {'; '.join(late)}")
    if package.status != PackageStatus.ACTIVE:
        raise NotReady(f"{package} is not on sale, so nobody can subscribe to it")


def carry_out(pk: UUID | str, *, confirmations: int = 0, tell: Tell = lambda _step: None) -> SmokeTest:
    """Run the test now, once: a second call returns what there is. Never raises for what Zoho does."""
    taken = SmokeTest.objects.filter(pk=pk, status=SmokeTest.Status.WAITING).update(
        status=SmokeTest.Status.RUNNING, started_at=timezone.now()
    )
    test = SmokeTest.objects.select_related("package").get(pk=pk)
    if not taken:
        return test
    http = ZohoHttp(System.BILLING)
    try:
        _carry_out(test, BillingClient(http), confirmations, tell)
    except (ZohoError, Refused) as trouble:
        _fail(test, str(trouble), tell)
    except Exception as mistake:
        _fail(test, f"{type(mistake).__name__}: {mistake}", tell)
        raise
    finally:
        http.close()
    return test


def _carry_out(test: SmokeTest, client: BillingClient, confirmations: int, tell: Tell) -> None:
    found = client.get_organisation()
    refuse_production(found, confirmations)
    terms = current_terms()
    standing = organisation.checked(
        client, vat_rate=terms.vat_rate, prices_include_vat=terms.prices_include_vat
    )
    how = "include" if terms.prices_include_vat else "exclude"
    first = Step("Organisation", True, f"{found.name} ({found.mode or 'mode unknown'}), prices {how} VAT")
    expected = Expectation(
        expected_lines(desired_records(test.package, terms)),
        terms.vat_rate,
        standing.vat_id,
        terms.prices_include_vat,
    )

    def told(run: Run) -> None:
        _keep(test, [first, *run.steps], run.made)
        tell(run.steps[-1])

    tell(first)
    run = Run(f"smoke-{uuid4().hex[:10]}", expected, client, tell=told)
    perform(run, today=timezone.localdate(), keep=test.keep)
    _finish(test, passed=run.passed)


def refuse_production(found: organisation.Organisation, confirmations: int) -> None:
    """Raises NotReady for an organisation that does not say it is for testing, unless that was confirmed twice."""
    if found.is_for_testing or confirmations >= CONFIRMATIONS:
        return
    raise NotReady(
        f"{found.name or found.organization_id} is no test organisation: the smoke test would make, pay and remove an "
        "invoice in real books. To do so all the same, say it twice: "
        "manage.py billing_smoke_test --yes-production --yes-production"
    )


def _keep(test: SmokeTest, steps: list[Step], made: dict[str, str]) -> None:
    # Saved step by step: after a power cut the ids tell what to look for in Zoho.
    test.steps, test.made = [asdict(step) for step in steps], dict(made)
    test.save(update_fields=["steps", "made"])


def _finish(test: SmokeTest, *, passed: bool) -> None:
    test.status = SmokeTest.Status.PASSED if passed else SmokeTest.Status.FAILED
    test.finished_at = timezone.now()
    test.save(update_fields=["status", "finished_at"])


def _fail(test: SmokeTest, words: str, tell: Tell) -> None:
    step = Step("Could not be run" if not test.steps else "Broken off", False, words)
    test.steps = [*test.steps, asdict(step)]
    test.save(update_fields=["steps"])
    tell(step)
    _finish(test, passed=False)


def as_json(test: SmokeTest) -> dict[str, Any]:
    """The result for programs."""
    return {
        "passed": test.status == SmokeTest.Status.PASSED,
        "package": {"id": str(test.package_id), "sku": test.package.sku, "name": test.package.name},
        "made": test.made,
        "steps": test.steps,
    }
