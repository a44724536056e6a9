from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from catalogue.management.people import person_named
from circletel.core.errors import Refused
from circletel.predecessor import legacy_table
from circletel.predecessor.reading import Options

LEFT_BEHIND, REFUSED = 1, 2


class Command(BaseCommand):
    """Exit code 0 when done, 1 when some rows were refused, 2 when it could not be done."""

    help = (
        "End the predecessor's products table: audit, migrate, lock, drop."
        " docs/moving-from-the-predecessor.md describes the steps."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="audit|migrate|lock|drop")
        audit = actions.add_parser("audit", help="what a migration would do with each column and row")
        migrate = actions.add_parser("migrate", help="rows become drafts; safe to run again")
        lock = actions.add_parser("lock", help="make the table read-only")
        drop = actions.add_parser("drop", help="dump the table to a file and drop it")
        for one in (audit, migrate, lock, drop):
            one.add_argument(
                "--database-url", metavar="URL", help="as DATABASE_URL; default: our own database"
            )
            one.add_argument(
                "--table", default="products", metavar="[SCHEMA.]TABLE", help="default: products"
            )
            one.add_argument("--actor", metavar="USERNAME", help="who does it; default: the only superuser")
        for one in (audit, migrate):
            Options.add_arguments(one)
        lock.add_argument("--undo", action="store_true", help="take the lock back; needs --reason")
        drop.add_argument(
            "--dump", type=Path, required=True, metavar="FILE", help="a new CSV file for the rows"
        )
        drop.add_argument("--confirm", default="", metavar="TABLE", help="the name of the table once more")
        drop.add_argument("--force", action="store_true", help="against every objection; needs --reason")
        for one in (lock, drop):
            one.add_argument("--reason", default="", help="why; for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = person_named(options["actor"], option="--actor", deed="does it", exit_code=REFUSED)
        try:
            getattr(self, f"_{options['action']}")(options, actor)
        except Refused as refusal:
            raise CommandError("\n".join(map(_sentence, refusal.reasons)), returncode=REFUSED) from None

    def _audit(self, options: dict[str, Any], actor: User) -> None:
        self._migrate(options, actor)

    def _migrate(self, options: dict[str, Any], actor: User) -> None:
        is_audit = options["action"] == "audit"
        run = legacy_table.migrate(
            options["database_url"],
            options["table"],
            Options.of(options),
            actor=actor,
            dry_run=is_audit,
        )
        self.stdout.write("\n".join(run.report()))
        if run.refused and not is_audit:
            raise CommandError(f"{run.refused_rows}; the report says why.", returncode=LEFT_BEHIND)

    def _lock(self, options: dict[str, Any], actor: User) -> None:
        where = options["database_url"], options["table"]
        if options["undo"]:
            legacy_table.unlock(*where, actor=actor, reason=options["reason"])
            self.stdout.write(f"{options['table']} can be written again.")
        else:
            self.stdout.write(f"{options['table']}: {legacy_table.lock(*where, actor=actor)}.")

    def _drop(self, options: dict[str, Any], actor: User) -> None:
        done = legacy_table.drop(
            options["database_url"],
            options["table"],
            actor=actor,
            confirmed=options["confirm"],
            dump=options["dump"],
            force=options["force"],
            reason=options["reason"],
        )
        self.stdout.write(f"{done}.")


def _sentence(reason: str) -> str:
    """The name of a table keeps its letters."""
    begins_with_table = "." in reason.split(" ")[0]
    return f"{reason if begins_with_table else reason[:1].upper() + reason[1:]}".rstrip(".") + "."
