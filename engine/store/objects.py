"""Objects on disk: contents in files with random names, everything else in an SQLite index.

An object is created, replaced and deleted by one commit of the index, made after its content is on disk. So an object is complete or
doesn't exist, a key is never part of a path, and listing reads the index. Files that no row names, left by a crash, are removed at the
next start.

Which versions a key has, and which of them is the object, is ``version_index``.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engine.store.database import Database, UnusableWorkspace
from engine.store.stored_objects import (
    UNCONDITIONAL,
    DeleteMarker,
    Deletion,
    IncomingBody,
    NoSuchBucket,
    NoSuchUpload,
    StoredObject,
    WriteCondition,
)
from engine.store.version_index import VersionIndex

SCHEMAS = (
    """
CREATE TABLE buckets (name TEXT PRIMARY KEY, created REAL NOT NULL);
CREATE TABLE objects (bucket TEXT, key TEXT, file TEXT, size INTEGER, etag TEXT, modified REAL, headers TEXT,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE uploads (id TEXT PRIMARY KEY, bucket TEXT, key TEXT, headers TEXT, started REAL);
CREATE TABLE parts (upload TEXT, number INTEGER, file TEXT, size INTEGER, etag TEXT, modified REAL, PRIMARY KEY (upload, number));
""",
    """
ALTER TABLE buckets ADD COLUMN versioning TEXT;
ALTER TABLE objects ADD COLUMN version TEXT NOT NULL DEFAULT 'null';
ALTER TABLE objects ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
CREATE TABLE versions (bucket TEXT, key TEXT, file TEXT, size INTEGER, etag TEXT, modified REAL, headers TEXT, version TEXT NOT NULL,
  number INTEGER NOT NULL, PRIMARY KEY (bucket, key, number DESC)) WITHOUT ROWID;
CREATE UNIQUE INDEX versions_id ON versions (bucket, key, version);
""",
)


class ObjectStore:
    """Buckets and objects under ``root``. Safe to use from many threads of one process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        index = root / "index.db"
        if not (index.exists() and index.stat().st_size) and any(self.files.iterdir()):
            raise UnusableWorkspace(
                f"{index} is missing, but the objects that it describes exist: restore it from a backup, or choose another workspace"
            )
        self._db = Database(index, SCHEMAS)
        self._versions = VersionIndex(self._db, self.files)
        named = {
            row[0] for row in self._db.execute("SELECT file FROM objects UNION SELECT file FROM versions UNION SELECT file FROM parts")
        }
        for path in self.files.iterdir():
            if path.name not in named:
                path.unlink()

    def close(self) -> None:
        self._db.close()

    # buckets ---------------------------------------------------------------------------------------

    def create_bucket(self, name: str, now: float) -> bool:
        """False when it exists already."""
        with self._db.transaction() as db:
            return db.execute("INSERT OR IGNORE INTO buckets (name, created) VALUES (?,?)", (name, now)).rowcount > 0

    def has_bucket(self, name: str) -> bool:
        with self._db.lock:
            return self._db.execute("SELECT 1 FROM buckets WHERE name=?", (name,)).fetchone() is not None

    def list_buckets(self) -> list[tuple[str, float]]:
        with self._db.lock:
            return self._db.execute("SELECT name, created FROM buckets ORDER BY name").fetchall()

    def delete_bucket(self, name: str) -> bool:
        """False when it still has objects, versions of them or delete markers. Its unfinished uploads end with it."""
        with self._db.transaction() as db:
            if db.execute(
                "SELECT 1 FROM objects WHERE bucket=? UNION ALL SELECT 1 FROM versions WHERE bucket=? LIMIT 1", (name,) * 2
            ).fetchone():
                return False
            db.execute("DELETE FROM buckets WHERE name=?", (name,))
            uploads = [row[0] for row in db.execute("SELECT id FROM uploads WHERE bucket=?", (name,)).fetchall()]
            files = [file for upload in uploads for file in self._forget_upload(upload)]
        self._remove_files(files)
        return True

    def set_versioning(self, bucket: str, status: str) -> None:
        """Keep versions from now on (``Enabled``), or no more (``Suspended``). Raises NoSuchBucket."""
        with self._db.transaction() as db:
            if db.execute("UPDATE buckets SET versioning=? WHERE name=?", (status, bucket)).rowcount == 0:
                raise NoSuchBucket(bucket)

    def get_versioning(self, bucket: str) -> str | None:
        """``Enabled``, ``Suspended``, or None for a bucket that never kept versions."""
        with self._db.lock:
            return self._versions.versioning(bucket)

    def _require_bucket(self, name: str) -> None:
        if not self.has_bucket(name):
            raise NoSuchBucket(name)

    # contents --------------------------------------------------------------------------------------

    @contextmanager
    def receive_body(self) -> Iterator[IncomingBody]:
        """A file to write a body to; removed unless ``put`` or ``put_part`` takes it over."""
        path = self.files / uuid.uuid4().hex
        with path.open("wb") as file:
            body = IncomingBody(path, file)
            try:
                yield body
            except BaseException:
                if not body.taken_over:
                    path.unlink(missing_ok=True)
                raise

    @contextmanager
    def _commit_body(self, body: IncomingBody) -> Iterator[Database]:
        """A transaction for the index, after the body is synced to disk; the body's file is removed if the transaction fails."""
        body.taken_over = True
        try:
            body.file.flush()
            os.fsync(body.file.fileno())
            folder = os.open(self.files, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            with self._db.transaction() as db:
                yield db
        except BaseException:
            self._remove_files([body.path.name])
            raise

    def _remove_files(self, files: Iterable[str]) -> None:
        """Remove files that no row names any more; a file that can't be removed now is removed at the next start."""
        for file in files:
            with suppress(OSError):
                (self.files / file).unlink()

    def put(
        self,
        bucket: str,
        key: str,
        body: IncomingBody,
        headers: dict[str, str],
        now: float,
        *,
        etag: str | None = None,
        condition: WriteCondition = UNCONDITIONAL,
        upload: str | None = None,
    ) -> StoredObject:
        """Make ``body`` the object of this key, and end the multipart ``upload`` whose parts were joined to it. What the key had before
        stays as an earlier version, if the bucket keeps versions.

        Raises NoSuchBucket, NoSuchUpload, and what ``condition`` raises.
        """
        etag = etag or body.md5.hexdigest()
        with self._commit_body(body):
            self._require_bucket(bucket)
            self._versions.check(bucket, key, condition)
            stored, files = self._versions.add(StoredObject(bucket, key, body.path, body.size, etag, now, headers))
            files += self._forget_upload(upload) if upload else []
        self._remove_files(files)
        return stored

    def get(self, bucket: str, key: str, version: str | None = None) -> StoredObject | None:
        """The object, or the named version of it; None when the key has none. Raises NoSuchVersion, and IsDeleteMarker where the version is
        one or the object was deleted."""
        with self._db.lock:
            return self._versions.find(bucket, key, version)

    def open(self, bucket: str, key: str, version: str | None = None) -> tuple[StoredObject, BinaryIO] | None:
        """The object, or the named version of it, and its opened content, as one step: a later write doesn't change what is read. Raises
        what ``get`` raises."""
        with self._db.lock:
            found = self._versions.find(bucket, key, version)
            return (found, found.path.open("rb")) if found else None

    def delete(self, bucket: str, key: str, now: float, *, condition: WriteCondition = UNCONDITIONAL) -> Deletion:
        """Remove the object, if there is one; in a bucket that keeps versions, or once did, a delete marker becomes the key's newest
        version. Raises NoSuchBucket, and what ``condition`` raises."""
        with self._db.transaction():
            self._require_bucket(bucket)
            self._versions.check(bucket, key, condition)
            done, files = self._versions.delete(bucket, key, now)
        self._remove_files(files)
        return done

    def delete_version(self, bucket: str, key: str, version: str, *, condition: WriteCondition = UNCONDITIONAL) -> Deletion:
        """Remove a version, or a delete marker, for good; the newest that is left becomes the object, unless it is a delete marker.
        ``condition``: of that version. Raises what it raises, and NoSuchVersion for what can't be a version's id."""
        with self._db.transaction():
            self._versions.check(bucket, key, condition, version)
            done, files = self._versions.delete_version(bucket, key, version)
        self._remove_files(files)
        return done

    def list_objects(self, bucket: str, *, prefix: str, after: str = "", start: str = "", limit: int) -> list[StoredObject]:
        """Objects whose key has ``prefix``, is greater than ``after`` and not before ``start``, in the order of their UTF-8 bytes."""
        with self._db.lock:
            return self._versions.list_objects(bucket, prefix, after, start, limit)

    def list_versions(
        self, bucket: str, *, prefix: str, after: str = "", before_number: int = 0, start: str = "", limit: int
    ) -> list[tuple[StoredObject | DeleteMarker, bool]]:
        """Versions and delete markers, each with whether it is its key's newest: of keys as in ``list_objects``, and those of ``after``
        itself whose number is below ``before_number``; by key, the newest first."""
        with self._db.lock:
            return self._versions.list_versions(bucket, prefix, after, before_number, start, limit)

    def version_number(self, bucket: str, key: str, version: str) -> int:
        """The number below which the versions lie that follow this one in a list, even if it was deleted meanwhile. Raises NoSuchVersion
        for what can't be a version's id."""
        with self._db.lock:
            return self._versions.number_of(bucket, key, version)

    # multipart -------------------------------------------------------------------------------------

    def start_upload(self, bucket: str, key: str, headers: dict[str, str], now: float) -> str:
        upload = f"{int(now * 1000):012x}{uuid.uuid4().hex[12:]}"  # sorts by start time, as lists of uploads do
        with self._db.transaction() as db:
            self._require_bucket(bucket)
            db.execute("INSERT INTO uploads VALUES (?,?,?,?,?)", (upload, bucket, key, json.dumps(headers), now))
        return upload

    def upload_headers(self, upload: str, bucket: str, key: str) -> dict[str, str] | None:
        """The headers that an upload was started with; None when it doesn't exist."""
        with self._db.lock:
            row = self._db.execute("SELECT headers FROM uploads WHERE id=? AND bucket=? AND key=?", (upload, bucket, key)).fetchone()
        return json.loads(row[0]) if row else None

    def list_uploads(self, bucket: str, prefix: str = "") -> list[tuple[str, str, float]]:
        """(key, upload, started) of the unfinished uploads."""
        with self._db.lock:
            return self._db.execute(
                "SELECT key, id, started FROM uploads WHERE bucket=? AND substr(key, 1, ?)=? ORDER BY key, id",
                (bucket, len(prefix), prefix),
            ).fetchall()

    def put_part(self, upload: str, number: int, body: IncomingBody, now: float) -> str:
        """Keep a part, and return its ETag. Raises NoSuchUpload."""
        etag = body.md5.hexdigest()
        with self._commit_body(body) as db:
            if db.execute("SELECT 1 FROM uploads WHERE id=?", (upload,)).fetchone() is None:
                raise NoSuchUpload(upload)
            old = db.execute("SELECT file FROM parts WHERE upload=? AND number=?", (upload, number)).fetchone()
            db.execute("INSERT OR REPLACE INTO parts VALUES (?,?,?,?,?,?)", (upload, number, body.path.name, body.size, etag, now))
        self._remove_files([old[0]] if old else [])
        return etag

    def list_parts(self, upload: str) -> list[tuple[int, str, int, str, float]]:
        """(number, file, size, etag, modified) of the parts that were received."""
        with self._db.lock:
            return self._db.execute(
                "SELECT number, file, size, etag, modified FROM parts WHERE upload=? ORDER BY number", (upload,)
            ).fetchall()

    def open_part(self, file: str) -> BinaryIO:
        """The content of a part, by the file name that ``list_parts`` gives. Raises NoSuchUpload when its upload ended meanwhile."""
        try:
            return (self.files / file).open("rb")
        except FileNotFoundError as error:
            raise NoSuchUpload(file) from error

    def end_upload(self, upload: str) -> None:
        """End an upload and remove its parts."""
        with self._db.transaction():
            files = self._forget_upload(upload)
        self._remove_files(files)

    def _forget_upload(self, upload: str) -> list[str]:
        """Remove an upload from the index; returns the files of its parts. Raises NoSuchUpload."""
        if self._db.execute("DELETE FROM uploads WHERE id=?", (upload,)).rowcount == 0:
            raise NoSuchUpload(upload)
        return [row[0] for row in self._db.execute("DELETE FROM parts WHERE upload=? RETURNING file", (upload,)).fetchall()]
