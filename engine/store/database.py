"""An SQLite file of the engine: in WAL mode, on disk before a commit returns, upgraded to the newest schema when it is opened."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class UnusableWorkspace(Exception):
    """The workspace can't be used by this version of the product; the message says why."""


class Database:
    """One connection for many threads; a thread must hold ``lock`` while it uses the connection.

    ``schemas`` are scripts: the first makes the first released schema, each further one the next from it. The file's ``user_version`` says
    how many it has seen; the others are applied here, each wholly or not at all. A released script is never changed.
    """

    def __init__(self, path: Path, schemas: Sequence[str]) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(schemas):
                raise UnusableWorkspace(
                    f"{path} was written by a newer version of this product (schema {version}; this version knows up to {len(schemas)}): "
                    "update the product, or choose another workspace"
                )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            for number, script in enumerate(schemas[version:], version + 1):
                self._db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version={number}; COMMIT;")
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE_CODES:
                raise UnusableWorkspace(f"{path} is damaged ({error}): restore it from a backup, or choose another workspace") from error
            raise

    def close(self) -> None:
        with self.lock:
            self._db.close()

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        return self._db.execute(statement, values)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> sqlite3.Cursor:
        return self._db.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """Several writes as one: all of them, or none. Nests: an inner one that fails leaves the outer one as it was before it."""
        with self.lock:
            inner = self._depth > 0
            self._db.execute("SAVEPOINT inner_" if inner else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self
                self._db.execute("RELEASE inner_" if inner else "COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have ended it
                    self._db.execute("ROLLBACK TO inner_" if inner else "ROLLBACK")
                    if inner:
                        self._db.execute("RELEASE inner_")
                raise
            finally:
                self._depth -= 1
