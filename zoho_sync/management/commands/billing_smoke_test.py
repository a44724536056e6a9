from argparse import ArgumentParser
from dataclasses import asdict
from json import dumps
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from circletel.core.errors import Refused
from circletel.core.models import Job, JobState
from zoho_sync import smoke_test
from zoho_sync.smoke_run import Step


class Command(BaseCommand):
    """Prove in Zoho Billing that a synced package is billed as quoted: customer, subscription, invoice, payment.

    Exit code 1 when a step fails or the test cannot be run. What it makes in Zoho it removes, `--keep` excepted.
    """

    help = "Subscribe a test customer in Zoho Billing, check and pay the invoice, clean up. Exits 1 when anything is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--package", metavar="SKU", help="the package; any that is in step when left out")
        parser.add_argument(
            "--keep", action="store_true", help="leave customer, subscription and invoice in Zoho"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the steps")
        parser.add_argument(
            "--yes-production",
            action="count",
            default=0,
            help="given twice: run even in an organisation that is not a test organisation",
        )

    def handle(self, *, package: str | None, keep: bool, json: bool, yes_production: int, **_: Any) -> None:
        steps = list[Step]()

        def tell(step: Step) -> None:
            steps.append(step)
            if not json:
                self._print(step)

        try:
            chosen = smoke_test.package_of_sku(package) if package is not None else smoke_test.any_in_step()
            if not json:
                self.stdout.write(f"Smoke test of Zoho Billing with {chosen}")
            job = smoke_test.run_here(chosen, keep=keep, confirmations=yes_production, tell=tell)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        if json:
            self.stdout.write(_report(job, steps))
        if job.state != JobState.DONE:
            raise CommandError("The smoke test failed: see the steps marked with a cross.")
        if not json:
            self.stdout.write("Passed.")

    def _print(self, step: Step) -> None:
        self.stdout.write(f"  {'✓' if step.passed else '✗'}  {step.name:28} {step.figures}")
        self.stdout.flush()


def _report(job: Job, steps: list[Step]) -> str:
    about = job.parameters
    result = {
        "passed": job.state == JobState.DONE,
        "package": {"id": about["package"], "sku": about["sku"], "name": about["name"]},
        "made": about.get("made", {}),
        "steps": [asdict(step) for step in steps],
    }
    return dumps(result, indent=2, ensure_ascii=False)
