import json as json_format
import sys
from argparse import ArgumentParser
from contextlib import closing
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from zoho_sync import field_security
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.models import FieldSecurityCheck, System

FAILED, HOLES = 1, 3
CODES = {
    FieldSecurityCheck.Result.LOCKED: 0,
    FieldSecurityCheck.Result.HOLES: HOLES,
    FieldSecurityCheck.Result.UNKNOWN: 4,
}


class Command(BaseCommand):
    """Who may edit our fields in Zoho CRM by hand (docs/zoho-crm-field-security.md).

    Exit code 0 when all is locked, 3 when somebody may edit something, 4 when it cannot be verified, 1 when
    CRM could not be asked or not everything could be locked.
    """

    help = "Check that nobody but the integration may edit our fields in Zoho CRM. Exits 0 locked, 3 open, 4 unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fix", action="store_true", help="show what would be locked; with --yes, lock it"
        )
        parser.add_argument("--yes", action="store_true", help="with --fix: do it")
        parser.add_argument("--probe", action="store_true", help="try a real edit as an ordinary user")
        parser.add_argument("--json", action="store_true", help="print a report for scripts")

    def handle(self, *, fix: bool, yes: bool, probe: bool, json: bool, **_: Any) -> None:
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        refused: list[str] = []
        try:
            planned = _plan() if fix else []
            if fix and yes:
                check, refused = field_security.lock(actor=None)
            else:
                check = field_security.check(actor=None)
            tried = field_security.probe() if probe else None
        except ZohoError as trouble:
            raise CommandError(str(trouble), returncode=FAILED) from None
        code = FAILED if refused else CODES[FieldSecurityCheck.Result(check.result)]
        if tried is not None and tried.taken:
            code = HOLES
        if json:
            report = {
                "result": check.result,
                "findings": check.findings,
                "planned": planned,
                "refused": refused,
                "probe": asdict(tried) if tried else None,
                "exit_code": code,
            }
            self.stdout.write(json_format.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._print_plan(planned, yes)
            self._print_findings(check, refused, tried)
        if code:
            sys.exit(code)

    def _print_plan(self, planned: list[str], yes: bool) -> None:
        for line in planned:
            self.stdout.write(f"  {'lock' if yes else 'would lock'}  {line}")
        if planned and not yes:
            self.stdout.write("Nothing was changed: this was the plan. Run it with --fix --yes to lock them.")

    def _print_findings(
        self, check: FieldSecurityCheck, refused: list[str], tried: field_security.Probe | None
    ) -> None:
        for each in check.findings:
            place = ", ".join(part for part in (each["field"], each["profile"]) if part)
            self.stdout.write(f"  {each['standing']:8}{place or 'every field'}: {each['words']}")
        for complaint in refused:
            self.stderr.write(f"  not locked  {complaint}")
        if tried is not None:
            self.stdout.write(f"  tried   {tried.words}")
        self.stdout.write(
            f"{check.get_result_display()}: {check.holes} open, {check.unknown} cannot be verified."
        )


def _plan() -> list[str]:
    with closing(ZohoHttp(System.CRM)) as http:
        found = field_security.inspect(CrmClient(http))
    return [f"{one.field} for {', '.join(name for _id, name in one.profiles)}" for one in found.changes]
