import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from circletel.preflight import look


class Command(BaseCommand):
    """Exit code 0 when everything is ready, 1 when something is not or cannot be told."""

    help = "Say whether this installation is ready for production: each check, why, and what mends it."
    # The database or the settings may be what is wrong; that is for the checks to say.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print {ready, checks} for scripts")

    def handle(self, **options: Any) -> None:
        readiness = look()
        if options["json"]:
            self.stdout.write(json.dumps(readiness.as_json(), indent=2, ensure_ascii=False))
        else:
            width = max(len(check.name) for check in readiness.checks)
            for check in readiness.checks:
                self.stdout.write(f"{check.mark} {check.name:{width}}  {check.why}")
                if check.mend:
                    self.stdout.write(f"  {'':{width}}  → {check.mend}")
            self.stdout.write(f"{'Ready' if readiness.ready else 'Not ready'}: {readiness.summary}.")
        if not readiness.ready:
            raise SystemExit(1)
