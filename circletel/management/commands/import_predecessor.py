from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.management.people import person_named
from circletel.core.errors import Refused
from circletel.predecessor.move import move_in
from circletel.predecessor.reading import Options

LEFT_BEHIND, REFUSED = 1, 2


class Command(BaseCommand):
    """Exit code 0 when every row is in, 1 when some were refused, 2 when it could not be done."""

    help = (
        "Bring products, packages, Zoho ids and price changes in from the predecessor's database, ids kept; safe to"
        " run again. docs/moving-from-the-predecessor.md tells how."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", metavar="URL", help="of the predecessor; as DATABASE_URL")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--actor", metavar="USERNAME", help="who does it; without it, the only superuser")
        parser.add_argument(
            "--approver", metavar="USERNAME", help="who answers for what was approved and published there"
        )
        Options.add_arguments(parser)

    def handle(self, **options: Any) -> None:
        actor = person_named(options["actor"], option="--actor", deed="moves in", exit_code=REFUSED)
        approver = options["approver"] and person_named(
            options["approver"], option="--approver", deed="approves", exit_code=REFUSED
        )
        if not options["database"]:
            raise CommandError("Say where the predecessor is, with --database URL.", returncode=REFUSED)
        try:
            run = move_in(
                options["database"],
                Options.of(options),
                actor=actor,
                approver=approver or None,
                dry_run=options["dry_run"],
            )
        except Refused as refusal:
            raise CommandError("\n".join(refusal.reasons), returncode=REFUSED) from None
        self.stdout.write("\n".join(run.report()))
        if run.refused:
            raise CommandError(f"{run.refused_rows}; the report says why.", returncode=LEFT_BEHIND)
