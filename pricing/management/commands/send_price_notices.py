from argparse import ArgumentParser
from datetime import date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from pricing.notices import owing, sending


class Command(BaseCommand):
    help = (
        "Write down which customers are to be told of price changes by today, and tell them. Runs daily by itself;"
        " running it again tells nobody twice. Exits 1 when the mail provider stopped it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--date",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="as if it were eight in the morning of that day in South Africa, which must not be in the future"
            " unless it is a dry run; now when left out",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and do nothing")

    def handle(self, *, dry_run: bool, date: date | None = None, **_: Any) -> None:
        now = _morning_of(date) if date else timezone.now()
        if dry_run:
            self._rehearse(now)
            return
        if now > timezone.now():
            raise CommandError(f"{date} has not come yet; `--dry-run` says what would be sent.")
        self.stdout.write(f"{owing.owe(now)}.")
        sent = sending.send_due(now if date else None)
        self.stdout.write(f"{sent}.")
        if sent.stopped:
            raise CommandError("Not everything was sent; what is left follows by itself.")

    def _rehearse(self, now: datetime) -> None:
        number = 0
        for one in owing.coming(now, timezone.localdate(now)):
            number += one.number
            self.stdout.write(f"  {one.number:>6}  {one.stage}  {one.package}")
        self.stdout.write(f"Nothing sent. {number} notices would be due.")


def _morning_of(day: date) -> datetime:
    return datetime.combine(day, time(8), tzinfo=timezone.get_default_timezone())
