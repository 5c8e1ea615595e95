"""Objects over the wire: put, get, head, copy, delete, with their conditions and ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from engine.context import Context
from engine.errors import AWSError
from engine.principal import ACCOUNT
from engine.s3.request_body import S3Request, parse_copy_source, read_content
from engine.s3.versioning import SOURCE_VERSION_HEADER, version_of_deletion, version_of_read, version_of_write
from engine.s3.xml_documents import iso_timestamp, xml_response
from engine.store.stored_objects import IncomingBody, IsDeleteMarker, NoSuchKey, StoredObject, WriteCondition

STORED_HEADERS = {"content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires"}
ENCRYPTION_HEADER = "x-amz-server-side-encryption"
KMS_KEY_HEADER = f"{ENCRYPTION_HEADER}-aws-kms-key-id"
CHECKSUM_PREFIX = "x-amz-checksum-"
RESPONSE_OVERRIDES = {f"response-{name}": name for name in STORED_HEADERS}
GET_PARAMETERS = {*RESPONSE_OVERRIDES, "x-id", "versionId"}
PRECONDITION_MESSAGE = "At least one of the pre-conditions you specified did not hold"
CHUNK_BYTES = 1024 * 1024
MAX_METADATA_BYTES = 2048


async def put_object(context: Context, request: S3Request) -> Response:
    """PutObject, or UploadPart when the query names an upload."""
    refuse_unsupported_headers(request.headers)
    stored_headers(request.headers)
    encryption_headers(context, request.headers)
    write_condition(request.headers)
    with context.objects.receive_body() as incoming:
        buffer = bytearray()
        async for chunk in read_content(request):
            buffer += chunk
            if len(buffer) >= CHUNK_BYTES:
                await run_in_threadpool(incoming.write, bytes(buffer))
                buffer.clear()
        incoming.write(bytes(buffer))
        return await run_in_threadpool(_store_incoming, context, request, incoming)


def _store_incoming(context: Context, request: S3Request, incoming: IncomingBody) -> Response:
    if "uploadId" in request.query:
        etag = context.objects.put_part(request.query["uploadId"], parse_part_number(request), incoming, context.now())
    else:
        encryption = encryption_headers(context, request.headers)
        headers = stored_headers(request.headers) | encryption | request.checksums
        condition = write_condition(request.headers)
        stored = context.objects.put(request.bucket, request.key, incoming, headers, context.now(), condition=condition)
        return Response(headers={"ETag": f'"{stored.etag}"', **version_of_write(context, stored), **encryption, **request.checksums})
    return Response(headers={"ETag": f'"{etag}"', **request.checksums})


def encryption_headers(context: Context, headers: Mapping[str, str]) -> dict[str, str]:
    """The encryption that a write asks for: kept with the object and returned as S3 does. Only the machine encrypts its disk."""
    how, key = headers.get(ENCRYPTION_HEADER), headers.get(KMS_KEY_HEADER)
    if how not in {None, "AES256", "aws:kms", "aws:kms:dsse"}:
        raise AWSError("InvalidEncryptionAlgorithmError", "The encryption request you specified is not valid.", 400)
    if key and not (how or "").startswith("aws:kms"):
        why = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
        raise AWSError("InvalidArgument", why, 400)
    if how is None:
        return {}
    if key and not key.startswith("arn:"):
        key = f"arn:aws:kms:{context.region}:{ACCOUNT}:{key if key.startswith('alias/') else f'key/{key}'}"
    return {ENCRYPTION_HEADER: how, **({KMS_KEY_HEADER: key} if key else {})}


def parse_part_number(request: S3Request) -> int:
    number = request.query.get("partNumber", "")
    if not re.fullmatch("[0-9]{1,5}", number) or not 1 <= int(number) <= 10_000:
        raise AWSError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400)
    return int(number)


def write_condition(headers: Mapping[str, str]) -> WriteCondition:
    """If-Match and If-None-Match of a write."""
    if headers.get("if-none-match", "*") != "*":
        raise AWSError("NotImplemented", "If-None-Match of a write takes only *.", 501)
    return WriteCondition("if-none-match" in headers, headers["if-match"].strip('"') if "if-match" in headers else None)


def stored_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a write that are kept with its object: content type and similar ones, and user metadata."""
    own = {k: v for k, v in headers.items() if k in STORED_HEADERS or k.startswith("x-amz-meta-")}
    if sum(len(k) - len("x-amz-meta-") + len(v) for k, v in own.items() if k.startswith("x-amz-meta-")) > MAX_METADATA_BYTES:
        raise AWSError(
            "MetadataTooLarge", f"Your metadata headers exceed the maximum allowed metadata size of {MAX_METADATA_BYTES} bytes.", 400
        )
    if "content-encoding" in own:
        own["content-encoding"] = ",".join(p.strip() for p in own["content-encoding"].split(",") if p.strip() != "aws-chunked")
    return {k: v for k, v in own.items() if v or k.startswith("x-amz-meta-")}


def refuse_unsupported_headers(headers: Mapping[str, str]) -> None:
    """Raises NotImplemented for a header that asks for what this engine doesn't do; it isn't ignored."""
    for name in headers:
        if name.startswith(("x-amz-server-side-encryption-customer-", "x-amz-object-lock-")) or name == "x-amz-tagging":
            raise AWSError("NotImplemented", f"This engine does not serve {name}.", 501)


def get_object(context: Context, request: S3Request) -> Response:
    """GetObject and HeadObject."""
    if request.query.keys() - GET_PARAMETERS:
        raise AWSError(
            "NotImplemented", f"This engine does not read objects with {', '.join(sorted(request.query.keys() - GET_PARAMETERS))}.", 501
        )
    stored, file = _open_object(context, request.bucket, request.key, request.query.get("versionId"))
    try:
        start, end, status = _evaluate_conditions(stored, request.headers)
    except BaseException:
        file.close()
        raise
    headers = {
        **{name: value for name, value in stored.headers.items() if not name.startswith(CHECKSUM_PREFIX)},
        "ETag": f'"{stored.etag}"',
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        **version_of_read(context, stored),
        "Content-Length": str(end - start),
    }
    headers.update({name: request.query[asked] for asked, name in RESPONSE_OVERRIDES.items() if asked in request.query})
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    elif status == 200 and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers.update({name: value for name, value in stored.headers.items() if name.startswith(CHECKSUM_PREFIX)})
    headers.setdefault("content-type", "binary/octet-stream")
    if any(not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) for value in headers.values()):
        file.close()
        raise AWSError("InvalidArgument", "A header may hold printable characters of Latin-1 only.", 400)
    if request.method == "HEAD" or status == 304:
        file.close()
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_read_range(file, start, end), status_code=status, headers=headers)


def _open_object(context: Context, bucket: str, key: str, version: str | None) -> tuple[StoredObject, BinaryIO]:
    """The object, or the named version of it, and its content. Raises NoSuchKey, NoSuchVersion and IsDeleteMarker."""
    opened = context.objects.open(bucket, key, version)
    if opened is None:
        raise NoSuchKey(key)
    return opened


def _evaluate_conditions(stored: StoredObject, headers: Mapping[str, str]) -> tuple[int, int, int]:
    """(start, end, status) after If-Match, If-None-Match, If-(Un)Modified-Since and Range."""
    if "if-match" in headers:
        if headers["if-match"].strip('"') not in {stored.etag, "*"}:
            raise AWSError("PreconditionFailed", PRECONDITION_MESSAGE, 412)
    else:
        unchanged = _parse_http_date(headers.get("if-unmodified-since"))
        if unchanged is not None and stored.modified >= unchanged + 1:
            raise AWSError("PreconditionFailed", PRECONDITION_MESSAGE, 412)
    if "if-none-match" in headers:
        if headers["if-none-match"].strip('"') in {stored.etag, "*"}:
            return 0, stored.size, 304
    else:
        changed = _parse_http_date(headers.get("if-modified-since"))
        if changed is not None and stored.modified < changed + 1:
            return 0, stored.size, 304
    found = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", headers.get("range", ""))
    if not found or found.groups() == ("", ""):
        return 0, stored.size, 200
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return 0, stored.size, 200
    start = int(first) if first else max(0, stored.size - int(last))
    end = min(stored.size, int(last) + 1) if first and last else stored.size
    if start >= stored.size:
        raise AWSError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end, 206


def _parse_http_date(date: str | None) -> float | None:
    """An HTTP date as seconds since the epoch; None when it is missing or not a date (S3 ignores it then)."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None


def _read_range(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            chunk = file.read(min(CHUNK_BYTES, end - start))
            if not chunk:
                raise EOFError(f"{file.name} is shorter than its record")
            start += len(chunk)
            yield chunk


def copy_object(context: Context, request: S3Request) -> Response:
    """CopyObject, or UploadPartCopy when the query names an upload."""
    refuse_unsupported_headers(request.headers)
    headers = request.headers
    bucket, key, version = parse_copy_source(headers)
    if not context.objects.has_bucket(bucket):
        raise AWSError("NoSuchBucket", "The specified bucket does not exist", 404)
    replace = headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    part = "uploadId" in request.query
    if (bucket, key, version) == (request.bucket, request.key, None) and not replace and not part:
        raise AWSError("InvalidRequest", "This copy request is illegal: it copies an object to itself and changes nothing.", 400)
    try:
        stored, file = _open_object(context, bucket, key, version)
    except IsDeleteMarker as error:
        if version is None:
            raise NoSuchKey(key) from error
        why = "The source of a copy request may not specifically refer to a delete marker by version id."
        raise AWSError("InvalidRequest", why, 400) from error
    copied_version = version_of_read(context, stored, SOURCE_VERSION_HEADER)
    with file:
        source = {f"if-{k.removeprefix('x-amz-copy-source-if-')}": v for k, v in headers.items() if k.startswith("x-amz-copy-source-if-")}
        start, end, status = _evaluate_conditions(stored, {**source, "range": headers.get("x-amz-copy-source-range", "") if part else ""})
        if status == 304:
            raise AWSError("PreconditionFailed", PRECONDITION_MESSAGE, 412)
        with context.objects.receive_body() as incoming:
            for chunk in _read_range(file, start, end):
                incoming.write(chunk)
            if part:
                etag = context.objects.put_part(request.query["uploadId"], parse_part_number(request), incoming, context.now())
                answer = xml_response("CopyPartResult", [("ETag", f'"{etag}"'), ("LastModified", iso_timestamp(context.now()))])
                answer.headers.update(copied_version)
                return answer
            encryption = encryption_headers(context, headers)
            own = stored_headers(headers) if replace else {k: v for k, v in stored.headers.items() if not k.startswith(ENCRYPTION_HEADER)}
            own |= encryption  # a copy is encrypted as it asks to be, not as its source is
            copied = context.objects.put(request.bucket, request.key, incoming, own, context.now(), condition=write_condition(headers))
    answer = xml_response("CopyObjectResult", [("ETag", f'"{copied.etag}"'), ("LastModified", iso_timestamp(copied.modified))])
    answer.headers.update({**encryption, **copied_version, **version_of_write(context, copied)})
    return answer


def delete_object(context: Context, request: S3Request) -> Response:
    """DeleteObject: of the object, which a bucket with versions keeps behind a delete marker, or of the named version, for good."""
    condition, version = write_condition(request.headers), request.query.get("versionId")
    if version is None:
        done = context.objects.delete(request.bucket, request.key, context.now(), condition=condition)
    else:
        done = context.objects.delete_version(request.bucket, request.key, version, condition=condition)
    return Response(status_code=204, headers=version_of_deletion(done))
