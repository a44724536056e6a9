import sys
from argparse import ArgumentParser
from collections.abc import Callable
from json import dumps
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from circletel.core.commands import AsWritten, positive, write_to
from circletel.core.jobs import Cancelled, Failed, RunningJob, kind_of, run_now
from pricing.mirror.pull import Order, pull_in_job, pull_subscriptions
from pricing.mirror.report import PullReport
from zoho_sync.backfill.report import Ending
from zoho_sync.backfill.run import stopped_by_signal

HELP = """Bring the mirror of Zoho Billing's subscriptions up to date (docs/subscriptions.md).

Exit codes:
  0    the mirror says what Zoho says; of --dry-run: nothing to do
  1    it could not be done: a wrong setting, Zoho refused the connection, another pull is at work
  2    a mistake in the command line
  3    done, but some things need a person: they are named
  4    calls are used up for now or Zoho rests; --resume and the nightly pull go on
  5    --dry-run found something to do
  130  stopped with Ctrl-C; --resume goes on
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs["formatter_class"] = AsWritten
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="show the plan and write nothing")
        parser.add_argument(
            "--full", action="store_true", help="read every standing subscription, changed or not"
        )
        parser.add_argument("--resume", action="store_true", help="go on with a pull that was stopped")
        parser.add_argument("--max-calls", type=positive, metavar="N", help="at most N calls in this run")
        parser.add_argument(
            "--accept-vanished",
            action="store_true",
            help="believe a list that lacks more subscriptions than is credible",
        )
        parser.add_argument("--json", metavar="FILE", help="write a report; - is standard output")

    def handle(self, *, json: str | None, **options: Any) -> None:
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        if options["resume"] and (options["dry_run"] or options["full"]):
            raise CommandError(
                "--resume goes on with what was begun; --dry-run and --full begin anew.", returncode=2
            )
        names = ("dry_run", "full", "resume", "max_calls", "accept_vanished")
        order = Order(**{name: options[name] for name in names})
        # The report alone goes to standard output when it is asked for there.
        out = self.stderr if json == "-" else self.stdout

        def progress(done: int, total: int, calls: int) -> None:
            if total:
                out.write(f"  {done} of {total} read, {calls} calls")

        with stopped_by_signal() as stop:
            if order.dry_run:
                report = pull_subscriptions(order, say=out.write, progress=progress, stop=stop)
            else:
                report = self._as_job(
                    lambda job: pull_in_job(job, order, say=out.write, progress=progress, stop=stop)
                )
        if json:
            write_to(self, json, dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
        if report.ending is not Ending.IN_STEP:
            sys.exit(int(report.ending))

    def _as_job(self, pull: Callable[[RunningJob], PullReport]) -> PullReport:
        """The nightly job, done here and now: one pull at a time."""
        reports = list[PullReport]()

        def runner(job: RunningJob) -> str:
            report = pull(job)
            reports.append(report)
            text = f"{report.read} read, {report.gone} gone, {report.owed} to be read. {report.words}".strip()
            match report.ending:
                case Ending.INTERRUPTED:
                    raise Cancelled(text)
                case Ending.NEEDS_PERSON | Ending.NOT_POSSIBLE:
                    raise Failed(report.words)
            return text

        kind = kind_of("pricing.tasks.pull_subscriptions")
        if kind is None or not run_now(kind, runner=runner):
            raise CommandError("Subscriptions are being pulled already: wait until that has ended.")
        return reports[0]
