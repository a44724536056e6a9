"""Which legacy column goes into which field: by the synonyms, and by what a person says with --map."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalogue.legacy.fields import (
    ACTIVE,
    FIELDS_BY_NAME,
    IGNORE,
    KEPT,
    meaning_of_synonym,
    rank,
)
from catalogue.legacy.source import LegacyTrouble, Table


@dataclass(frozen=True)
class ColumnMapping:
    """`fields` is {field: legacy column}. Every other column of the table stands in exactly one of the rest."""

    fields: dict[str, str] = field(default_factory=dict)
    active: str | None = None
    kept: dict[str, str] = field(default_factory=dict)
    rivals: dict[str, str] = field(default_factory=dict)
    not_understood: tuple[str, ...] = ()


def map_columns(table: Table, said: Mapping[str, str]) -> ColumnMapping:
    """`said` is {legacy column: field, or `ignore`} and wins over the synonyms. Raises LegacyTrouble."""
    names = [column.name for column in table.columns]
    _check(table, names, said)
    fields: dict[str, str] = {}
    kept: dict[str, str] = {}
    rivals: dict[str, str] = {}
    unknown: list[str] = []
    for column, wanted in said.items():
        if wanted == IGNORE:
            kept[column] = "left out by --map"
        else:
            fields[wanted] = column
    rest = [name for name in names if name not in said]
    for column in sorted(rest, key=_order):
        meaning = meaning_of_synonym(column)
        if meaning is None:
            reason = "tells its rows apart" if column == table.key else KEPT.get(column.casefold())
            if reason:
                kept[column] = reason
            else:
                unknown.append(column)
        elif meaning in fields:
            rivals[column] = meaning
        else:
            fields[meaning] = column
    active = fields.pop(ACTIVE, None)
    in_table_order = tuple(name for name in names if name in unknown)
    return ColumnMapping(fields, active, kept, rivals, in_table_order)


def _order(column: str) -> tuple[str, int]:
    meaning = meaning_of_synonym(column)
    return (meaning, rank(meaning, column)) if meaning else ("", 0)


def _check(table: Table, names: list[str], said: Mapping[str, str]) -> None:
    known = [*FIELDS_BY_NAME, ACTIVE, IGNORE]
    reasons = [
        f"--map {column}={meaning}: {table} has no column {column}{_perhaps(column, names)}"
        for column, meaning in said.items()
        if column not in names
    ]
    reasons += [
        f"--map {column}={meaning}: there is no field {meaning}{_perhaps(meaning, known)};"
        f" fields are {', '.join(known)}"
        for column, meaning in said.items()
        if meaning not in known
    ]
    taken = [meaning for meaning in said.values() if meaning != IGNORE]
    reasons += [
        f"--map: {meaning} is given more than one column"
        for meaning in sorted(set(taken))
        if taken.count(meaning) > 1
    ]
    if reasons:
        raise LegacyTrouble(*reasons)


def _perhaps(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f", perhaps {near[0]}" if near else ""
