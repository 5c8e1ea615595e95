"""Files that are other ones for a while."""

from __future__ import annotations

from contextlib import contextmanager

from core.aws.s3_files import split_uri


@contextmanager
def replaced(target, contents):
    """Files with other contents, as ``PutObject`` writes them: URI -> bytes. Afterwards the version from before is the current one again:
    the same content written once more would be a file that its job didn't make."""
    written = []
    try:
        for uri, content in contents.items():
            bucket, key = split_uri(uri)
            version = target.s3.put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]
            written.append({"Bucket": bucket, "Key": key, "VersionId": version})
        yield
    finally:
        for one in written:
            target.s3.delete_object(**one)
