"""Has the evidence changed? Compares files in S3 with the hashes that were recorded of them earlier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.aws.file_snapshot import FileDigest, take_snapshot
from core.aws.target import Target
from core.errors import FILE_GONE_HINT, NotFound


@dataclass(frozen=True)
class PinnedFile:
    """A file as it was recorded: its URI, and the SHA-256 of its content in hex; either is None if it was never recorded. ``version``: the
    id of its version in S3; None if the bucket kept no versions, and in what an earlier release recorded."""

    uri: str | None
    sha256: str | None
    version: str | None = None


@dataclass(frozen=True)
class FileChange:
    """A file that differs from what was recorded. ``is_missing``: it doesn't exist any more; ``version``: the id of the version that was
    recorded, which still has the recorded content."""

    name: str
    uri: str
    is_missing: bool
    version: str | None = None

    def __str__(self) -> str:
        recorded = f"; the recorded version is {self.version}" if self.version else ""
        return f"{self.name} {'is gone' if self.is_missing else 'has changed'} ({self.uri}{recorded})"


def pin_files(target: Target, uris: Mapping[str, str]) -> dict[str, FileDigest]:
    """Hash, size and version of each file, by its name. Raises NotFound for a file that doesn't exist."""
    digests = take_snapshot(target).files.digest_all(uris.values())
    pinned: dict[str, FileDigest] = {}
    for name, uri in uris.items():
        found = digests[uri]
        if found is None:
            raise NotFound(f"{uri} doesn't exist.", resource=uri, hint=FILE_GONE_HINT)
        pinned[name] = found
    return pinned


def find_changed_files(target: Target, pinned: Mapping[str, PinnedFile]) -> list[FileChange]:
    """The files that are missing or have another hash than recorded, in the order given; a file without a recorded URI or hash counts as
    changed. On a snapshot of the target, no file is read twice. Raises Forbidden and TargetUnavailable: a file that can't be read now
    may be unchanged."""
    digests = take_snapshot(target).files.digest_all(file.uri for file in pinned.values() if file.uri and file.sha256)
    changes = []
    for name, file in pinned.items():
        digest = digests.get(file.uri) if file.uri else None
        if digest is None or digest.sha256 != file.sha256:
            changes.append(FileChange(name, file.uri or "", is_missing=digest is None, version=file.version))
    return changes
