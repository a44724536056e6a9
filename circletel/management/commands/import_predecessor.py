import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.legacy.fields import FIELDS_BY_NAME
from catalogue.legacy.reading import Options
from catalogue.legacy.source import LegacyDatabase
from catalogue.management.people import person_named
from circletel.core.errors import Refused
from circletel.predecessor.run import move_in

LEFT_BEHIND, REFUSED = 1, 2


class Command(BaseCommand):
    """Exit code 0 when every row is in, 1 when some were refused, 2 when it could not be done."""

    help = (
        "Bring products, packages, Zoho ids and price changes in from the predecessor's database, ids kept; safe to"
        " run again. docs/moving-from-the-predecessor.md tells how."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--database", "--database-url", metavar="URL", help="of the predecessor; as DATABASE_URL"
        )
        parser.add_argument("--schema", default="public", help="where its tables are; default: public")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--actor", metavar="USERNAME", help="who does it; without it, the only superuser")
        parser.add_argument(
            "--approver", metavar="USERNAME", help="who answers for what was approved and published there"
        )
        parser.add_argument(
            "--default",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help=f"for rows that have nothing there. Fields: {', '.join(FIELDS_BY_NAME)}",
        )
        parser.add_argument(
            "--prices-exclude-vat",
            action="store_true",
            help="its amounts are without VAT; today's rate is added",
        )

    def handle(self, **options: Any) -> None:
        actor = person_named(options["actor"], option="--actor", deed="moves in", exit_code=REFUSED)
        approver = options["approver"] and person_named(
            options["approver"], option="--approver", deed="approves", exit_code=REFUSED
        )
        if not options["database"] and options["schema"] == "public":
            raise CommandError("Say where the predecessor is, with --database URL.", returncode=REFUSED)
        try:
            report = move_in(
                LegacyDatabase(options["database"]),
                Options(
                    defaults=_pairs(options["default"]), prices_exclude_vat=options["prices_exclude_vat"]
                ),
                actor=actor,
                approver=approver or None,
                schema=options["schema"],
                dry_run=options["dry_run"],
            )
        except Refused as refusal:
            raise CommandError("\n".join(refusal.reasons), returncode=REFUSED) from None
        self.stdout.write(
            json.dumps(report.as_json(), indent=2, ensure_ascii=False)
            if options["json"]
            else report.as_text()
        )
        if report.refused:
            rows = "1 row was" if len(report.refused) == 1 else f"{len(report.refused)} rows were"
            raise CommandError(f"{rows} refused; the report says why.", returncode=LEFT_BEHIND)


def _pairs(words: list[str]) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in words)
    if wrong := [name for name, value in pairs.items() if not name or not value]:
        raise CommandError(f"--default {wrong[0]}: expected FIELD=VALUE.", returncode=REFUSED)
    return pairs
