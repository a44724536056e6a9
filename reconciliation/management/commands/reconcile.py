import json
import sys
from argparse import ArgumentParser
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from circletel.core.amounts import rand
from circletel.core.commands import write_to
from circletel.core.errors import Refused
from reconciliation import services
from reconciliation.findings import said
from reconciliation.models import ReconciliationReport, Scope
from reconciliation.reporting import as_csv, as_document

SHOWN = 50


class Command(BaseCommand):
    """Exit code 0 when Zoho agrees with the catalogue, 1 when something differs, 2 when not everything could be read."""

    help = (
        "Compare the catalogue with Zoho. Exits 0 when they agree, 1 with findings, 2 when it is incomplete."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scope", choices=Scope.values, help="which Zoho to read")
        parser.add_argument(
            "--only", nargs="+", metavar="SKU", default=[], help="these packages and no others"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what differs and store nothing")
        parser.add_argument("--json", metavar="FILE", help="write the findings as JSON; - is the screen")
        parser.add_argument("--csv", metavar="FILE", help="write the findings as CSV; - is the screen")

    def handle(self, *, scope: str, only: list[str], dry_run: bool, **options: Any) -> None:
        try:
            report = (
                services.run(Scope(scope), actor=None, only=only, dry_run=True)
                if dry_run
                else services.run_here(Scope(scope), only=only)
            )
        except Refused as refusal:
            raise CommandError(f"{refusal}.", returncode=2) from None
        if options["json"]:
            text = json.dumps(as_document(report), indent=2, ensure_ascii=False, default=str)
            write_to(self, options["json"], text + "\n", returncode=2)
        if options["csv"]:
            text = "".join(as_csv(report.findings)).removeprefix("\ufeff")
            write_to(self, options["csv"], text, returncode=2)
        if "-" not in (options["json"], options["csv"]):
            self._tell(report)
        if code := 2 if not report.is_complete else 1 if report.findings else 0:
            sys.exit(code)

    def _tell(self, report: ReconciliationReport) -> None:
        for each in report.coverage:
            line = f"  {each['list']:20}{each['ours']:>8} ours{each['theirs']:>8} in Zoho"
            self.stdout.write(line + (f", {_standing(each['as_of'])}" if "as_of" in each else ""))
        for each in report.findings[:SHOWN]:
            self.stdout.write(f"  {_sentence(each)}")
        if len(report.findings) > SHOWN:
            self.stdout.write(f"  … and {len(report.findings) - SHOWN} more: --json or --csv writes all")
        number = len(report.findings)
        verdict = (
            f"{number} finding{'s' if number != 1 else ''}" if number else "Zoho agrees with the catalogue"
        )
        at_stake = f"; {rand(Decimal(str(report.counts['at_stake'])))} a month at stake" if number else ""
        self.stdout.write(f"{verdict}{at_stake}; {report.calls} API calls.")
        if not report.is_complete:
            closed = "no finding about subscriptions" if report.lists_are_complete else "nothing"
            self.stderr.write(f"Incomplete, so {closed} was closed: {report.trouble}")


def _standing(as_of: str | None) -> str:
    return (
        f"as of {timezone.localtime(datetime.fromisoformat(as_of)):%-d %b %Y, %H:%M}"
        if as_of
        else "never pulled"
    )


def _sentence(finding: dict[str, Any]) -> str:
    who = f", changed by {finding['changed_by']}" if finding["changed_by"] else ""
    what = f"{finding['kind']} {finding['key']}"
    if finding["field"]:
        return f"{what}: {finding['field']} is {said(finding['theirs'])}, ours {said(finding['ours'])}{who}"
    return f"{what}: {finding['type'].replace('_', ' ')}{who}"
