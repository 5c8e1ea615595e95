"""Files in S3 by their URI: read, written, listed. Reached as ``target.files``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar, overload

from botocore.exceptions import ClientError

from core.aws import complete_responses, request_defaults, retries
from core.errors import DataError, translate_aws_errors
from core.settings import Settings
from core.stored_json import parse_stored_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        ListObjectsV2RequestPaginateTypeDef,
        PutObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

Document = TypeVar("Document")


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of an ``s3://`` URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@dataclass(frozen=True)
class FileState:
    """``version``: the id of a file's current version, None in a bucket that keeps no versions; ``written``: when it was written, UTC: S3's
    LastModified, in whole seconds; of a multipart upload the time at which it began."""

    version: str | None
    written: datetime


def _state_of_written(answer: PutObjectOutputTypeDef) -> FileState:
    """The state of a file that was just written: S3 doesn't return its LastModified, so ``written`` is the time of S3's answer, or now
    where a proxy has left it out."""
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return FileState(answer.get("VersionId"), parsedate_to_datetime(told) if told else datetime.now(UTC))


@dataclass(frozen=True)
class S3Files:
    """The files that the target's credentials can reach, in any bucket. Every method raises NotFound, Forbidden, TargetUnavailable."""

    s3: S3Client
    settings: Settings

    def read(self, uri: str) -> bytes:
        """The content of a file."""
        return self._get(uri)[0]

    @overload
    def read_json(self, uri: str) -> object: ...
    @overload
    def read_json(self, uri: str, shape: type[Document]) -> Document: ...
    def read_json(self, uri: str, shape: type[object] = object) -> object:
        """The content of a JSON file. ``shape``: the TypedDict of a file that this product wrote; the content isn't checked against it.
        Raises DataError for a file that isn't JSON."""
        damaged = DataError(f"{uri} isn't a JSON file.", resource=uri, hint="Run the job that made it again.")
        return parse_stored_json(self.read(uri), damaged)

    def read_with_state(self, uri: str) -> tuple[bytes, FileState]:
        """The content of a file, and which version of it this is."""
        content, found = self._get(uri)
        return content, FileState(found.get("VersionId"), found["LastModified"])

    def read_with_etag(self, uri: str) -> tuple[bytes, str]:
        """The content of a file, and its ETag."""
        content, found = self._get(uri)
        return content, found["ETag"]

    def _get(self, uri: str) -> tuple[bytes, GetObjectOutputTypeDef]:
        bucket, key = split_uri(uri)
        with translate_aws_errors(uri):
            return complete_responses.read_body(lambda: self.s3.get_object(Bucket=bucket, Key=key))

    def exists(self, uri: str) -> bool:
        """Whether there is a file at the URI."""
        return self.find_state(uri) is not None

    def find_state(self, uri: str) -> FileState | None:
        """Which version of a file is the current one, and when it was written; None if there is no file at the URI. Reads no content."""
        bucket, key = split_uri(uri)
        try:
            found = self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            with translate_aws_errors(uri):
                raise
        return FileState(found.get("VersionId"), found["LastModified"])

    def write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Write a file, over an earlier one if there is one; returns its URI."""
        bucket, key = split_uri(uri)
        with translate_aws_errors(uri):
            answer = self.s3.put_object(
                Bucket=bucket, Key=key, Body=content, ContentType=content_type, **request_defaults.put_encryption(self.settings)
            )
        self._note_written(uri, content, _state_of_written(answer))
        return uri

    def write_unless_same(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Write a file, over an earlier one of other content; one that has this content already gets no new version. Returns its URI."""
        if not self.write_conditionally(uri, content, content_type) and self.read(uri) != content:
            self.write(uri, content, content_type)
        return uri

    def _note_written(self, uri: str, content: bytes, state: FileState) -> None:
        """Called with each file that was written; a snapshot keeps it."""

    def write_conditionally(
        self, uri: str, content: bytes, content_type: str = "application/octet-stream", *, expected_etag: str | None = None
    ) -> bool:
        """Write a new file, or replace the one that has ``expected_etag``. False, with nothing written, if another writer was first."""
        bucket, key = split_uri(uri)
        request: PutObjectRequestTypeDef = {
            "Bucket": bucket,
            "Key": key,
            "Body": content,
            "ContentType": content_type,
        }
        if self.settings.kms_key:
            request |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.settings.kms_key}
        if expected_etag is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = expected_etag
        pauses = list(retries.CONDITIONAL_WRITE_PAUSES)
        while True:
            try:
                answer = self.s3.put_object(**request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "PreconditionFailed" or (code == "NoSuchKey" and expected_etag is not None):
                    return False
                if code != "ConditionalRequestConflict" or not pauses:
                    with translate_aws_errors(uri):
                        raise
            else:
                self._note_written(uri, content, _state_of_written(answer))
                return True
            time.sleep(pauses.pop(0))  # another write is under way: S3 asks to try again

    def list_uris(self, prefix: str, *, after: str | None = None) -> list[str]:
        """URIs of all files under an ``s3://`` prefix, in order; with ``after``, only those that come after this URI."""
        bucket, key = split_uri(prefix)
        request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": bucket, "Prefix": key}
        if after:
            request["StartAfter"] = after.removeprefix(f"s3://{bucket}/")
        with translate_aws_errors(prefix):
            pages = self.s3.get_paginator("list_objects_v2").paginate(**request)
            return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", [])]
