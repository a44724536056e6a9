import json as json_format
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from zoho_sync import field_probe, field_security
from zoho_sync.connection.errors import ZohoError
from zoho_sync.connection.http import ZohoHttp
from zoho_sync.crm.client import CrmClient
from zoho_sync.documentation import security_page
from zoho_sync.field_security import Inspection
from zoho_sync.models import FieldSecurityCheck, System

LOCKED, FAILED, HOLES, UNKNOWN = 0, 1, 3, 4
CODES = {
    FieldSecurityCheck.Result.LOCKED: LOCKED,
    FieldSecurityCheck.Result.HOLES: HOLES,
    FieldSecurityCheck.Result.UNKNOWN: UNKNOWN,
}


class Command(BaseCommand):
    """Who may edit our fields in Zoho CRM by hand (docs/zoho-crm-field-security.md).

    Exit code 0 when all is locked, 3 when somebody may edit something, 4 when it cannot be verified, 1 when
    CRM could not be asked or not everything could be locked.
    """

    help = "Check that nobody but the integration may edit our fields in Zoho CRM. Exits 0 locked, 3 open, 4 unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("deed", choices=["check", "document"])
        parser.add_argument(
            "--fix", action="store_true", help="show what would be locked; with --yes, lock it"
        )
        parser.add_argument("--yes", action="store_true", help="with --fix: do it")
        parser.add_argument("--probe", action="store_true", help="try a real edit as an ordinary user")
        parser.add_argument("--json", action="store_true", help="print a report for scripts")

    def handle(self, *, deed: str, fix: bool, yes: bool, probe: bool, json: bool, **_: Any) -> None:
        if deed == "document":
            page = settings.BASE_DIR / "docs" / "zoho-crm-field-security.md"
            page.write_text(security_page(), encoding="utf-8")
            self.stdout.write(f"Wrote {page.relative_to(settings.BASE_DIR)}.")
            return
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        try:
            code = self._check(fix=fix, yes=yes, probe=probe, json=json)
        except ZohoError as trouble:
            raise CommandError(str(trouble), returncode=FAILED) from None
        if code:
            sys.exit(code)

    def _check(self, *, fix: bool, yes: bool, probe: bool, json: bool) -> int:
        complaints: list[str] = []
        planned: list[str] = []
        if fix:
            planned = self._plan()
            if yes:
                check, complaints = field_security.lock(actor=None)
            else:
                check = field_security.check(actor=None)
        else:
            check = field_security.check(actor=None)
        tried = field_probe.probe() if probe else None
        code = FAILED if complaints else CODES[FieldSecurityCheck.Result(check.result)]
        if tried is not None and tried.taken:
            code = HOLES
        if json:
            report = {
                "result": check.result,
                "findings": check.findings,
                "planned": planned,
                "refused": complaints,
                "probe": {"taken": tried.taken, "words": tried.words} if tried else None,
                "exit_code": code,
            }
            self.stdout.write(json_format.dumps(report, indent=2, ensure_ascii=False))
            return code
        for line in planned:
            self.stdout.write(f"  {'lock' if yes else 'would lock'}  {line}")
        if planned and not yes:
            self.stdout.write("Nothing was changed: this was the plan. Run it with --fix --yes to lock them.")
        for each in check.findings:
            place = ", ".join(part for part in (each["field"], each["profile"]) if part)
            self.stdout.write(f"  {each['standing']:8}{place or 'every field'}: {each['words']}")
        for complaint in complaints:
            self.stderr.write(f"  not locked  {complaint}")
        if tried is not None:
            self.stdout.write(f"  tried   {tried.words}")
        self.stdout.write(
            f"{check.get_result_display()}: {check.holes} open, {check.unknown} cannot be verified."
        )
        return code

    def _plan(self) -> list[str]:
        http = ZohoHttp(System.CRM)
        try:
            found: Inspection = field_security.inspect(CrmClient(http))
        finally:
            http.close()
        return [
            f"{change.field} for {', '.join(name for _id, name in change.profiles)}"
            for change in found.changes
        ]
