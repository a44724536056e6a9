from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from circletel.core import jobs
from circletel.core.commands import AsWritten
from circletel.core.errors import Refused
from pricing.subscriptions.export_file import FIELDS, DateOrder, ExportFile, open_export
from pricing.subscriptions.importing import IMPORT, ImportOutcome, import_export

MOST_SHOWN = 20
HELP = """Take an export of Zoho Billing's subscriptions (docs/subscriptions.md).

Zoho's own list is read first where the last one is old: a call for two hundred subscriptions. A file that has fewer
than 95 % of the ids in it is refused. Each row that is not taken is named with its reason.
"""


def column(text: str) -> tuple[str, str]:
    name, _, title = text.partition("=")
    if name not in {each.name for each in FIELDS} or not title:
        raise ArgumentTypeError(f"write FIELD=TITLE, FIELD one of {', '.join(each.name for each in FIELDS)}")
    return name, title


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs["formatter_class"] = AsWritten
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="CSV or XLSX")
        parser.add_argument(
            "--map",
            metavar="FIELD=TITLE",
            type=column,
            action="append",
            default=[],
            help="which column holds a field; as often as needed",
        )
        parser.add_argument(
            "--dates",
            choices=[each.value for each in DateOrder],
            help="how 1/2/2027 is meant, where the file itself does not show it",
        )
        parser.add_argument(
            "--exported-on", metavar="DATE", type=date.fromisoformat, help="when it was exported; today"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="read the file, say what is in it, take nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ZOHO_API_URL:
            raise CommandError(
                "No Zoho is configured: set ZOHO_API_URL and the settings beside it (docs/configuration.md)."
            )
        try:
            file = self._opened(options)
            if options["dry_run"]:
                self._look(file)
                return
            self._tell(self._imported(file, exported_at(options["exported_on"])))
        except Refused as refusal:
            raise CommandError(f"Nothing was taken: {'. '.join(refusal.reasons)}.") from None

    def _opened(self, options: dict[str, Any]) -> ExportFile:
        try:
            content = options["file"].read_bytes()
        except OSError as trouble:
            raise CommandError(f"{options['file']} cannot be read: {trouble.strerror}.") from None
        order = DateOrder(options["dates"]) if options["dates"] else None
        file = open_export(content, mapping=dict(options["map"]), date_order=order)
        if file.missing:
            wanted = "; ".join(f"--map {each.name}=TITLE ({each.label.lower()})" for each in file.missing)
            raise CommandError(
                f"Nothing was taken: the file has no column known for {wanted}. Its other columns are"
                f" {', '.join(file.unused) or 'none'}."
            )
        if file.asks_for_date_order:
            raise CommandError(
                "Nothing was taken: its dates can be read as day/month/year and as month/day/year. Say which with"
                " --dates day_first or --dates month_first."
            )
        return file

    def _look(self, file: ExportFile) -> None:
        number = sum(1 for _ in file.rows())
        self.stdout.write(
            f"{number} subscriptions could be read, {len(file.refused)} rows not. Nothing was taken."
        )
        self._name(list(map(str, file.refused)))

    def _imported(self, file: ExportFile, at: datetime) -> ImportOutcome:
        outcomes = list[ImportOutcome]()

        def runner(job: jobs.RunningJob) -> str:
            outcomes.append(
                import_export(
                    file,
                    at,
                    say=self.stdout.write,
                    before_batch=lambda done: job.progress(done, text="taken"),
                )
            )
            return str(outcomes[0])

        job = jobs.run_here(IMPORT, key=IMPORT.name, runner=runner)
        if not outcomes:
            raise CommandError(job.error or "The import was cancelled.")
        return outcomes[0]

    def _tell(self, outcome: ImportOutcome) -> None:
        self.stdout.write(f"{outcome}.")
        self._name([str(each) for each in (*outcome.refused, *outcome.remarks)])

    def _name(self, rows: list[str]) -> None:
        for line in rows[:MOST_SHOWN]:
            self.stdout.write(f"  {line}")
        if len(rows) > MOST_SHOWN:
            self.stdout.write(f"  and {len(rows) - MOST_SHOWN} more")


def exported_at(day: date | None) -> datetime:
    """The end of that day, or now when it was today: what Zoho says later counts before the file."""
    now = timezone.now()
    if day is None:
        return now
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=timezone.get_default_timezone())
    return min(end, now)
