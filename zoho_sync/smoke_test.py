"""The smoke test as people ask for it: on which package, by whom, and what came of it.

It makes and removes records of its own in Zoho Billing and touches nothing else. In an organisation that is not
a test organisation it refuses, unless told so twice.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from circletel.core import jobs
from circletel.core.errors import NotReady, Refused
from circletel.core.models import Job
from circletel.core.rights import ensure_may
from zoho_sync.billing import organisation
from zoho_sync.billing.client import BillingClient
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.desired import current_terms, desired_records
from zoho_sync.models import Kind, ProductIntegration, SyncStatus, System
from zoho_sync.smoke_checks import Expectation, expected_lines
from zoho_sync.smoke_run import Run, Step, perform

PERMISSION = "zoho_sync.run_smoke_test"
# How often the one who asks has to say yes before a production organisation is touched.
CONFIRMATIONS = 2
Tell = Callable[[Step], None]


def request(package: ServicePackage | None, *, actor: User) -> Job:
    """Ask a worker for a run with `package`, or with any that is in step. Raises NotAllowed, NotReady, AlreadyOpen."""
    ensure_may(actor, PERMISSION, "run the smoke test")
    return jobs.request(SMOKE_TEST, actor=actor, key=SMOKE_TEST.name, **_about(package, keep=False))


def run_here(
    package: ServicePackage | None, *, keep: bool, confirmations: int, tell: Tell = lambda _step: None
) -> Job:
    """Run it in this process, for whoever has a shell here. Raises NotReady, AlreadyOpen; nothing that Zoho does."""
    return jobs.run_here(
        SMOKE_TEST,
        key=SMOKE_TEST.name,
        runner=partial(_carry_out, confirmations=confirmations, tell=tell),
        **_about(package, keep=keep),
    )


def _about(package: ServicePackage | None, *, keep: bool) -> dict[str, Any]:
    if not settings.ZOHO_API_URL:
        raise NotReady("No Zoho is configured (docs/configuration.md)")
    chosen = package or any_in_step()
    complain_unless_in_step(chosen)
    return {"package": str(chosen.pk), "sku": chosen.sku, "name": chosen.name, "keep": keep}


def package_of_sku(sku: str) -> ServicePackage:
    """The one active package of this SKU. Raises NotReady when there is none or more than one."""
    if not sku.strip():
        raise NotReady("The SKU is blank")
    try:
        return ServicePackage.objects.get(sku__iexact=sku.strip(), status=PackageStatus.ACTIVE)
    except ServicePackage.DoesNotExist:
        raise NotReady(f"No package with the SKU {sku} is on sale") from None
    except ServicePackage.MultipleObjectsReturned:
        raise NotReady(f"Several packages have the SKU {sku}: choose one in the admin") from None


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
    rows = sorted(
        package.integrations.of_system(System.BILLING), key=lambda row: list(Kind).index(Kind(row.kind))
    )
    if not rows:
        raise NotReady(f"{package} was never sent to Zoho Billing: publish it first")
    late = [row for row in rows if row.status != SyncStatus.OK]
    if words := "; ".join(f"{row} is {row.get_status_display().lower()}" for row in late):
        raise NotReady(f"{package} is not in step with Zoho Billing: {words}")
    if package.status != PackageStatus.ACTIVE:
        raise NotReady(f"{package} is not on sale, so nobody can subscribe to it")


def _carry_out(
    job: jobs.RunningJob, *, confirmations: int = 0, tell: Tell = lambda _step: None
) -> dict[str, Any]:
    """Every step is written down as it is done: after a power cut the ids tell what to look for in Zoho."""
    steps = list[Step]()

    def told(step: Step, made: dict[str, str]) -> None:
        steps.append(step)
        # Whoever took the job over, what this run made in Zoho is removed by this run.
        with suppress(jobs.LeaseLost):
            if made:
                job.remember(made=made)
            job.log(f"{'✓' if step.passed else '✗'} {step.name}: {step.figures}")
        tell(step)

    try:
        with closing(ZohoHttp(System.BILLING)) as http:
            _perform(job.parameters, BillingClient(http), confirmations, told)
    except (ZohoError, Refused) as error:
        told(Step("Broken off" if steps else "Could not be run", False, str(error)), {})
    if wrong := [f"{step.name}: {step.figures}" for step in steps if not step.passed]:
        raise jobs.Failed("; ".join(wrong))
    return {"passed": True, "steps": len(steps)}


def _perform(
    parameters: dict[str, Any],
    client: BillingClient,
    confirmations: int,
    told: Callable[[Step, dict[str, str]], None],
) -> None:
    package = ServicePackage.objects.get(pk=parameters["package"])
    found = client.get_organisation()
    refuse_production(found, confirmations)
    terms = current_terms()
    vat_id = organisation.checked(
        client, vat_rate=terms.vat_rate, prices_include_vat=terms.prices_include_vat
    ).vat_id
    how = "include" if terms.prices_include_vat else "exclude"
    figures = f"{found.name} ({found.mode or 'mode unknown'}), prices {how} VAT"
    told(Step("Organisation", True, figures), {})
    records = desired_records(package, terms)
    expected = Expectation(expected_lines(records), terms.vat_rate, vat_id, terms.prices_include_vat)
    run = Run(f"smoke-{uuid4().hex[:10]}", expected, client, told)
    perform(run, today=timezone.localdate(), keep=parameters["keep"])


def refuse_production(found: organisation.Organisation, confirmations: int) -> None:
    """Raises NotReady for an organisation that does not say it is for testing, unless that was confirmed twice."""
    if found.is_for_testing or confirmations >= CONFIRMATIONS:
        return
    raise NotReady(
        f"{found.name or found.organization_id} is no test organisation: the smoke test would make, pay and remove an "
        "invoice in real books. To do so all the same, say it twice: "
        "manage.py billing_smoke_test --yes-production --yes-production"
    )


SMOKE_TEST = jobs.JobKind(
    "zoho_sync.smoke_test",
    "Billing smoke test",
    _carry_out,
    permission=PERMISSION,
    is_cancellable=False,
    is_resumable=False,
)
