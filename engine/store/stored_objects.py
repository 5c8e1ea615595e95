"""Objects as the store gives and takes them, and the conditions that a write can set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

NULL_VERSION = "null"
"""The id of a version that was written while its bucket kept no versions; a key has at most one."""


class PreconditionFailed(Exception):
    """The stored object is not the one that the caller's condition names."""


class NoSuchBucket(Exception):
    """The bucket doesn't exist, or was deleted while the object was being received."""


class NoSuchKey(Exception):
    """If-Match names an object, and none exists."""


class NoSuchVersion(Exception):
    """The key has no version with this id."""


class NoSuchUpload(Exception):
    """The multipart upload doesn't exist, or ended while its part was being received."""


@dataclass(frozen=True)
class WriteCondition:
    """The condition of a write: no object exists (``absent``), or one with this ETag (``*``: any)."""

    absent: bool = False
    etag: str | None = None

    def check(self, key: str, etag: str | None) -> None:
        """Raises PreconditionFailed, or NoSuchKey when an ETag is named and no object exists."""
        if self.absent and etag is not None:
            raise PreconditionFailed(key)
        if self.etag is not None:
            if etag is None:
                raise NoSuchKey(key)
            if self.etag not in {etag, "*"}:
                raise PreconditionFailed(key)


UNCONDITIONAL = WriteCondition()


@dataclass(frozen=True)
class StoredObject:
    """One version of an object as the index describes it. ``headers``: its content type, user metadata and checksums, as the client sent
    them; ``version``: its id, ``null`` if it was written while its bucket kept no versions; ``number``: grows with the key's versions."""

    bucket: str
    key: str
    path: Path
    size: int
    etag: str
    modified: float
    headers: dict[str, str]
    version: str = NULL_VERSION
    number: int = 0


@dataclass(frozen=True)
class DeleteMarker:
    """A version without content: while it is the newest, the key has no object. ``number`` as in ``StoredObject``."""

    bucket: str
    key: str
    modified: float
    version: str
    number: int


class IsDeleteMarker(Exception):
    """The version that was asked for is a delete marker."""

    def __init__(self, marker: DeleteMarker) -> None:
        super().__init__(marker.key)
        self.marker = marker


@dataclass(frozen=True)
class Deletion:
    """What a deletion did. ``version``: the id of the delete marker that it made, or of the version that it removed; None in a bucket that
    never kept versions. ``is_marker``: whether that is a delete marker."""

    version: str | None
    is_marker: bool


@dataclass
class IncomingBody:
    """A body that is being received: written to a file, and hashed for its ETag, chunk by chunk."""

    path: Path
    file: BinaryIO
    size: int = 0
    taken_over: bool = False
    md5: hashlib._Hash = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self.md5.update(chunk)
        self.size += len(chunk)


def first_after_prefix(prefix: str) -> str | None:
    """The first string, in the order of UTF-8 bytes, after all those that start with ``prefix``; None when no string comes after them."""
    while prefix:
        following = ord(prefix[-1]) + 1
        if following <= 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
        prefix = prefix[:-1]
    return None
