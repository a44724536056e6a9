"""What is asked of packages, as SQL: conditions, order, and the page wanted. Written for the columns of `p`.

The same conditions read what stands (`service_packages`) and what stood (`service_package_versions`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

LIVE = "p.status = 'active' AND p.valid_from <= %s AND (p.valid_to IS NULL OR p.valid_to > %s)" \
    " AND (p.end_of_sale IS NULL OR p.end_of_sale > %s)"  # fmt: skip
STOOD = "p.recorded_from <= %s AND (p.recorded_to IS NULL OR p.recorded_to > %s)"
PRICE = "coalesce(p.new_customer_price, p.price)"
FUZZY_FROM = 4  # letters; shorter words have too few trigrams to be like each other by more than chance


@dataclass(frozen=True)
class Where:
    """A condition with its values. {text} and {vector} stand for what is searched."""

    sql: str
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class Key:
    """Something to sort by; nothing comes last in both directions."""

    sql: str
    type: str
    nullable: bool = False
    descending: bool = False
    nothing_first: bool = False
    values: Sequence[Any] = ()

    def downwards(self) -> "Key":
        return replace(self, descending=True)

    def reversed(self) -> "Key":
        return replace(self, descending=not self.descending, nothing_first=not self.nothing_first)

    @property
    def order(self) -> str:
        nothing = f" NULLS {'FIRST' if self.nothing_first else 'LAST'}" if self.nullable else ""
        return f"{self.sql}{' DESC' if self.descending else ''}{nothing}"

    def equal(self, value: str | None) -> Where:
        if value is None:
            return Where(f"{self.sql} IS NULL", self.values)
        return Where(f"{self.sql} = %s::{self.type}", [*self.values, value])

    def beyond(self, value: str | None) -> Where:
        """What comes after `value` in this order."""
        if value is None:
            return Where(f"{self.sql} IS NOT NULL", self.values) if self.nothing_first else Where("FALSE")
        sql, values = f"{self.sql} {'<' if self.descending else '>'} %s::{self.type}", [*self.values, value]
        if self.nullable and not self.nothing_first:
            return Where(f"({sql} OR {self.sql} IS NULL)", [*values, *self.values])
        return Where(sql, values)


def one_of(column: str, values: Sequence[Any]) -> Where:
    if len(values) == 1:
        return Where(f"p.{column} = %s", values)
    return Where(f"p.{column} IN ({', '.join(['%s'] * len(values))})", values)


def same_word(column: str, words: Sequence[str]) -> Where:
    """Without regard to case. The database folds both sides, so that it decides alone what the same word is."""
    if len(words) == 1:
        return Where(f"upper(p.{column}) = upper(%s)", words)
    return Where(f"upper(p.{column}) IN ({', '.join(['upper(%s)'] * len(words))})", words)


def matching(words: Sequence[str]) -> Where:
    """Every word occurs: as a part of the text, as another form of one of its words, or misspelt."""
    parts, values = [], []
    for word in words:
        pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        ways = ["{text} ILIKE %s", "{vector} @@ plainto_tsquery('english', %s)"]
        values += [f"%{pattern}%", word]
        # Numbers and codes that are nearly alike mean different things.
        if len(word) >= FUZZY_FROM and word.isalpha():
            ways.append("%s <%% {text}")
            values.append(word)
        parts.append(f"({' OR '.join(ways)})")
    return Where(" AND ".join(parts), values)


def relevance(words: Sequence[str]) -> Key:
    """How well the text answers the words; all alike without words."""
    if not words:
        return Key("0::numeric", "numeric")
    told = " ".join(words)
    rank = "ts_rank({vector}, plainto_tsquery('english', %s)) + word_similarity(%s, {text})"
    return Key(f"round(({rank})::numeric, 6)", "numeric", values=[told, told])


def after(keys: Sequence[Key], values: Sequence[str | None]) -> Where:
    """Everything that comes after the row with these values in the order of these keys."""
    if not any(key.nullable for key in keys) and len({key.descending for key in keys}) == 1:
        sign = "<" if keys[0].descending else ">"
        theirs = ", ".join(f"%s::{key.type}" for key in keys)
        mine = ", ".join(key.sql for key in keys)
        return Where(f"({mine}) {sign} ({theirs})", [*_values(keys), *values])
    ways = []
    for number, key in enumerate(keys):
        same = [each.equal(value) for each, value in zip(keys[:number], values, strict=False)]
        ways.append(both([*same, key.beyond(values[number])]))
    return Where(f"({' OR '.join(f'({way.sql})' for way in ways)})", _flat(ways))


def both(conditions: Iterable[Where]) -> Where:
    conditions = list(conditions)
    return Where(" AND ".join(each.sql for each in conditions) or "TRUE", _flat(conditions))


def _values(keys: Sequence[Key]) -> list[Any]:
    return [value for key in keys for value in key.values]


def _flat(conditions: Sequence[Where]) -> list[Any]:
    return [value for each in conditions for value in each.values]
