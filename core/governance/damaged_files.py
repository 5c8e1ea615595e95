"""Files as the verification reads them: one that is damaged is named, and the others are read all the same."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

from core.aws.file_snapshot import FileSnapshot, TargetSnapshot
from core.aws.read_snapshot import ReadMemory, reading_client
from core.aws.s3_files import FileState, split_uri
from core.aws.target import Target
from core.errors import NotFound, TargetUnavailable, translate_aws_errors


@dataclass(frozen=True)
class DamageNotingFiles(FileSnapshot):
    """A file that the target can't give, while it responds otherwise, counts as missing. ``damage``: its URI -> what the target said."""

    damage: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def _fetch(self, uri: str) -> tuple[bytes, FileState] | NotFound:
        try:
            return super()._fetch(uri)
        except TargetUnavailable as error:
            bucket, key = split_uri(uri)
            with translate_aws_errors(uri):
                self.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)  # raises if the target doesn't respond at all
            self.damage[uri] = error.message
            return NotFound(f"{uri} is damaged: {error.message}", resource=uri, hint="Restore the file from a copy.")

    def describe(self, change: str) -> str:
        """What has changed, in words that say of a damaged file that it is damaged. ``change``: as the evidence describes it."""
        for uri, message in self.damage.items():
            if (gone := f"is gone ({uri}") in change:
                return change.replace(gone, f"is damaged: {message} ({uri}")
        return change


@dataclass(frozen=True)
class VerificationTarget(TargetSnapshot):
    """A target whose files are each read once, damaged ones noted, and whose SageMaker is asked each question once."""

    @cached_property
    def files(self) -> DamageNotingFiles:
        """Files in S3 by their URI, as they were at the first reading."""
        return DamageNotingFiles(self.s3, self.settings)


def read_for_verification(target: Target) -> VerificationTarget:
    """The target for one verification."""
    parts = {one.name: getattr(target, one.name) for one in fields(Target)}
    return VerificationTarget(**{**parts, "sagemaker": reading_client(target.sagemaker, ReadMemory())})
