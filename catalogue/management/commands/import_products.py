from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.management.people import person_named
from catalogue.product_import.apply import BadFile, import_products
from catalogue.product_import.parsing import ParsedFile, RowError, parse
from catalogue.product_import.plan import plan_import
from circletel.core.errors import Refused


class Command(BaseCommand):
    help = "Import products from a CSV file: all rows or none. docs/importing.md describes the columns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--user", metavar="USERNAME", help="who imports; without it, the only superuser")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = person_named(options["user"], option="--user", deed="imports")
        parsed = parse(file_content(options["file"]))
        try:
            outcome = plan_or_refuse(parsed) if options["dry_run"] else import_products(parsed, actor=actor)
        except BadFile as bad:
            self.stderr.write(table(bad.errors), ending="")
            count = len(bad.errors)
            errors = "1 error" if count == 1 else f"{count} errors"
            raise CommandError(f"Nothing was imported: {errors} in {options['file']}.") from None
        except Refused as refusal:
            raise CommandError(f"Nothing was imported: {refusal}.") from None
        self.stdout.write(
            f"Nothing written. It would be: {outcome}." if options["dry_run"] else f"{outcome}."
        )


def plan_or_refuse(parsed: ParsedFile) -> Any:
    plan = plan_import(parsed)
    if plan.errors:
        raise BadFile(plan.errors)
    return plan.outcome


def table(errors: Sequence[RowError]) -> str:
    """The errors in columns, one a line."""
    lines = [("ROW", "COLUMN", "VALUE", "EXPECTED")]
    lines += [
        (str(error.row or "-"), error.column or "-", error.value or "(empty)", error.expected)
        for error in errors
    ]
    return in_columns(lines, numbers=0)


def in_columns(lines: Sequence[tuple[str, str, str, str]], *, numbers: int) -> str:
    """The cells of these lines below one another, those of the column of `numbers` at its right edge."""
    widths = [max(len(line[place]) for line in lines) for place in range(3)]
    aligned = [f"{'>' if place == numbers else '<'}{width}" for place, width in enumerate(widths)]
    return "".join("  ".join(map(format, line, [*aligned, ""])) + "\n" for line in lines)


def file_content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as trouble:
        raise CommandError(f"{path} cannot be read: {trouble.strerror}.") from None
