"""A job's files: downloaded from S3 before it runs, uploaded after."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any


class InputError(Exception):
    """An input that can't be read; it ends the job with SageMaker's ClientError."""


def resolve_container_path(root: Path, container_path: str) -> Path:
    """Where a path of the container lies below ``root``. Raises InputError when it is not below ``/opt/ml``."""
    parts = PurePosixPath(container_path).parts
    if ".." in parts or "\x00" in container_path or not container_path.startswith("/opt/ml/") or parts[:3] != ("/", "opt", "ml"):
        raise InputError(f"the local path {container_path!r} is not below /opt/ml")
    return root.joinpath(*parts[1:])


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of an s3:// URI. Raises InputError."""
    found = re.fullmatch(r"s3://([^/]+)/?(.*)", uri, re.DOTALL)
    if not found:
        raise InputError(f"{uri!r} is not an s3:// URI")
    return found[1], found[2]


def download_objects(s3: Any, uri: str, folder: Path, data_type: str) -> None:
    """All objects whose keys begin with a prefix (or that a manifest names) into ``folder``, below the prefix's last slash."""
    folder.mkdir(parents=True, exist_ok=True)
    bucket, prefix = split_uri(uri)
    with _as_input_error(f"Data download failed: {uri}"):
        if data_type == "ManifestFile":
            bucket, base, keys = _parse_manifest(s3.get_object(Bucket=bucket, Key=prefix)["Body"].read(), uri)
        else:
            base = prefix.rpartition("/")[0] + "/" if "/" in prefix else ""
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [o["Key"] for page in pages for o in page.get("Contents", []) if not o["Key"].endswith("/")]
            if not prefix.endswith("/") and all(key.startswith(f"{prefix}/") for key in keys):
                base = f"{prefix}/"  # the URI names a folder without its slash
        if not keys:
            raise InputError(f"Data download failed: no object under {uri}")
        for key in keys:
            parts = [part for part in key.removeprefix(base).split("/") if part]
            if not parts or ".." in parts or "\x00" in key or any(len(part.encode()) > 255 for part in parts):
                raise InputError(f"Data download failed: the key {key!r} does not name a file")
            path = folder.joinpath(*parts)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, key, str(path))
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InputError(f"Data download failed: the key {key!r} needs a folder where another object is a file") from error


def _parse_manifest(content: bytes, uri: str) -> tuple[str, str, list[str]]:
    """(bucket, prefix, keys) of a manifest: ``[{"prefix": "s3://…"}, "name", …]``."""
    try:
        first, *names = json.loads(content)
        bucket, base = split_uri(first["prefix"])
        return bucket, base, [base + name for name in names]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"Data download failed: {uri} is not a manifest") from error


@contextlib.contextmanager
def _as_input_error(what: str) -> Iterator[None]:
    """Turn S3's errors, and names that S3 can't have, into InputError."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError, Boto3Error) as error:
        raise InputError(f"{what}: {error}") from error


def upload_folder(s3: Any, folder: Path, uri: str, kms_key: str | None = None) -> None:
    """All files of ``folder``, under the prefix ``uri``, encrypted with the KMS key, if one is given."""
    bucket, prefix = split_uri(uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = "/".join(part for part in (prefix.rstrip("/"), path.relative_to(folder).as_posix()) if part)
            extra = {"ContentType": CONTENT_TYPES.get(path.suffix, "application/octet-stream"), **kms_arguments(kms_key)}
            with _as_input_error(f"Data upload failed: {uri}"):
                s3.upload_file(str(path), bucket, name, ExtraArgs=extra)


CONTENT_TYPES = {".json": "application/json", ".html": "text/html", ".pdf": "application/pdf", ".csv": "text/csv"}


def upload_bytes(s3: Any, uri: str, content: bytes, kms_key: str | None = None) -> None:
    bucket, name = split_uri(uri)
    with _as_input_error(f"Data upload failed: {uri}"):
        s3.put_object(Bucket=bucket, Key=name, Body=content, **kms_arguments(kms_key))


def kms_arguments(kms_key: str | None) -> dict[str, str]:
    """The arguments that ask S3 to encrypt an object with a KMS key; none without a key."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def pack_folder(folder: Path) -> bytes:
    """A tar.gz of the folder: the same files give the same bytes. Level 9 would take ten times as long for 1 % less."""
    import gzip

    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                info = tarfile.TarInfo(path.relative_to(folder).as_posix())
                info.size, info.mode = path.stat().st_size, 0o644
                with path.open("rb") as file:
                    tar.addfile(info, file)
    return buffer.getvalue()
