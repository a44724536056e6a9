from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue import demo
from circletel.core.errors import Refused


class Command(BaseCommand):
    help = "Set up the demo, its people and the sample catalogue on sale, and print who can log in. Safe to run again."

    def handle(self, **_: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This is not a demo: set CIRCLETEL_DEMO=1 to make it one. Its passwords are known to all."
            )
        try:
            demo.set_up(self.stdout.write)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(_table([("NAME", "LOGIN", "PASSWORD", "MAY"), *demo.logins()]))


def _table(lines: list[tuple[str, str, str, str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:{widths[2]}}  {d}" for a, b, c, d in lines)
