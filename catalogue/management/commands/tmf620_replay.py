from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalogue.models import HubListener
from catalogue.tmf620 import hub
from catalogue.tmf620.matching import as_instant


class Command(BaseCommand):
    help = "Send TMF620 events to a listener again, in order. Without --since those of the last 24 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("listener", help="id of the listener, or `all`")
        parser.add_argument("--since", help="an instant, for example 2026-10-01T08:00:00+02:00")
        parser.add_argument("--failed", action="store_true", help="only what was not delivered")

    def handle(self, *args: Any, **options: Any) -> None:
        since = timezone.now() - timedelta(days=1)
        if options["since"] and (since := as_instant(options["since"])) is None:  # type: ignore[assignment]
            raise CommandError(
                f"--since {options['since']} is not an instant such as 2026-10-01T08:00:00+02:00."
            )
        for listener in self._listeners(options["listener"]):
            count = hub.replay(listener, since=since, only_failed=options["failed"])
            self.stdout.write(f"{listener.callback}: {count} events will be sent again")

    def _listeners(self, told: str) -> list[HubListener]:
        if told == "all":
            return list(HubListener.objects.all())
        try:
            found = list(HubListener.objects.filter(pk=UUID(told)))
        except ValueError:
            found = []
        if not found:
            known = ", ".join(
                f"{listener.pk} ({listener.callback})" for listener in HubListener.objects.all()
            )
            raise CommandError(f"There is no listener {told}. Known: {known or 'none'}.")
        return found
