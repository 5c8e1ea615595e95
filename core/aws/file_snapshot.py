"""Files of S3 as one piece of work sees them: each is read once, and hashed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from threading import Lock

from core.aws.s3_files import FileState, S3Files
from core.aws.target import Target
from core.errors import NotFound

LARGE_BYTES = 1_000_000
"""A file of more bytes isn't kept in memory longer than it is worked with."""


@dataclass(frozen=True)
class FileDigest:
    """``sha256`` in hex; ``size``: in bytes; ``state``: which version of the file was hashed."""

    sha256: str
    size: int
    state: FileState


@dataclass(frozen=True)
class FileSnapshot(S3Files):
    """Files that are read from S3 once. What was read is kept for as long as the snapshot is; of what was only hashed, the digest alone, so
    that large data doesn't stay in memory. Files that are written through the snapshot are seen as written."""

    _contents: dict[str, tuple[bytes, FileState] | NotFound] = field(default_factory=dict, compare=False, repr=False)
    _digests: dict[str, FileDigest | None] = field(default_factory=dict, compare=False, repr=False)
    _locks: dict[str, Lock] = field(default_factory=dict, compare=False, repr=False)
    """One for each file, so that threads which need the same file read it once."""

    @property
    def digest_count(self) -> int:
        """How many files were asked for their digest."""
        return len(self._digests)

    def read(self, uri: str) -> bytes:
        """The content of a file, as it was at the first reading. Raises NotFound."""
        with self._lock_of(uri):
            found = self._contents.get(uri)
            if found is None:
                found = self._contents[uri] = self._fetch(uri)
        if isinstance(found, NotFound):
            raise found
        return found[0]

    def digest(self, uri: str) -> FileDigest | None:
        """SHA-256 and size of a file, as it was at the first reading; None for a file that doesn't exist."""
        with self._lock_of(uri):
            if uri not in self._digests:
                found = self._contents.get(uri) or self._fetch(uri)
                self._digests[uri] = None if isinstance(found, NotFound) else _digest(*found)
            return self._digests[uri]

    def digest_all(self, uris: Iterable[str]) -> dict[str, FileDigest | None]:
        """The digests of several files by URI, read eight at a time; None for a file that doesn't exist."""
        distinct = list(dict.fromkeys(uris))
        self._for_each_unhashed(distinct, self.digest)
        return {uri: self._digests[uri] for uri in distinct}

    def keep_contents(self, uris: Iterable[str]) -> None:
        """Read files that will be both hashed and worked with, eight at a time, so that each is read once. Those that were hashed before
        are left out: what was computed of their content may be known by their digests. A file that doesn't exist is passed over."""

        def keep(uri: str) -> None:
            with suppress(NotFound):
                self.read(uri)

        self._for_each_unhashed(dict.fromkeys(uris), keep)

    def _for_each_unhashed(self, uris: Iterable[str], work: Callable[[str], object]) -> None:
        unhashed = [uri for uri in uris if uri not in self._digests]
        if unhashed:  # starting threads takes longer than to look up what is known
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(work, unhashed))

    def forget_large_contents(self) -> None:
        """Keep the digests alone of large files that were read and hashed, so that much data doesn't stay in memory."""
        for uri, digest in self._digests.items():
            if digest is not None and digest.size > LARGE_BYTES:
                self._contents.pop(uri, None)

    def read_or_write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> bytes:
        """The content of a file whose name stands for its content; it is written first if it doesn't exist yet."""
        try:
            return self.read(uri)
        except NotFound:
            self.write_conditionally(uri, content, content_type)
            return self.read(uri)

    def write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Write a file, over an earlier one if there is one; returns its URI."""
        self._forget(uri)
        return super().write(uri, content, content_type)

    def write_conditionally(
        self, uri: str, content: bytes, content_type: str = "application/octet-stream", *, expected_etag: str | None = None
    ) -> bool:
        """Write a new file, or replace the one that has ``expected_etag``. False, with nothing written, if another writer was first."""
        self._forget(uri)
        return super().write_conditionally(uri, content, content_type, expected_etag=expected_etag)

    def _note_written(self, uri: str, content: bytes, state: FileState) -> None:
        self._contents[uri] = content, state

    def _lock_of(self, uri: str) -> Lock:
        return self._locks.setdefault(uri, Lock())

    def find_state(self, uri: str) -> FileState | None:
        """Which version of a file is the current one; of a file that was read, the version that was read. None if it doesn't exist."""
        if uri in self._digests:
            digest = self._digests[uri]
            return digest.state if digest else None
        found = self._contents.get(uri)
        if found is None:
            return super().find_state(uri)
        return None if isinstance(found, NotFound) else found[1]

    def _fetch(self, uri: str) -> tuple[bytes, FileState] | NotFound:
        try:
            return self.read_with_state(uri)
        except NotFound as error:
            return error

    def _forget(self, uri: str) -> None:
        self._contents.pop(uri, None)
        self._digests.pop(uri, None)


def _digest(content: bytes, state: FileState) -> FileDigest:
    return FileDigest(hashlib.sha256(content).hexdigest(), len(content), state)


@dataclass(frozen=True)
class TargetSnapshot(Target):
    """A target whose files are each read once, and what doesn't change is asked for once. Its other calls go to AWS as always."""

    _kept: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    def keep(self, key: str, found: object) -> None:
        """Keep what was read and doesn't change, for ``recall``."""
        self._kept[key] = found

    def recall(self, key: str) -> object:
        """What was kept under this key; None if nothing was."""
        return self._kept.get(key)

    @cached_property
    def files(self) -> FileSnapshot:
        """Files in S3 by their URI, as they were at the first reading."""
        return FileSnapshot(self.s3, self.settings)


def take_snapshot(target: Target) -> TargetSnapshot:
    """The target for one piece of work; a snapshot stays the one that it is."""
    if isinstance(target, TargetSnapshot):
        return target
    return TargetSnapshot(**{one.name: getattr(target, one.name) for one in fields(Target)})
