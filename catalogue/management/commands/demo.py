from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue import demo
from catalogue.management.commands.import_products import in_columns
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
        self.stdout.write(
            in_columns([("NAME", "LOGIN", "PASSWORD", "MAY"), *demo.logins()], numbers=-1), ending=""
        )
