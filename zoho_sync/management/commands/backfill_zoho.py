import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from json import dumps
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from catalogue.models import ServicePackage
from circletel.core.commands import AsWritten, positive, write_to
from zoho_sync.backfill.report import Ending
from zoho_sync.backfill.run import Order, Voice, run_as_job, stopped_by_signal
from zoho_sync.models import System

BAR = 30
HELP = """Bring every package into Zoho, beginning with what Zoho already holds (docs/backfill.md).

Exit codes:
  0    everything is in step; of --dry-run and --verify: nothing to do
  1    it could not be done: a wrong setting, an unknown SKU, Zoho refused the connection
  2    a mistake in the command line
  3    done, but some records need a person
  4    calls are used up for now or Zoho rests; the rest is owed and goes by itself
  5    --dry-run or --verify found something to do
  130  stopped with Ctrl-C; the rest is owed and goes by itself
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=AsWritten, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", choices=["crm", "billing", "all"])
        parser.add_argument("--dry-run", action="store_true", help="show the plan and write nothing")
        parser.add_argument(
            "--verify",
            action="store_true",
            help="compare what Zoho has acknowledged with what it holds, and write nothing",
        )
        parser.add_argument("--only", nargs="+", metavar="SKU", help="these packages only")
        parser.add_argument(
            "--resume",
            action="store_true",
            help="go on with what an earlier run wrote down, without reading Zoho again",
        )
        parser.add_argument("--max-calls", type=positive, metavar="N", help="at most N calls in this run")
        parser.add_argument("--json", metavar="FILE", help="write a report; - is standard output")

    def handle(self, *, system: str, only: Sequence[str] | None, json: str | None, **options: Any) -> None:
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        if options["resume"] and (options["dry_run"] or options["verify"]):
            raise CommandError("--resume sends; --dry-run and --verify do not: choose one.", returncode=2)
        _ensure_known(only)
        order = Order(
            systems=list(System) if system == "all" else [System(system)],
            skus=only,
            **{name: options[name] for name in ("dry_run", "verify", "resume", "max_calls")},
        )
        # The report alone goes to standard output when it is asked for there.
        out = self.stderr if json == "-" else self.stdout
        with stopped_by_signal() as stop:
            report = run_as_job(order, Voice(lambda line: _say(out, line), _Progress(out)), stop)
        if json:
            write_to(self, json, dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
        if report.ending is not Ending.IN_STEP:
            sys.exit(int(report.ending))


class _Progress:
    """A bar on a terminal; elsewhere a line at the beginning, each ten seconds and at the end."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out, self.last, self.began = out, 0.0, time.monotonic()

    def __call__(self, done: int, total: int, calls: int) -> None:
        if not total:
            return
        words = f"{done} of {total} records, {calls} calls{self._left(done, total)}"
        if self.out.isatty():
            filled = BAR * done // total
            end = "\n" if done == total else ""
            self.out.write(f"\r  [{'#' * filled}{'.' * (BAR - filled)}] {words}   ", ending=end)
            self.out.flush()
        elif done == total or not self.last or time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            _say(self.out, f"  {words}")

    def _left(self, done: int, total: int) -> str:
        if not done or done == total:
            return ""
        seconds = (time.monotonic() - self.began) / done * (total - done)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"


def _say(out: OutputWrapper, line: str) -> None:
    out.write(line)
    out.flush()


def _ensure_known(skus: Sequence[str] | None) -> None:
    known = set(ServicePackage.objects.filter(sku__in=skus or []).values_list("sku", flat=True))
    if unknown := [sku for sku in skus or [] if sku not in known]:
        raise CommandError(f"No package has the SKU {', '.join(unknown)}.")
