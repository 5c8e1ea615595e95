"""Has the evidence changed? Compares files in S3 with the hashes that were recorded of them earlier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.aws.file_snapshot import take_snapshot
from core.aws.target import Target


@dataclass(frozen=True)
class PinnedFile:
    """A file as it was recorded: its URI, and the SHA-256 of its content in hex. Either is None if it was never recorded."""

    uri: str | None
    sha256: str | None


@dataclass(frozen=True)
class FileChange:
    """A file that differs from what was recorded. ``is_missing``: it doesn't exist any more."""

    name: str
    uri: str
    is_missing: bool

    def __str__(self) -> str:
        return f"{self.name} {'is gone' if self.is_missing else 'has changed'} ({self.uri})"


def find_changed_files(target: Target, pinned: Mapping[str, PinnedFile]) -> list[FileChange]:
    """The files that are missing or have another hash than recorded, in the order given; a file without a recorded URI or hash counts as
    changed. On a snapshot of the target, no file is read twice. Raises Forbidden and TargetUnavailable: a file that can't be read now
    may be unchanged."""
    digests = take_snapshot(target).files.digest_all(file.uri for file in pinned.values() if file.uri and file.sha256)
    changes = []
    for name, file in pinned.items():
        digest = digests.get(file.uri) if file.uri else None
        if digest is None or digest.sha256 != file.sha256:
            changes.append(FileChange(name, file.uri or "", is_missing=digest is None))
    return changes
