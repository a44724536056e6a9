"""The audit of a legacy table as plain data (for --json) and as text."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone

from catalogue.legacy.fields import FIELDS_BY_NAME
from catalogue.legacy.plan import LegacyRow, Outcome, Plan, plan_migration
from catalogue.legacy.reading import Options
from catalogue.legacy.reads import Reads, reads_of
from catalogue.legacy.source import LegacyDatabase, find_table

# A terminal is no place for more; --json has them all.
MOST_SHOWN = 200
_FOUND_BY = {"sku": "SKU", "name_and_price": "name and price"}


def audit(database: LegacyDatabase, name: str, options: Options, *, key: str = "") -> dict[str, Any]:
    """What the table holds and what a migration would do with it. Writes nothing; its reads are not counted.

    Raises LegacyTrouble.
    """
    with database.session() as session:
        table = find_table(session, name, key=key)
        reads = reads_of(session, table, now=timezone.now())
        plan = plan_migration(session, table, options)
    return _as_data(plan, reads)


def reads_as_data(reads: Reads) -> dict[str, Any]:
    """All of `reads`, with what is derived from it."""
    return asdict(reads) | {"not_in_log": reads.not_in_log, "last_seen": reads.last_seen}


def _as_data(plan: Plan, reads: Reads) -> dict[str, Any]:
    mapping, table = plan.mapping, plan.table
    return {
        "table": str(table),
        "rows": len(plan.rows),
        "active_rows": sum(row.read.is_active for row in plan.rows),
        "active_column": mapping.active,
        "key": table.key,
        "columns": [{"name": one.name, "type": one.type} for one in table.columns],
        "mapped": {column: field for field, column in mapping.fields.items()},
        "same_meaning": {
            column: {
                "field": field,
                "taken": mapping.fields[field],
                "rows_that_differ": _differing(plan, column, field),
            }
            for column, field in mapping.rivals.items()
            if field in mapping.fields
        },
        "kept_beside": mapping.kept
        | {column: f"means {field} too" for column, field in mapping.rivals.items() if field == "active"},
        "not_understood": list(mapping.not_understood),
        "missing": plan.missing,
        "outcome": plan.counts,
        "made_up_skus": [row.read.values["sku"] for row in plan.of(Outcome.NEW) if "sku" in row.read.assumed],
        "already": [_already(row) for row in plan.of(Outcome.THERE)],
        "edited_since": [_already(row) for row in plan.of(Outcome.EDITED)],
        "cannot": [asdict(problem) for problem in plan.problems],
        "reads": reads_as_data(reads),
    }


def _differing(plan: Plan, column: str, field: str) -> int:
    to_cell = FIELDS_BY_NAME[field].to_cell
    taken = plan.mapping.fields[field]
    pairs = ((row.read.row.get(column), row.read.row.get(taken)) for row in plan.rows)
    return sum(one is not None and to_cell(one) != to_cell(other) for one, other in pairs)


def _already(row: LegacyRow) -> dict[str, Any]:
    if row.found:
        return {"row": row.read.id, "product": str(row.found.product), "by": _FOUND_BY[row.found.by]}
    assert row.link is not None
    return {"row": row.read.id, "product": str(row.link.product), "by": _FOUND_BY.get(row.link.found_by, "")}


def as_text(audited: dict[str, Any]) -> str:
    """For a person: the columns, what would happen, what cannot and why, and who reads the table."""
    rows, active = audited["rows"], audited["active_rows"]
    parts = [
        f"{audited['table']}: {rows} rows, {active} of them active; {audited['key']} tells them apart",
        columns_text([("COLUMN", "TYPE", "GOES TO"), *_column_lines(audited)]),
    ]
    if audited["not_understood"]:
        parts.append(
            f"Not understood: {', '.join(audited['not_understood'])}. Say what they are with --map COLUMN=FIELD"
            " (or =ignore); unless mapped, they are kept beside the product and not in it."
        )
    if audited["missing"]:
        parts.append(
            f"No column gives {', '.join(audited['missing'])}, which every product needs, so no row can be"
            " migrated: use --map COLUMN=FIELD or --default FIELD=VALUE."
        )
    parts.append(columns_text([(outcome, str(number)) for outcome, number in audited["outcome"].items()]))
    if audited["made_up_skus"]:
        parts.append(f"Without an SKU, so one is made from the key: {_some(audited['made_up_skus'])}.")
    parts += _already_text("In the catalogue already", audited["already"])
    parts += _already_text("Migrated, then edited in the catalogue: left alone", audited["edited_since"])
    parts += problems_text(audited["cannot"])
    return "\n\n".join([*parts, reads_text(audited["reads"])])


def problems_text(problems: Sequence[dict[str, Any]]) -> list[str]:
    """[] when there are none."""
    if not problems:
        return []
    lines = [
        (one["row"], one["column"] or "-", one["value"] or "(empty)", one["expected"]) for one in problems
    ]
    table = columns_text([("ROW", "COLUMN", "VALUE", "EXPECTED"), *lines[:MOST_SHOWN]])
    return [f"Cannot become products:\n{table}{_more(len(lines))}"]


def reads_text(reads: dict[str, Any]) -> str:
    """Who reads the table, as far as PostgreSQL knows."""
    lines = []
    if lock := reads["lock"]:
        lines.append(f"Locked on {_when(lock['locked_at'])} by {lock['locked_by']}.")
        lines.append(f"{reads['total']} reads counted since; last seen: {_when(reads['last_seen'])}.")
        if reads["not_in_log"]:
            lines.append(
                f"{reads['not_in_log']} more reads left a trace only: in READ ONLY transactions, or undone."
            )
        if reads["days"]:
            days = [
                (str(day["day"]), day["login"], day["role"] or "-", day["program"] or "-", str(day["reads"]))
                for day in reads["days"]
            ]
            lines.append(columns_text([("DAY", "LOGIN", "ROLE", "PROGRAM", "READS"), *days]))
    else:
        lines.append("Not locked: reads are not counted.")
    if statistics := reads["statistics"]:
        lines.append(
            f"PostgreSQL's statistics since {statistics['counted_since'] or 'they began'}:"
            f" {statistics['seq_scan'] or 0} sequential and {statistics['idx_scan'] or 0} index scans"
            f" (last {statistics['last_seq_scan'] or 'unknown'}, {statistics['last_idx_scan'] or 'unknown'}),"
            f" {statistics['n_tup_ins']} inserts, {statistics['n_tup_upd']} updates, {statistics['n_tup_del']}"
            " deletes. Backups and this command are among the scans."
        )
    return "\n".join(lines)


def columns_text(lines: Sequence[tuple[str, ...]]) -> str:
    """Lines of equally many cells, in columns."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def _column_lines(audited: dict[str, Any]) -> list[tuple[str, str, str]]:
    goes = dict(audited["mapped"])
    goes |= {column: f"({reason})" for column, reason in audited["kept_beside"].items()}
    goes |= {
        column: f"({one['field']} too, taken from {one['taken']}; {one['rows_that_differ']} rows differ)"
        for column, one in audited["same_meaning"].items()
    }
    if audited["active_column"]:
        goes[audited["active_column"]] = "(active or not)"
    return [
        (column["name"], column["type"], goes.get(column["name"], "NOT UNDERSTOOD"))
        for column in audited["columns"]
    ]


def _already_text(title: str, rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = [(row["row"], row["product"], row["by"]) for row in rows[:MOST_SHOWN]]
    table = columns_text([("ROW", "PRODUCT", "FOUND BY"), *lines])
    return [f"{title}:\n{table}{_more(len(rows))}"]


def _more(number: int) -> str:
    return f"\n… and {number - MOST_SHOWN} more; --json has them all" if number > MOST_SHOWN else ""


def _some(words: list[str]) -> str:
    return ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")


def _when(instant: datetime | None) -> str:
    return f"{instant:%-d %b %Y %H:%M} UTC" if instant else "never"
