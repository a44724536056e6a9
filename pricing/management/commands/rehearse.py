from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from pricing import applying


class Command(BaseCommand):
    help = "Print every price that will move in the coming days, and what would stand in its way. Writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=90, help="how far to look ahead")

    def handle(self, *, days: int, **_: Any) -> None:
        number, problems = 0, 0
        # In pieces, so that a long list costs no more memory than a short one.
        for change in applying.due(timezone.now() + timedelta(days=days)).iterator(chunk_size=1000):
            problem = applying.misfit(change)
            number, problems = number + 1, problems + bool(problem)
            move = f"R {change.old_price:>9} → R {change.new_price:>9}"
            line = f"{change.effective_date}  {move}  {change.difference:>+9}  {change.package}"
            self.stdout.write(line + (f"  WOULD NOT: {problem}" if problem else ""))
        self.stdout.write(
            f"{number} prices move within {days} days; {problems} would not as things stand. Nothing written."
        )
