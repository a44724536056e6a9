"""Where the records live: dictionaries to read from, one SQLite file to survive in.

Every table keeps all its documents in memory, with an index for each field that is looked up, so no write
scans. Changes are queued and written by `Store.commit()` in one transaction, before the answer leaves.
A document is never changed in place; it is replaced. So a reference to one is also a snapshot of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]
Change = tuple[str, str, Document | None]


def exact(value: Any) -> str:
    return str(value)


def case_insensitive(value: Any) -> str:
    return str(value).strip().casefold()


class Table:
    """One kind of record, by id, in the order of creation."""

    def __init__(self, store: Store, kind: str, id_field: str, fold: Callable[[Any], str]) -> None:
        self.kind = kind
        self.id_field = id_field
        self._store = store
        self._fold = fold
        self._documents: dict[str, Document] = {}
        self._indices: dict[str, dict[str, dict[str, None]]] = {}

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(self._documents.values())

    def get(self, id: str) -> Document | None:
        return self._documents.get(id)

    def newest_first(self) -> Iterator[Document]:
        return reversed(self._documents.values())

    def add_index(self, field: str) -> None:
        """Make `field` searchable by value. Does nothing when it is already."""
        if field not in self._indices:
            self._indices[field] = {}
            for document in self:
                self._enter(field, document)

    def drop_index(self, field: str) -> None:
        self._indices.pop(field, None)

    def having(self, field: str, value: Any) -> list[Document]:
        """The documents whose indexed `field` has `value`, oldest entry first; blanks match nothing."""
        if value is None or value == "":
            return []
        ids = self._indices[field].get(self._fold(value), {})
        return [self._documents[id] for id in ids]

    def first(self, field: str, value: Any) -> Document | None:
        """The first of `having`, without collecting the rest."""
        if value is None or value == "":
            return None
        for id in self._indices[field].get(self._fold(value), {}):
            return self._documents[id]
        return None

    def put(self, document: Document) -> Document:
        """Add the document, or let it replace the one with its id."""
        self.restore(document)
        self._store.queue((self.kind, document[self.id_field], document))
        return document

    def remove(self, id: str) -> None:
        document = self._documents.pop(id)
        for field in self._indices:
            self._leave(field, document)
        self._store.queue((self.kind, id, None))

    def restore(self, document: Document) -> None:
        """`put` without writing it down: for what was just read from the file."""
        id = document[self.id_field]
        former = self._documents.get(id)
        self._documents[id] = document
        for field in self._indices:
            if former is None or former.get(field) != document.get(field):
                if former is not None:
                    self._leave(field, former)
                self._enter(field, document)

    def clear(self) -> None:
        self._documents.clear()
        for index in self._indices.values():
            index.clear()

    def _enter(self, field: str, document: Document) -> None:
        value = document.get(field)
        if value is not None and value != "":
            self._indices[field].setdefault(self._fold(value), {})[document[self.id_field]] = None

    def _leave(self, field: str, document: Document) -> None:
        value = document.get(field)
        if value is None or value == "":
            return
        ids = self._indices[field].get(self._fold(value), {})
        ids.pop(document[self.id_field], None)
        if not ids:
            self._indices[field].pop(self._fold(value), None)


class Store:
    """All tables, a few loose values, and the file they are kept in (if any)."""

    FIRST_ID = 584_321_000_000_100_001  # Zoho's ids are 18 or 19 digits

    def __init__(self, path: str | None) -> None:
        self.tables: dict[str, Table] = {}
        self.values: dict[str, Document] = {}
        self._pending: list[Change] = []
        self._file = self._open(path) if path else None
        self._next_id = self.FIRST_ID

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        file = sqlite3.connect(path, isolation_level=None)
        file.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives kill -9 of this process; only a crash of the machine could lose the last writes.
        file.execute("PRAGMA synchronous=NORMAL")
        file.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"
        )
        return file

    def table(
        self, kind: str, id_field: str = "id", fold: Callable[[Any], str] = exact, index: tuple[str, ...] = ()
    ) -> Table:
        table = self.tables[kind] = Table(self, kind, id_field, fold)
        for field in index:
            table.add_index(field)
        return table

    def load(self) -> None:
        """Read the file into the tables. Ids grow, so their order is the order of creation."""
        if self._file is None:
            return
        for kind, id, body in self._file.execute("SELECT kind, id, body FROM documents ORDER BY kind, id"):
            if kind == "value":
                self.values[id] = json.loads(body)
            elif kind in self.tables:
                self.tables[kind].restore(json.loads(body))
        self._next_id = self.values.get("next_id", {}).get("id", self.FIRST_ID)

    def new_id(self) -> str:
        self._next_id += 2
        self.set_value("next_id", {"id": self._next_id})
        return str(self._next_id)

    def set_value(self, name: str, value: Document) -> None:
        self.values[name] = value
        self.queue(("value", name, value))

    def queue(self, change: Change) -> None:
        if self._file is not None:
            self._pending.append(change)

    def commit(self) -> None:
        """Write everything that changed since the last commit, all or nothing."""
        if self._file is None or not self._pending:
            return
        latest = {(kind, id): document for kind, id, document in self._pending}
        gone = [key for key, document in latest.items() if document is None]
        kept = [(*key, json.dumps(document)) for key, document in latest.items() if document is not None]
        self._file.execute("BEGIN")
        self._file.executemany("DELETE FROM documents WHERE kind = ? AND id = ?", gone)
        self._file.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", kept)
        self._file.execute("COMMIT")
        self._pending.clear()

    def clear(self) -> None:
        """Forget every record. Ids go on counting, so no id ever means two things."""
        for table in self.tables.values():
            table.clear()
        self.values.clear()
        self._pending.clear()
        if self._file is not None:
            self._file.execute("DELETE FROM documents")
        self.set_value("next_id", {"id": self._next_id})

    def close(self) -> None:
        self.commit()
        if self._file is not None:
            self._file.close()
