"""ledger.Items in a SQLite file, for the command line without a table; the same contract as DynamoDB's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Condition, Delete, Item, Write, holds

LEDGER_FILE = "ledger.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS items (pk TEXT, sk TEXT, body TEXT NOT NULL, PRIMARY KEY (pk, sk)) WITHOUT ROWID"
_SECONDS_TO_WAIT = 30


class SqliteItems:
    """A connection for each call, so that threads and processes can share the file."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LEDGER_FILE

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        with self._transaction() as connection:
            may = holds(condition, _read(connection, (item["PK"], item["SK"])))
            if may:
                _write(connection, item)
            return may

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        with self._transaction() as connection:
            found = _read(connection, key)
            if found is None or not holds(condition, found):
                return False
            _write(connection, {**found, **values})
            return True

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        """In one transaction: threads would only wait for each other."""
        if not writes:
            return frozenset()
        with self._transaction() as connection:
            return frozenset(number for number, write in enumerate(writes) if not _written(connection, write))

    def put_many(self, items: Sequence[Item]) -> None:
        with self._transaction() as connection:
            for item in items:
                _write(connection, item)

    def get(self, key: tuple[str, str]) -> Item | None:
        if self._is_missing():
            return None
        with self._transaction() as connection:
            return _read(connection, key)

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        order = "DESC" if newest_first else "ASC"
        if self._is_missing():
            return []
        statement = f"SELECT body FROM items WHERE pk = ? AND substr(sk, 1, ?) = ? ORDER BY sk {order} LIMIT ?"  # noqa: S608 - one of two words
        with self._transaction() as connection:
            rows = connection.execute(statement, (pk, len(prefix), prefix, -1 if limit is None else limit))
            return [json.loads(body) for (body,) in rows]

    def query_each(self, pks: Sequence[str]) -> dict[str, list[Item]]:
        return {pk: self.query(pk) for pk in pks}

    def _is_missing(self) -> bool:
        """Nothing was ever written: who only reads makes neither the folder nor the file."""
        try:
            self._path.stat()
        except FileNotFoundError:
            return True
        except OSError:
            return False  # whatever it is, using it says so
        return False

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        """Reads the whole table: it is one machine's, and few ask."""
        if self._is_missing():
            return []
        statement = (
            "SELECT body FROM items WHERE json_extract(body, '$.GSI1PK') = ? "
            "AND substr(json_extract(body, '$.GSI1SK'), 1, ?) = ? AND (? = '' OR json_extract(body, '$.GSI1SK') < ?) "
            "ORDER BY json_extract(body, '$.GSI1SK')"
        )
        with self._transaction() as connection:
            rows = connection.execute(statement, (pk, len(prefix), prefix, before, before))
            return [json.loads(body) for (body,) in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Exclusive: what is read in it is still so when it is written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_SECONDS_TO_WAIT, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as failure:
            text = getattr(failure, "strerror", None) or failure
            raise LedgerError(f"the ledger {self._path} cannot be used: {text}") from failure


def _read(connection: sqlite3.Connection, key: tuple[str, str]) -> Item | None:
    row = connection.execute("SELECT body FROM items WHERE pk = ? AND sk = ?", key).fetchone()
    return json.loads(row[0]) if row else None


def _write(connection: sqlite3.Connection, item: Item) -> None:
    body = json.dumps({name: value for name, value in item.items() if value is not None})
    connection.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (item["PK"], item["SK"], body))


def _written(connection: sqlite3.Connection, write: Write) -> bool:
    """Whether its condition held."""
    if isinstance(write, Delete):
        found = _read(connection, write.key)
        if not holds(write.condition, found):
            return False
        connection.execute("DELETE FROM items WHERE pk = ? AND sk = ?", write.key)
        return True
    if not holds(write.condition, _read(connection, (write.item["PK"], write.item["SK"]))):
        return False
    _write(connection, write.item)
    return True
