import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from catalogue.management.people import person_named
from circletel.core.errors import Refused
from pricing import personal_data


class Command(BaseCommand):
    help = (
        "What is known of a customer, and how it is forgotten (POPIA; docs/personal-data.md)."
        " CUSTOMER is an e-mail address or Zoho Billing's customer id."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="export|erase")
        exporting = deeds.add_parser("export", help="write everything that is kept of one customer, as JSON")
        exporting.add_argument("--out", type=Path, metavar="FILE", help="a new file; without it, the screen")
        erasing = deeds.add_parser("erase", help="take name and addresses of one customer out of everything")
        erasing.add_argument("--reason", default="", help="why; for the audit trail")
        erasing.add_argument(
            "--dry-run", action="store_true", help="say what would be erased, and do nothing"
        )
        for one in (exporting, erasing):
            one.add_argument("customer", metavar="CUSTOMER")
            one.add_argument(
                "--actor", metavar="USERNAME", help="who does it; without it, the only superuser"
            )

    def handle(self, *, deed: str, **options: Any) -> None:
        try:
            getattr(self, f"_{deed}")(**options)
        except Refused as refusal:
            raise CommandError(f"{refusal}.") from None

    def _export(self, *, customer: str, actor: str | None, out: Path | None, **_: Any) -> None:
        who = person_named(actor, option="--actor", deed="exports")
        found = personal_data.everything_about(customer, actor=who)
        text = json.dumps(found, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False) + "\n"
        if out is None:
            self.stdout.write(text, ending="")
            return
        try:
            with out.open("x", encoding="utf-8") as file:
                # Of one customer, for one reader.
                out.chmod(0o600)
                file.write(text)
        except OSError as trouble:
            raise CommandError(f"{out} cannot be written: {trouble.strerror}.") from None
        self.stdout.write(f"{out}: {len(found['subscriptions'])} subscriptions.")

    def _erase(self, *, customer: str, actor: str | None, reason: str, dry_run: bool, **_: Any) -> None:
        if dry_run:
            told = personal_data.plan(customer)
            self.stdout.write(f"Nothing erased. It would be: {_words(told)}.")
            if told["still_served"]:
                raise CommandError(f"Still served by Zoho Billing: {', '.join(told['still_served'])}.")
            return
        who = person_named(actor, option="--actor", deed="erases")
        told = personal_data.erase(customer, actor=who, reason=reason)
        self.stdout.write(
            f"Erased: {_words(told)}. Amounts, days and ids stay; Zoho's own records are Zoho's to erase."
        )


def _words(told: dict[str, Any]) -> str:
    numbers = ", ".join(told["subscriptions"])
    return (
        f"name and address of {len(told['subscriptions'])} subscriptions ({numbers}),"
        f" {told['notices']} notices, {told['texts']} texts"
    )
