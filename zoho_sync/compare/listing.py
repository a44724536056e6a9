"""What Zoho holds and what it ought to hold, in a scratch file so that memory grows with neither; who belongs to whom.

Who a record is, its stored id says first and its key second. So two records whose keys somebody swapped are two
wrong links, not fifty differing fields; a record whose key was edited is one differing field, not one missing and
one strange record.
"""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.utils import timezone

from zoho_sync.compare.records import Expected, Remote, Shelf


class Listing:
    """Whole lists of Zoho's, to be asked by key, code, name or id; and the records of ours that belong there."""

    def __init__(self) -> None:
        # Without a name SQLite keeps a private file that vanishes with the connection, also after a crash.
        self._file = sqlite3.connect("")
        self.read_at = timezone.now()
        """When reading began: what was acknowledged since is newer than this listing."""
        self._file.execute("CREATE TABLE expected (list, key, record)")
        self._file.execute(
            "CREATE TABLE remote (list, id, key, code, name, record, taken DEFAULT 0, PRIMARY KEY (list, id))"
        )
        for column in ("key", "code", "name"):
            self._file.execute(f"CREATE INDEX by_{column} ON remote (list, {column})")

    def close(self) -> None:
        self._file.close()

    def add(self, shelf: Shelf, records: Iterable[Remote]) -> None:
        """Keep what Zoho holds. One that is listed twice, because pages shifted meanwhile, is kept once."""
        rows = (
            (
                shelf.name,
                _stored(each.id),
                *map(_folded, (each.key, each.code, each.name)),
                pickle.dumps(each),
            )
            for each in records
        )
        self._file.executemany(
            "INSERT OR REPLACE INTO remote (list, id, key, code, name, record) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def expect(self, shelf: Shelf, record: Expected) -> None:
        """Keep what Zoho ought to hold."""
        row = (shelf.name, record.key, pickle.dumps(record))
        self._file.execute("INSERT INTO expected VALUES (?, ?, ?)", row)

    def counts(self, shelf: Shelf) -> tuple[int, int]:
        """How many records ought to be in this list, and how many are."""
        return self._count("expected", shelf), self._count("remote", shelf)

    def expected(self, shelf: Shelf) -> Iterator[list[Expected]]:
        """What Zoho ought to hold, by key: packages of one line share one record."""
        rows = self._file.execute(
            "SELECT key, record FROM expected WHERE list = ? ORDER BY key", (shelf.name,)
        )
        with closing(rows):
            for _key, sharing in groupby(rows, itemgetter(0)):
                yield [_loaded(record) for _key, record in sharing]

    def with_key(self, shelf: Shelf, key: str) -> list[Remote]:
        """Those with this key. CRM compares unique fields without regard to case, Billing is taken at its word."""
        found = self._select(shelf, "key", _folded(key)) if key else []
        return found if shelf.family is None else [each for each in found if each.key == key]

    def without_key(self, shelf: Shelf, *, code: str = "", name: str = "") -> list[Remote]:
        """Those that carry no key of ours and have this code, or this name."""
        column, wanted = ("code", code) if code else ("name", name)
        found = self._select(shelf, column, _folded(wanted)) if wanted else []
        return [each for each in found if not each.key.strip()]

    def with_id(self, shelf: Shelf, remote_id: str, *, only_left: bool = False) -> Remote | None:
        """The one with this id; of those that belong to none of ours yet, if `only_left`."""
        column = "taken = 0 AND id" if only_left else "id"
        return next(iter(self._select(shelf, column, _stored(remote_id))), None) if remote_id else None

    def take(self, shelf: Shelf, remote: Remote) -> None:
        """Note that this record belongs to one of ours."""
        self._file.execute(
            "UPDATE remote SET taken = 1 WHERE list = ? AND id = ?", (shelf.name, _stored(remote.id))
        )

    def not_taken(self, shelf: Shelf) -> Iterator[Remote]:
        """What belongs to none of ours, in the order of keys."""
        rows = self._file.execute(
            "SELECT record FROM remote WHERE list = ? AND NOT taken ORDER BY key, id", (shelf.name,)
        )
        with closing(rows):
            yield from (_loaded(record) for (record,) in rows)

    def _count(self, table: str, shelf: Shelf) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE list = ?"  # noqa: S608  (a name of ours)
        return self._file.execute(sql, (shelf.name,)).fetchone()[0]

    def _select(self, shelf: Shelf, column: str, value: bytes) -> list[Remote]:
        found = self._file.execute(
            f"SELECT record FROM remote WHERE list = ? AND {column} = ?",  # noqa: S608  (a name of ours)
            (shelf.name, value),
        )
        return [_loaded(record) for (record,) in found]


def _loaded(record: bytes) -> Any:
    return pickle.loads(record)  # noqa: S301  (written above, in a file without a name)


def _folded(text: str) -> bytes:
    return _stored(text.strip().casefold())


def _stored(text: str) -> bytes:
    """SQLite refuses half a surrogate pair as text, and Zoho's answers may hold one."""
    return text.encode("utf-8", "surrogatepass")


@dataclass(slots=True)
class Pair:
    """`remote` is None where Zoho has none. `key_holder` is another record that bears our key."""

    expected: Expected
    remote: Remote | None
    key_holder: Remote | None = None


class TooManyVanished(Exception):
    """So many records are gone that Zoho, or the way there, must be at fault."""


def pairs(listing: Listing, shelf: Shelf, *, most_missing: int) -> Iterator[Pair]:
    """Every record of ours in this list with Zoho's. What is left over, `listing.not_taken` tells afterwards.

    Memory grows with what differs, not with what is there. Raises TooManyVanished as soon as more than
    `most_missing` records that Zoho once had are not there.
    """
    odd, missing = list[Pair](), 0
    for sharing in listing.expected(shelf):
        mine = _one_of(sharing)
        same_key = [each for each in listing.with_key(shelf, mine.key) if each.key == mine.key]
        own = next((each for each in same_key if each.id == mine.remote_id), None)
        picked = own or next(iter(same_key), None)
        if picked is not None and (own is not None or not mine.remote_id):
            listing.take(shelf, picked)
            yield Pair(mine, picked)
            continue
        odd.append(Pair(mine, None, picked))
        missing += picked is None and bool(mine.remote_id) and mine.is_wanted
        if missing > most_missing:
            raise TooManyVanished
    # Those who did not meet by key meet by id, among what is left.
    for each in odd:
        each.remote = listing.with_id(shelf, each.expected.remote_id, only_left=True)
    for each in odd:
        if found := each.remote or each.key_holder:
            listing.take(shelf, found)
        yield each


def _one_of(sharing: list[Expected]) -> Expected:
    """Packages of one line share a Billing product: one of them stands for all, best one that knows it."""
    best = max(sharing, key=lambda each: (bool(each.remote_id), not each.is_owed))
    best.retired = all(each.retired for each in sharing)
    return best
