from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from pricing import applying
from pricing.models import PriceChange


class Command(BaseCommand):
    help = (
        "Let the price changes take effect whose date has come, missed days included. Runs daily by itself;"
        " running it again does nothing twice. Exits 1 when one could not take effect."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--date",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="only what was due by that day, in South Africa; today when left out",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *, dry_run: bool, date: date | None = None, **_: Any) -> None:
        now = timezone.now()
        if date is not None and date > timezone.localdate(now):
            raise CommandError(
                f"{date} has not come yet: customers were promised their old price until then."
                " `manage.py rehearse` shows what is coming."
            )
        if dry_run:
            self._rehearse(list(applying.due(now, date)))
            return
        outcome = applying.apply_due(now, date)
        self.stdout.write(f"{outcome.applied} took effect.")
        if outcome.problems:
            held = PriceChange.objects.filter(pk__in=outcome.problems).select_related("package")
            raise CommandError("\n".join(["Could not take effect:", *(f"  {c}: {c.problem}" for c in held)]))

    def _rehearse(self, changes: list[PriceChange]) -> None:
        for change in changes:
            problem = applying.misfit(change)
            self.stdout.write(
                f"  {change.effective_date}  {change}" + (f"  would not: {problem}" if problem else "")
            )
        fit = sum(1 for change in changes if not applying.misfit(change))
        self.stdout.write(f"Nothing written. {fit} of {len(changes)} due would take effect.")
