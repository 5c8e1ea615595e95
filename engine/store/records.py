"""The engine's records: one SQLite file in WAL mode, and the only writer of it."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from engine.store.database import Database

Body = dict[str, Any]

SCHEMAS = (
    """
CREATE TABLE records (
  kind TEXT NOT NULL, name TEXT NOT NULL, arn TEXT, parent TEXT, status TEXT,
  created REAL NOT NULL, modified REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, name)
);
CREATE UNIQUE INDEX records_arn ON records (arn);
CREATE INDEX records_created ON records (kind, created);
CREATE INDEX records_parent ON records (kind, parent, created);
CREATE TABLE associations (
  source TEXT NOT NULL, destination TEXT NOT NULL, type TEXT, created REAL NOT NULL,
  PRIMARY KEY (source, destination)
);
CREATE INDEX associations_destination ON associations (destination);
CREATE TABLE tags (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key));
CREATE TABLE logs (
  id INTEGER PRIMARY KEY, grp TEXT NOT NULL, stream TEXT NOT NULL, time INTEGER NOT NULL, message TEXT NOT NULL
);
CREATE INDEX logs_stream ON logs (grp, stream, id);
""",
)
SORT_COLUMNS = {"created", "modified", "name", "status"}


class RecordExists(Exception):
    """A record of that kind and name (or with that ARN) exists already."""


class InvalidPageToken(Exception):
    """The paging token wasn't made by this store, or for this query."""


class Store:
    """Records by (kind, name), the associations between them, tags and log lines.

    ``kind`` is the resource as its ARN has it (``training-job``, ``model-package``, ``artifact``, …),
    ``body`` a JSON object as its Describe call returns it. Every write is committed, and on disk,
    before the call returns. Safe to use from many threads.
    """

    def __init__(self, path: Path) -> None:
        self._db = Database(path, SCHEMAS)

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[Database]:
        """Several writes as one: all of them, or none. Nests."""
        return self._db.transaction()

    # records -----------------------------------------------------------------------------------

    def insert(
        self, kind: str, name: str, body: Body, *, arn: str | None, now: float, parent: str | None = None, status: str | None = None
    ) -> None:
        """Add a record. Raises RecordExists when the name (or ARN) is taken."""
        with self.transaction():
            try:
                self._db.execute(
                    "INSERT INTO records VALUES (?,?,?,?,?,?,?,?)",
                    (kind, name, arn, parent, status, now, now, json.dumps(body)),
                )
            except sqlite3.IntegrityError as error:
                raise RecordExists(f"{kind} {name}") from error

    def get(self, kind: str, name: str) -> Body | None:
        with self._db.lock:
            row = self._db.execute("SELECT body FROM records WHERE kind=? AND name=?", (kind, name)).fetchone()
        return json.loads(row[0]) if row else None

    def find_by_arn(self, arn: str) -> tuple[str, str, Body] | None:
        """(kind, name, body) of the record with this ARN."""
        with self._db.lock:
            row = self._db.execute("SELECT kind, name, body FROM records WHERE arn=?", (arn,)).fetchone()
        return (row[0], row[1], json.loads(row[2])) if row else None

    def update(self, kind: str, name: str, change: Callable[[Body], Body | None], *, now: float, status: str | None = None) -> Body | None:
        """Read, change and write as one step. ``change`` edits the body in place or returns a new one.

        ``status`` also sets the column that lists filter by. Returns the new body, or None when the record doesn't exist.
        """
        with self.transaction():
            body = self.get(kind, name)
            if body is None:
                return None
            body = change(body) or body
            self._db.execute(
                "UPDATE records SET body=?, modified=?, status=COALESCE(?, status) WHERE kind=? AND name=?",
                (json.dumps(body), now, status, kind, name),
            )
            return body

    def delete(self, kind: str, name: str) -> bool:
        """Remove a record with its tags and associations. False when it didn't exist."""
        with self.transaction():
            row = self._db.execute("SELECT arn FROM records WHERE kind=? AND name=?", (kind, name)).fetchone()
            if row is None:
                return False
            self._db.execute("DELETE FROM records WHERE kind=? AND name=?", (kind, name))
            self._db.execute("DELETE FROM tags WHERE arn=?", (row[0],))
            self._db.execute("DELETE FROM associations WHERE source=? OR destination=?", (row[0], row[0]))
            return True

    def read_page(
        self,
        kind: str,
        *,
        where: Iterable[tuple[str, str, Any]] = (),
        sort: str = "created",
        descending: bool = True,
        limit: int = 100,
        token: str | None = None,
    ) -> tuple[list[Body], str | None]:
        """One page of records and the token of the next.

        ``where`` holds (column, operator, value): columns name, status, parent, created, modified, or a JSON path
        such as ``$.SourceUri``; operators ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``contains``.
        Raises InvalidPageToken for a token that this store didn't make, or that belongs to another query or order.
        """
        if sort not in SORT_COLUMNS:
            raise ValueError(sort)
        clauses: list[str] = ["kind=?"]
        values: list[Any] = [kind]
        for column, op, value in where:
            if column.startswith("$."):
                expression = "json_extract(body, ?)"
                values.append(column)
            elif column in SORT_COLUMNS | {"parent", "arn"}:
                expression = column
            else:
                raise ValueError(column)
            if op == "contains":
                clauses.append(f"instr(lower({expression}), lower(?)) > 0")
            elif op in {"=", "!=", "<", "<=", ">", ">="}:
                clauses.append(f"{expression} {op} ?")
            else:
                raise ValueError(op)
            values.append(value)
        by = "COALESCE(status, '')" if sort == "status" else sort  # the others are never NULL, so that an index can serve them
        way = "DESC" if descending else "ASC"
        question = hashlib.sha256(json.dumps([clauses, values, sort, way]).encode()).hexdigest()[:16]
        if token is not None:
            try:
                asked, last, name = json.loads(base64.urlsafe_b64decode(token.encode()))
                str(last).encode()
                name.encode()
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise InvalidPageToken(token) from error
            if asked != question or not isinstance(last, str | float):
                raise InvalidPageToken(token)
            clauses.append(f"({by}, name) {'<' if descending else '>'} (?, ?)")
            values += [last, name]
        with self._db.lock:
            rows = self._db.execute(
                f"SELECT body, {by}, name FROM records WHERE {' AND '.join(clauses)} ORDER BY {by} {way}, name {way} LIMIT ?",
                [*values, limit + 1],
            ).fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        following = base64.urlsafe_b64encode(json.dumps([question, rows[-1][1], rows[-1][2]]).encode()).decode() if more else None
        return [json.loads(row[0]) for row in rows], following

    def list_records(self, kind: str, *where: tuple[str, str, Any]) -> list[Body]:
        """Every record that ``read_page`` would show, oldest first."""
        bodies: list[Body] = []
        token = None
        while True:
            some, token = self.read_page(kind, where=where, descending=False, limit=500, token=token)
            bodies += some
            if token is None:
                return bodies

    def count_records(self, kind: str, *, parent: str | None = None, status: str | None = None) -> int:
        with self._db.lock:
            row = self._db.execute(
                "SELECT COUNT(*) FROM records WHERE kind=? AND (? IS NULL OR parent=?) AND (? IS NULL OR status=?)",
                (kind, parent, parent, status, status),
            ).fetchone()
        return int(row[0])

    # associations ------------------------------------------------------------------------------

    def add_association(self, source: str, destination: str, type: str | None, *, now: float) -> None:
        """Add an edge. Raises RecordExists when the two are already associated."""
        with self.transaction():
            try:
                self._db.execute("INSERT INTO associations VALUES (?,?,?,?)", (source, destination, type, now))
            except sqlite3.IntegrityError as error:
                raise RecordExists(f"{source} -> {destination}") from error

    def remove_association(self, source: str, destination: str) -> bool:
        with self.transaction():
            done = self._db.execute("DELETE FROM associations WHERE source=? AND destination=?", (source, destination))
            return done.rowcount > 0

    def list_associations(self, *, source: str | None = None, destination: str | None = None) -> list[tuple[str, str, str | None, float]]:
        """Edges (source, destination, type, created), oldest first, filtered by either end."""
        with self._db.lock:
            return self._db.execute(
                "SELECT source, destination, type, created FROM associations"
                " WHERE (? IS NULL OR source=?) AND (? IS NULL OR destination=?) ORDER BY created, source, destination",
                (source, source, destination, destination),
            ).fetchall()

    def change_count(self) -> int:
        """A number that grows with every write."""
        with self._db.lock:
            return int(self._db.execute("SELECT total_changes()").fetchone()[0])

    def kinds_and_times(self, arns: Iterable[str]) -> dict[str, tuple[str, float]]:
        """ARN -> (kind, created) of the records that exist, without reading their bodies."""
        with self._db.lock:
            rows = self._db.execute(
                "SELECT arn, kind, created FROM records WHERE arn IN (SELECT value FROM json_each(?))", (json.dumps(list(arns)),)
            ).fetchall()
        return {arn: (kind, created) for arn, kind, created in rows}

    # tags --------------------------------------------------------------------------------------

    def add_tags(self, arn: str, tags: dict[str, str]) -> None:
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO tags VALUES (?,?,?)", [(arn, k, v) for k, v in tags.items()])

    def remove_tags(self, arn: str, keys: Iterable[str]) -> None:
        with self.transaction():
            self._db.executemany("DELETE FROM tags WHERE arn=? AND key=?", [(arn, key) for key in keys])

    def read_tags(self, arn: str) -> dict[str, str]:
        with self._db.lock:
            return dict(self._db.execute("SELECT key, value FROM tags WHERE arn=? ORDER BY key", (arn,)).fetchall())

    # logs --------------------------------------------------------------------------------------

    def append_log(self, group: str, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Append (milliseconds since the epoch, message) lines to a stream."""
        with self.transaction():
            self._db.executemany(
                "INSERT INTO logs (grp, stream, time, message) VALUES (?,?,?,?)",
                [(group, stream, at, message) for at, message in events],
            )

    def list_log_streams(self, group: str, prefix: str = "") -> list[tuple[str, int, int]]:
        """(stream, first event, last event) of a group, times in milliseconds, by name."""
        with self._db.lock:
            return self._db.execute(
                "SELECT stream, MIN(time), MAX(time) FROM logs WHERE grp=? AND substr(stream, 1, ?)=? GROUP BY stream ORDER BY stream",
                (group, len(prefix), prefix),
            ).fetchall()

    def read_log_events(
        self, group: str, stream: str, *, after: int = 0, limit: int = 10_000, start: int | None = None, end: int | None = None
    ) -> list[tuple[int, int, str]]:
        """(id, milliseconds, message) of a stream with id > ``after``, oldest first."""
        with self._db.lock:
            return self._db.execute(
                "SELECT id, time, message FROM logs WHERE grp=? AND stream=? AND id>?"
                " AND (? IS NULL OR time>=?) AND (? IS NULL OR time<?) ORDER BY id LIMIT ?",
                (group, stream, after, start, start, end, end, limit),
            ).fetchall()


def pick(body: Body, *names: str) -> Body:
    """The named members of a record; a member that the record doesn't have is left out."""
    return {name: body[name] for name in names if name in body}
