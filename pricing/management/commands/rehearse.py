from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from pricing import applying
from pricing.notices import rehearsing


class Command(BaseCommand):
    help = "Print every price that will move and every notice that will be due in the coming days. Writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=90, help="how far to look ahead")

    def handle(self, *, days: int, **_: Any) -> None:
        now = timezone.now()
        number, problems = 0, 0
        # In pieces, so that a long list costs no more memory than a short one.
        for change in applying.due(now + timedelta(days=days)).iterator(chunk_size=1000):
            problem = applying.misfit(change)
            number, problems = number + 1, problems + bool(problem)
            move = f"R {change.old_price:>9} → R {change.new_price:>9}"
            line = f"{change.effective_date}  {move}  {change.difference:>+9}  {change.package}"
            self.stdout.write(line + (f"  WOULD NOT: {problem}" if problem else ""))
        for line in rehearsing.lines(now, days):
            self.stdout.write(line)
        self.stdout.write(
            f"{number} prices move within {days} days; {problems} would not as things stand. Nothing written."
        )
