import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from catalogue.legacy import retirement
from catalogue.legacy.fields import ACTIVE, FIELDS_BY_NAME, IGNORE
from catalogue.legacy.migration import Migration, migrate
from catalogue.legacy.plan import Outcome
from catalogue.legacy.reading import Options
from catalogue.legacy.reads import reads_of
from catalogue.legacy.report import as_text, audit, problems_text, reads_as_data, reads_text
from catalogue.legacy.source import LegacyDatabase, LegacyTrouble, find_table
from catalogue.management.people import person_named
from circletel.core.errors import Refused

LEFT_BEHIND, REFUSED = 1, 2


class Command(BaseCommand):
    help = (
        "End the predecessor's products table: audit, migrate, lock, drop. docs/legacy-products.md tells how."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="audit|migrate|lock|drop")
        auditing = deeds.add_parser(
            "audit", help="what maps, what is in the catalogue already, what cannot, who reads"
        )
        migrating = deeds.add_parser(
            "migrate", help="bring the rows into the catalogue as drafts; safe to run again"
        )
        locking = deeds.add_parser("lock", help="make the table read-only and count its reads")
        dropping = deeds.add_parser("drop", help="dump the table to a file and drop it")
        for one in (auditing, migrating, locking, dropping):
            one.add_argument(
                "--database-url", metavar="URL", help="as DATABASE_URL; without it, our own database"
            )
            one.add_argument(
                "--table", default="products", metavar="[SCHEMA.]TABLE", help="default: products"
            )
        for one in (auditing, migrating):
            _add_options(one)
        for one in (auditing, locking):
            one.add_argument("--json", action="store_true", help="print the report as JSON")
        for one in (migrating, locking, dropping):
            one.add_argument(
                "--actor", metavar="USERNAME", help="who does it; without it, the only superuser"
            )
        migrating.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )
        locking.add_argument("--status", action="store_true", help="only show the lock and the reads since")
        locking.add_argument("--undo", action="store_true", help="take the lock back; needs --reason")
        dropping.add_argument(
            "--dump", type=Path, required=True, metavar="FILE", help="a new CSV file for the rows"
        )
        dropping.add_argument("--force", action="store_true", help="against every objection; needs --reason")
        for one in (locking, dropping):
            one.add_argument("--reason", default="", help="why; for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        deed: Callable[[LegacyDatabase, dict[str, Any]], None] = getattr(self, f"_{options['deed']}")
        try:
            deed(LegacyDatabase(options["database_url"]), options)
        except Refused as refusal:
            raise CommandError("\n".join(_sentences(refusal)), returncode=REFUSED) from None

    def _audit(self, database: LegacyDatabase, options: dict[str, Any]) -> None:
        audited = audit(database, options["table"], _options(options), key=options["key"])
        self.stdout.write(_json(audited) if options["json"] else as_text(audited))

    def _migrate(self, database: LegacyDatabase, options: dict[str, Any]) -> None:
        more = {"options": _options(options), "key": options["key"], "dry_run": options["dry_run"]}
        actor = _actor(options, "migrates")
        migration = self._recorded(database, options["table"], "legacy migrated", actor, migrate, **more)
        self.stdout.write(
            f"Nothing written. It would be: {migration}." if migration.dry_run else f"{migration}."
        )
        self._left_behind(migration)

    def _left_behind(self, migration: Migration) -> None:
        plan = migration.plan
        cannot = len(plan.of(Outcome.CANNOT))
        if not cannot:
            return
        if plan.missing:
            self.stderr.write(
                f"No column gives {', '.join(plan.missing)}: use --map COLUMN=FIELD or --default FIELD=VALUE."
            )
        for part in problems_text([vars(problem) for problem in plan.problems]):
            self.stderr.write(part)
        rows = "1 row" if cannot == 1 else f"{cannot} rows"
        raise CommandError(f"{rows} cannot become products; see above.", returncode=LEFT_BEHIND)

    def _lock(self, database: LegacyDatabase, options: dict[str, Any]) -> None:
        table = options["table"]
        if options["status"]:
            self._show_reads(database, table, as_json=options["json"])
        elif options["undo"]:
            actor = _actor(options, "takes the lock back")
            unlocked = self._recorded(
                database, table, "legacy unlocked", actor, retirement.unlock, reason=options["reason"]
            )
            self.stdout.write(f"{unlocked} can be written again; reads are no longer counted.")
        else:
            actor = _actor(options, "locks it")
            locked = self._recorded(database, options["table"], "legacy locked", actor, retirement.lock)
            for view in locked.not_counted:
                self.stderr.write(
                    f"The view {view} reads the rows directly: reads through it are not counted."
                )
            self._show_reads(database, table, as_json=options["json"])

    def _drop(self, database: LegacyDatabase, options: dict[str, Any]) -> None:
        more = {name: options[name] for name in ("dump", "force", "reason")}
        actor = _actor(options, "drops it")
        dropped = self._recorded(database, options["table"], "legacy dropped", actor, retirement.drop, **more)
        self.stdout.write(f"{dropped}.")

    def _show_reads(self, database: LegacyDatabase, name: str, *, as_json: bool) -> None:
        with database.session() as session:
            reads = reads_as_data(reads_of(session, find_table(session, name), now=timezone.now()))
        self.stdout.write(_json(reads) if as_json else reads_text(reads))

    def _recorded(
        self,
        database: LegacyDatabase,
        table: str,
        action: str,
        actor: User,
        deed: Callable[..., Any],
        /,
        **more: Any,
    ) -> Any:
        """A refused attempt stands in the audit trail too, unless there is no table to attempt anything on."""
        try:
            return deed(database, table, actor=actor, **more)
        except LegacyTrouble:
            raise
        except Refused as refusal:
            retirement.record_refusal(database, table, action, actor=actor, refusal=refusal)
            raise


def _add_options(parser: ArgumentParser) -> None:
    fields = ", ".join([*FIELDS_BY_NAME, ACTIVE, IGNORE])
    parser.add_argument("--key", default="", metavar="COLUMN", help="tells rows apart, without a primary key")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help=f"where a column goes; once for each. Fields: {fields}",
    )
    parser.add_argument(
        "--default",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="for rows that have nothing there; once for each field",
    )
    parser.add_argument(
        "--sku-prefix", default="LEGACY-", help="an SKU is this and the key, where there is none"
    )
    parser.add_argument(
        "--prices-exclude-vat", action="store_true", help="its amounts are without VAT; today's rate is added"
    )
    parser.add_argument(
        "--skip-inactive", action="store_true", help="make no products of rows that are not active"
    )


def _options(options: dict[str, Any]) -> Options:
    return Options(
        maps=_pairs("--map", options["map"]),
        defaults=_pairs("--default", options["default"]),
        sku_prefix=options["sku_prefix"],
        prices_exclude_vat=options["prices_exclude_vat"],
        skip_inactive=options["skip_inactive"],
    )


def _pairs(option: str, words: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise LegacyTrouble(f"{option} {word}: expected two words with = between them.")
        if name in pairs:
            raise LegacyTrouble(f"{option} {name} is given twice.")
        pairs[name] = value
    return pairs


def _actor(options: dict[str, Any], deed: str) -> User:
    return person_named(options["actor"], option="--actor", deed=deed, exit_code=REFUSED)


def _sentences(refusal: Refused) -> list[str]:
    """Each reason as a sentence; the name of a table keeps its letters."""
    return [
        f"{reason if '.' in reason.split(' ')[0] else reason[:1].upper() + reason[1:]}".rstrip(".") + "."
        for reason in refusal.reasons
    ]


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
