from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from pricing import rehearsal


class Command(BaseCommand):
    help = (
        "Print, day by day, every price that takes effect, every notice, every subscription that moves and every call this costs."
        " Writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=90, help="how far to look ahead")

    def handle(self, *, days: int, **_: Any) -> None:
        if days < 0:
            raise CommandError(f"--days {days}: a rehearsal looks ahead, so say 0 or more.", returncode=2)
        counted: Counter[str] = Counter()
        for line in rehearsal.lines(timezone.now(), days):
            counted[line.kind] += line.number
            self.stdout.write(f"{line.day}  {line.text}")
        self.stdout.write(
            f"{counted['prices move']} prices move within {days} days; {counted['would not']} would not as things"
            f" stand. {counted['subscriptions']} subscriptions move, with {counted['calls']} calls;"
            f" {counted['too late']} too late. {counted['notices']} notices are due; receipts follow moves that are"
            " confirmed. Nothing written."
        )
