"""The index of objects: which versions a key has, which of them is the object, and which of its rows a write or a deletion replaces.

The table ``objects`` has the objects that there are; ``versions`` has their earlier versions and the delete markers. So the newest version
of a key is in ``objects``, unless it is a delete marker. A version's number is greater than those that its key has when it is written.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.store.database import Database
from engine.store.stored_objects import (
    NULL_VERSION,
    DeleteMarker,
    Deletion,
    IsDeleteMarker,
    NoSuchVersion,
    StoredObject,
    WriteCondition,
    first_after_prefix,
)

COLUMNS = "bucket, key, file, size, etag, modified, headers, version, number"
"""The columns of both tables; a delete marker's file is NULL."""
MAX_NUMBER = 2**47


def new_version_id(number: int) -> str:
    """An id of 32 characters that no other version has, for the version of this number."""
    return base64.urlsafe_b64encode(number.to_bytes(6) + secrets.token_bytes(18)).decode()


def parse_version_id(version: str) -> int:
    """The number of the version that has this id. Raises NoSuchVersion for what can't be one."""
    if not re.fullmatch("[A-Za-z0-9_-]{32}", version):
        raise NoSuchVersion(version)
    return int.from_bytes(base64.urlsafe_b64decode(version)[:6])


class VersionIndex:
    """The two tables. Who calls holds the database's lock; who writes is in a transaction. Methods that write return the names of the files
    that no row names any more."""

    def __init__(self, db: Database, files: Path) -> None:
        self._db, self._files = db, files

    def versioning(self, bucket: str) -> str | None:
        """``Enabled``, ``Suspended``, or None for a bucket that never kept versions."""
        row = self._db.execute("SELECT versioning FROM buckets WHERE name=?", (bucket,)).fetchone()
        return row[0] if row else None

    def check(self, bucket: str, key: str, condition: WriteCondition, version: str | None = None) -> None:
        """Raises what ``condition`` raises for the object, or for the named version of it; a delete marker is no object."""
        try:
            found = self.find(bucket, key, version)
        except (IsDeleteMarker, NoSuchVersion):
            found = None
        condition.check(key, found.etag if found else None)

    def add(self, stored: StoredObject) -> tuple[StoredObject, list[str]]:
        """Make this the key's object; it is returned with its version and number."""
        version, number, files = self._make_room(stored.bucket, stored.key)
        headers = json.dumps(stored.headers)
        self._insert(
            "objects",
            (stored.bucket, stored.key, stored.path.name, stored.size, stored.etag, stored.modified, headers, version, number),
        )
        return replace(stored, version=version, number=number), files

    def delete(self, bucket: str, key: str, now: float) -> tuple[Deletion, list[str]]:
        """Remove the object, or put a delete marker before it."""
        version, number, files = self._make_room(bucket, key)
        if self.versioning(bucket) is None:
            return Deletion(None, False), files
        self._insert("versions", (bucket, key, None, 0, "", now, "{}", version, number))
        return Deletion(version, True), files

    def delete_version(self, bucket: str, key: str, version: str) -> tuple[Deletion, list[str]]:
        """Remove a version for good; the newest that is left becomes the object, unless it is a delete marker."""
        if version != NULL_VERSION:
            parse_version_id(version)
        is_marker, files = self._remove(bucket, key, version)
        found = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE bucket=? AND key=?", (bucket, key)).fetchone()
        newest = found or self._newest_before(bucket, key)
        if found is None and newest is not None and newest[2] is not None:
            self._db.execute("DELETE FROM versions WHERE bucket=? AND key=? AND number=?", (bucket, key, newest[-1]))
            self._insert("objects", newest)
        return Deletion(version, is_marker), files

    def _insert(self, table: str, row: tuple[Any, ...]) -> None:
        self._db.execute(f"INSERT INTO {table} ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", row)

    def _newest_before(self, bucket: str, key: str) -> tuple[Any, ...] | None:
        """The newest row of ``versions``."""
        row: tuple[Any, ...] | None = self._db.execute(
            f"SELECT {COLUMNS} FROM versions WHERE bucket=? AND key=? ORDER BY number DESC LIMIT 1", (bucket, key)
        ).fetchone()
        return row

    def _make_room(self, bucket: str, key: str) -> tuple[str, int, list[str]]:
        """Make what the key has an earlier version, or remove it if it has the id that the next one gets; (id, number) of the next one, and
        the files that it replaces."""
        where = (bucket, key)
        newest = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE bucket=? AND key=?", where).fetchone()
        newest = newest or self._newest_before(bucket, key)
        number = (newest[-1] if newest else 0) + 1
        is_kept = self.versioning(bucket) == "Enabled"
        files = [] if is_kept else self._remove(bucket, key, NULL_VERSION)[1]
        self._db.execute(f"INSERT INTO versions ({COLUMNS}) SELECT {COLUMNS} FROM objects WHERE bucket=? AND key=?", where)
        self._db.execute("DELETE FROM objects WHERE bucket=? AND key=?", where)
        return new_version_id(number) if is_kept else NULL_VERSION, number, files

    def _remove(self, bucket: str, key: str, version: str) -> tuple[bool, list[str]]:
        """Remove a version's row: whether it was a delete marker, and else its file."""
        for table in ("objects", "versions"):
            row = self._db.execute(
                f"DELETE FROM {table} WHERE bucket=? AND key=? AND version=? RETURNING file", (bucket, key, version)
            ).fetchone()
            if row:
                return row[0] is None, [row[0]] if row[0] else []
        return False, []

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject | None:
        """The object, or the named version of it; None when the key has none. Raises NoSuchVersion, and IsDeleteMarker where the version is
        one or the object was deleted."""
        where = "bucket=? AND key=?" + ("" if version is None else " AND version=?")
        values = (bucket, key) if version is None else (bucket, key, version)
        row = self._db.execute(f"SELECT {COLUMNS} FROM objects WHERE {where}", values).fetchone()
        if row is None:
            row = self._db.execute(f"SELECT {COLUMNS} FROM versions WHERE {where} ORDER BY number DESC LIMIT 1", values).fetchone()
        if row is None:
            if version is None:
                return None
            raise NoSuchVersion(version)
        found = self._to_version(row)
        if isinstance(found, DeleteMarker):
            raise IsDeleteMarker(found)
        return found

    def list_objects(self, bucket: str, prefix: str, after: str, start: str, limit: int) -> list[StoredObject]:
        """As ``ObjectStore.list_objects``."""
        end = first_after_prefix(prefix)
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM objects WHERE bucket=? AND key>? AND key>=? AND (? IS NULL OR key<?) ORDER BY key LIMIT ?",
            (bucket, after, max(prefix, start), end, end, limit),
        ).fetchall()
        return [found for row in rows if isinstance(found := self._to_version(row), StoredObject)]

    def list_versions(
        self, bucket: str, prefix: str, after: str, before_number: int, start: str, limit: int
    ) -> list[tuple[StoredObject | DeleteMarker, bool]]:
        """As ``ObjectStore.list_versions``."""
        among = "bucket=:bucket AND key>=:start AND (:end IS NULL OR key<:end) AND (key>:after OR (key=:after AND number<:number))"
        without_object = "NOT EXISTS (SELECT 1 FROM objects o WHERE o.bucket=v.bucket AND o.key=v.key)"
        newest = "number=(SELECT MAX(number) FROM versions n WHERE n.bucket=v.bucket AND n.key=v.key)"
        rows = self._db.execute(
            f"SELECT {COLUMNS}, 1 FROM objects WHERE {among}"
            f" UNION ALL SELECT {COLUMNS}, file IS NULL AND {without_object} AND {newest} FROM versions v WHERE {among}"
            " ORDER BY key, number DESC LIMIT :limit",
            {
                "bucket": bucket,
                "start": max(prefix, start, after),
                "end": first_after_prefix(prefix),
                "after": after,
                "number": before_number,
                "limit": limit,
            },
        ).fetchall()
        return [(self._to_version(row[:-1]), bool(row[-1])) for row in rows]

    def number_of(self, bucket: str, key: str, version: str) -> int:
        """As ``ObjectStore.version_number``."""
        if version != NULL_VERSION:
            return parse_version_id(version)
        row = self._db.execute(
            "SELECT number FROM objects WHERE bucket=:b AND key=:k AND version=:v"
            " UNION ALL SELECT number FROM versions WHERE bucket=:b AND key=:k AND version=:v",
            {"b": bucket, "k": key, "v": version},
        ).fetchone()
        return int(row[0]) if row else MAX_NUMBER  # nothing says where it was: the key's versions once more, rather than too few

    def _to_version(self, row: tuple[Any, ...]) -> StoredObject | DeleteMarker:
        bucket, key, file, size, etag, modified, headers, version, number = row
        if file is None:
            return DeleteMarker(bucket, key, modified, version, number)
        return StoredObject(bucket, key, self._files / file, size, etag, modified, json.loads(headers), version, number)
