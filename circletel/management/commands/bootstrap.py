from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make what web and workers rely on: the tables, and our fields in Zoho CRM. Safe to run again."
    # They need the tables.
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        call_command("migrate", interactive=False)
        call_command("zoho_fields", "create", yes=True)
