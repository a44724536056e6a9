import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalogue.models import PackageStatus, ServicePackage
from zoho_sync.connection.breaker import Breaker
from zoho_sync.models import System
from zoho_sync.services import nudge
from zoho_sync.standing import Standing, calls_since, reasons, standing, waiting_for_another

POLL_SECONDS = 0.3
SYSTEM_NAMES = {"crm": "Zoho CRM", "billing": "Zoho Billing", "accounts": "Zoho accounts (tokens)"}


class Command(BaseCommand):
    """Wait until Zoho has everything the catalogue owes it, then print how things stand.

    Exit code 1, with the reasons, when something needs a person or nothing has moved for `--patience` seconds.
    """

    help = "Wait until everything owed to Zoho is there, then print a table. Exits 1 with the reasons when it is not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=150, help="seconds without any progress before giving up"
        )
        parser.add_argument(
            "--since", type=datetime.fromisoformat, help="count calls from this instant, not from now"
        )

    def handle(self, *, patience: float, since: datetime | None, **_: Any) -> None:
        begun_at = since or timezone.now()
        last = self._wait(patience)
        self._print_table(last, begun_at)
        if not last.is_in_step:
            raise CommandError("\n".join(["Zoho is out of step:", *self._explanations(last)]))

    def _wait(self, patience: float) -> Standing:
        moved = nudged = time.monotonic()
        now = standing(distinct=True)
        while (left := now.count("owed") + now.count("failed")) > waiting_for_another():
            before, now = now.count("in_step"), standing(distinct=True)
            if now.count("in_step") != before:
                moved = time.monotonic()
                self.stdout.write(
                    f"  in step with Zoho: {now.count('in_step')} of {sum(tally.total for tally in now.tallies)} records"
                )
                self.stdout.flush()
            elif left and time.monotonic() - max(moved, nudged) > 2:
                # Harmless when workers are busy; spares a wait for the sweep when a nudge was lost, and for company
                # in a call to CRM.
                nudged = time.monotonic()
                for system in System:
                    nudge(system, seconds=1, urgent=True)
            if time.monotonic() - moved > patience:
                break
            time.sleep(POLL_SECONDS)
        return now

    def _print_table(self, last: Standing, since: datetime) -> None:
        live = ServicePackage.objects.filter(status=PackageStatus.ACTIVE)
        write = self.stdout.write
        write("")
        write(f"  {'Packages live':34}{live.count():>8}")
        write(f"  {'Zoho records':34}{'in step':>8}{'owed':>8}{'failed':>8}{'dead':>8}")
        for tally in last.tallies:
            # Packages of one line share a Billing product: what counts is how many Zoho has.
            shared = f" ({tally.total} packages)" if tally.distinct != tally.total else ""
            in_step = tally.distinct if tally.in_step == tally.total else tally.in_step
            write(
                f"  {'  ' + tally.kind.label + shared:34}{in_step:>8}{tally.owed:>8}{tally.failed:>8}{tally.dead:>8}"
            )
        total, now = calls_since(), calls_since(since)
        write(f"  {'API calls used':34}{'in all':>8}{'this run':>10}")
        for system, name in SYSTEM_NAMES.items():
            write(f"  {'  ' + name:34}{total.get(system, 0):>8}{now.get(system, 0):>10}")
        write("")

    def _explanations(self, last: Standing) -> list[str]:
        found = [f"  {number} × {words}" for words, number in reasons()]
        if blocked := waiting_for_another():
            found.append(f"  {blocked} wait for a record above that needs a person")
        for system in System:
            state = Breaker(system).state()
            if state.is_open:
                found.append(f"  {system.label} rests for {state.seconds_left():.0f} s: {state.reason}")
        if last.count("owed") and not found:
            found.append("  Records are owed and nothing moves: is a worker running?")
        if not settings.ZOHO_API_URL:
            found.append("  No Zoho is configured (docs/configuration.md).")
        return found
