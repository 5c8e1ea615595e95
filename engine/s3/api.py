"""S3's REST operations over ``Objects``, path style: those that the workflow's clients use. The rest answers NotImplemented."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from engine.context import AWSError, Context
from engine.s3.objects import Incoming, PreconditionFailed, Stored
from engine.wire.model import escape

BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
KEPT = {"content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires"}
CONFIGURATIONS = {
    "policy": "NoSuchBucketPolicy",
    "tagging": "NoSuchTagSet",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "cors": "NoSuchCORSConfiguration",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
}
MAX_OBJECT = 5 * 1024**3
CHUNK = 1024 * 1024


@dataclass
class S3Request:
    """A request whose signature has been checked; ``payload`` is the SHA-256 that it covers, or UNSIGNED-PAYLOAD."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: str
    body: Callable[[], AsyncIterator[bytes]]


async def handle(context: Context, request: S3Request) -> Response:
    """Answer one S3 request. Raises AWSError."""
    if not request.bucket:
        return await run_in_threadpool(_list_buckets, context)
    if not BUCKET.fullmatch(request.bucket):
        raise AWSError("InvalidBucketName", "The specified bucket is not valid.", 400)
    if request.key and ("\x00" in request.key or len(request.key.encode()) > 1024):
        raise AWSError("KeyTooLongError" if "\x00" not in request.key else "InvalidURI", "The key is not valid.", 400)
    if request.method == "PUT" and not request.key and not request.query:
        return await run_in_threadpool(_create_bucket, context, request.bucket)
    if not await run_in_threadpool(context.objects.has_bucket, request.bucket):
        raise AWSError("NoSuchBucket", "The specified bucket does not exist", 404)
    if request.key and request.method == "PUT" and not ({"tagging", "acl", "retention", "legal-hold"} & request.query.keys()):
        if "x-amz-copy-source" in request.headers:
            return await run_in_threadpool(_copy, context, request)
        return await _put(context, request)
    body = b""
    if request.method == "POST":
        async for chunk in request.body():
            body += chunk
            if len(body) > 10 * 1024 * 1024:
                raise AWSError("EntityTooLarge", "The request body is too large.", 400)
    return await run_in_threadpool(_dispatch, context, request, body)


def _dispatch(context: Context, request: S3Request, body: bytes) -> Response:
    method, query = request.method, request.query
    if request.key:
        if method in {"GET", "HEAD"} and "uploadId" in query:
            return _list_parts(context, request)
        if method in {"GET", "HEAD"} and not ({"tagging", "acl", "retention", "legal-hold", "attributes"} & query.keys()):
            return _get(context, request)
        if method == "DELETE" and "uploadId" in query:
            _upload(context, request)
            context.objects.end_upload(query["uploadId"])
            return Response(status_code=204)
        if method == "DELETE" and not query.keys() - {"x-id", "versionId"}:
            context.objects.delete(request.bucket, request.key)
            return Response(status_code=204)
        if method == "POST" and "uploads" in query:
            upload = context.objects.start_upload(request.bucket, request.key, _kept(request.headers), context.now())
            return _xml("InitiateMultipartUploadResult", Bucket=request.bucket, Key=request.key, UploadId=upload)
        if method == "POST" and "uploadId" in query:
            return _complete(context, request, body)
    elif method == "HEAD":
        return Response(headers={"x-amz-bucket-region": context.region})
    elif method == "DELETE" and not query:
        if not context.objects.delete_bucket(request.bucket):
            raise AWSError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        return Response(status_code=204)
    elif method == "POST" and "delete" in query:
        return _delete_many(context, request, body)
    elif method == "GET":
        if "location" in query:
            region = "" if context.region == "us-east-1" else context.region
            return Response(f'<LocationConstraint xmlns="{NAMESPACE}">{region}</LocationConstraint>', media_type="application/xml")
        if "versioning" in query:
            return Response(f'<VersioningConfiguration xmlns="{NAMESPACE}"/>', media_type="application/xml")
        if "uploads" in query:
            uploads = [
                ("Upload", [("Key", k), ("UploadId", u), ("Initiated", _iso(t))]) for k, u, t in context.objects.uploads(request.bucket)
            ]
            return _tree("ListMultipartUploadsResult", [("Bucket", request.bucket), ("IsTruncated", "false"), *uploads])
        for name, code in CONFIGURATIONS.items():
            if name in query:
                raise AWSError(code, f"The bucket has no {name} configuration.", 404)
        if not query.keys() - LISTING:
            return _list(context, request)
    what = "&".join(sorted(query)) or "this path"
    raise AWSError("NotImplemented", f"This engine does not serve {method} with {what} in S3.", 501)


# objects -------------------------------------------------------------------------------------------


async def _put(context: Context, request: S3Request) -> Response:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_OBJECT:
        raise AWSError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of 5 GiB.", 400)
    if request.payload.startswith("STREAMING-AWS4"):
        raise AWSError("NotImplemented", "This engine does not take payloads signed chunk by chunk; sign the whole payload.", 501)
    decode = _dechunk if request.payload == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" else _plain
    trailers: dict[str, str] = {}
    with context.objects.incoming() as incoming:
        crc = 0
        async for chunk in decode(request.body(), trailers):
            await run_in_threadpool(incoming.write, chunk)
            crc = zlib.crc32(chunk, crc)
            if incoming.size > MAX_OBJECT:
                raise AWSError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of 5 GiB.", 400)
        _check_digests(request, {**request.headers, **trailers}, incoming, crc)
        return await run_in_threadpool(_keep, context, request, incoming)


def _keep(context: Context, request: S3Request, incoming: Incoming) -> Response:
    query, headers = request.query, request.headers
    if "uploadId" in query:
        _upload(context, request)
        number = query.get("partNumber", "")
        if not number.isdigit() or not 1 <= int(number) <= 10_000:
            raise AWSError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400)
        etag = context.objects.put_part(query["uploadId"], int(number), incoming, context.now())
        return Response(headers={"ETag": f'"{etag}"'})
    if headers.get("if-none-match", "*") != "*":
        raise AWSError("NotImplemented", "If-None-Match of a PUT takes only *.", 501)
    try:
        stored = context.objects.put(
            request.bucket,
            request.key,
            incoming,
            _kept(headers),
            context.now(),
            if_none_match="if-none-match" in headers,
            if_match=headers["if-match"].strip('"') if "if-match" in headers else None,
        )
    except PreconditionFailed as error:
        raise AWSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412) from error
    except KeyError as error:
        raise AWSError("NoSuchKey", "The specified key does not exist.", 404) from error
    return Response(headers={"ETag": f'"{stored.etag}"'})


def _check_digests(request: S3Request, headers: Mapping[str, str], incoming: Incoming, crc: int) -> None:
    if re.fullmatch("[0-9a-f]{64}", request.payload) and request.payload != incoming.sha256.hexdigest():
        raise AWSError("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", 400)
    claims = {
        "content-md5": incoming.md5.digest(),
        "x-amz-checksum-sha256": incoming.sha256.digest(),
        "x-amz-checksum-crc32": crc.to_bytes(4, "big"),
    }
    for name, actual in claims.items():
        if name in headers:
            try:
                claimed = base64.b64decode(headers[name], validate=True)
            except binascii.Error as error:
                raise AWSError("InvalidDigest", f"The value of {name} is not valid.", 400) from error
            if claimed != actual:
                raise AWSError("BadDigest", f"The {name} you specified did not match the calculated checksum.", 400)


async def _plain(chunks: AsyncIterator[bytes], trailers: dict[str, str]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk


async def _dechunk(chunks: AsyncIterator[bytes], trailers: dict[str, str]) -> AsyncIterator[bytes]:
    """The content of an aws-chunked body; its trailing headers go to ``trailers``."""
    buffer, left = b"", 0
    in_trailer = False
    async for chunk in chunks:
        buffer += chunk
        while buffer and not in_trailer:
            if left:
                part, buffer = buffer[:left], buffer[left:]
                left -= len(part)
                yield part
                continue
            buffer = buffer.removeprefix(b"\r\n")
            line, found, rest = buffer.partition(b"\r\n")
            if not found:
                break
            try:
                left = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise AWSError("IncompleteBody", "The chunked body is malformed.", 400) from error
            buffer, in_trailer = rest, left == 0
    if left or not in_trailer:
        raise AWSError("IncompleteBody", "The body ended before its last chunk.", 400)
    for trailer in buffer.decode("latin-1").splitlines():
        name, _, value = trailer.partition(":")
        if value:
            trailers[name.strip().lower()] = value.strip()


def _get(context: Context, request: S3Request) -> Response:
    opened = context.objects.open(request.bucket, request.key)
    if opened is None:
        raise AWSError("NoSuchKey", "The specified key does not exist.", 404)
    stored, file = opened
    try:
        start, end, status = _conditions(stored, request.headers)
    except BaseException:
        file.close()
        raise
    headers = {
        **stored.headers,
        "ETag": f'"{stored.etag}"',
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
    }
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    headers.setdefault("content-type", "binary/octet-stream")
    if request.method == "HEAD" or status == 304:
        file.close()
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_read(file, start, end), status_code=status, headers=headers)


def _conditions(stored: Stored, headers: Mapping[str, str]) -> tuple[int, int, int]:
    """(start, end, status) after If-Match, If-None-Match, If-(Un)Modified-Since and Range."""
    if "if-match" in headers and headers["if-match"].strip('"') not in {stored.etag, "*"}:
        raise AWSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    if "if-none-match" in headers and headers["if-none-match"].strip('"') in {stored.etag, "*"}:
        return 0, stored.size, 304
    changed = _second(headers.get("if-modified-since"))
    if changed is not None and stored.modified < changed + 1:
        return 0, stored.size, 304
    unchanged = _second(headers.get("if-unmodified-since"))
    if unchanged is not None and stored.modified >= unchanged + 1:
        raise AWSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", ""))
    if not found or found.groups() == ("", ""):
        return 0, stored.size, 200
    first, last = found.groups()
    start = int(first) if first else max(0, stored.size - int(last))
    end = min(stored.size, int(last) + 1) if first and last else stored.size
    if start >= stored.size or end <= start:
        raise AWSError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end, 206


def _second(date: str | None) -> float | None:
    """An HTTP date as seconds since the epoch; None when it is missing or not a date (S3 ignores it then)."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def _read(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            chunk = file.read(min(CHUNK, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk


def _copy(context: Context, request: S3Request) -> Response:
    bucket, _, key = unquote(request.headers["x-amz-copy-source"].partition("?")[0]).removeprefix("/").partition("/")
    opened = context.objects.open(bucket, key)
    if opened is None:
        raise AWSError("NoSuchKey", "The specified key does not exist.", 404)
    stored, file = opened
    replace = request.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
    with file, context.objects.incoming() as incoming:
        start, end = 0, stored.size
        if "x-amz-copy-source-range" in request.headers:
            start, end, _ = _conditions(stored, {"range": request.headers["x-amz-copy-source-range"]})
        file.seek(start)
        while incoming.size < end - start:
            incoming.write(file.read(min(CHUNK, end - start - incoming.size)))
        if "uploadId" in request.query:
            _upload(context, request)
            etag = context.objects.put_part(request.query["uploadId"], int(request.query.get("partNumber", "0")), incoming, context.now())
            return _xml("CopyPartResult", ETag=f'"{etag}"', LastModified=_iso(context.now()))
        headers = _kept(request.headers) if replace else stored.headers
        copied = context.objects.put(request.bucket, request.key, incoming, headers, context.now())
    return _xml("CopyObjectResult", ETag=f'"{copied.etag}"', LastModified=_iso(copied.modified))


def _delete_many(context: Context, request: S3Request, body: bytes) -> Response:
    root = _parse(body)
    quiet = (root.findtext("{*}Quiet") or "").lower() == "true"
    keys = [element.text or "" for element in root.findall("{*}Object/{*}Key")]
    for key in keys:
        context.objects.delete(request.bucket, key)
    return _tree("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys])


# multipart -----------------------------------------------------------------------------------------


def _upload(context: Context, request: S3Request) -> dict[str, str]:
    headers = context.objects.upload(request.query["uploadId"], request.bucket, request.key)
    if headers is None:
        raise AWSError("NoSuchUpload", "The specified upload does not exist.", 404)
    return headers


def _complete(context: Context, request: S3Request, body: bytes) -> Response:
    headers = _upload(context, request)
    upload = request.query["uploadId"]
    there = {number: (file, etag, size) for number, file, size, etag, _ in context.objects.parts(upload)}
    wanted = [
        (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"')) for part in _parse(body).findall("{*}Part")
    ]
    numbers = [number for number, _ in wanted]
    if not wanted or numbers != sorted(set(numbers)):
        raise AWSError("InvalidPartOrder", "The list of parts was not in ascending order.", 400)
    for number, etag in wanted:
        if number not in there or there[number][1] != etag:
            raise AWSError("InvalidPart", f"Part {number} could not be found, or its entity tag did not match.", 400)
    digests = b"".join(bytes.fromhex(etag) for _, etag in wanted)
    with context.objects.incoming() as incoming:
        for number, _ in wanted:
            with (context.objects.files / there[number][0]).open("rb") as part:
                while chunk := part.read(CHUNK):
                    incoming.write(chunk)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(wanted)}"
        try:
            context.objects.put(
                request.bucket, request.key, incoming, headers, context.now(), etag=etag, if_none_match="if-none-match" in request.headers
            )
        except PreconditionFailed as error:
            raise AWSError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412) from error
    context.objects.end_upload(upload)
    return _xml("CompleteMultipartUploadResult", Bucket=request.bucket, Key=request.key, ETag=f'"{etag}"')


def _list_parts(context: Context, request: S3Request) -> Response:
    _upload(context, request)
    parts = [
        ("Part", [("PartNumber", str(n)), ("ETag", f'"{e}"'), ("Size", str(s)), ("LastModified", _iso(t))])
        for n, _, s, e, t in context.objects.parts(request.query["uploadId"])
    ]
    return _tree("ListPartsResult", [("Bucket", request.bucket), ("Key", request.key), ("IsTruncated", "false"), *parts])


# buckets and lists ---------------------------------------------------------------------------------

LISTING = {
    "list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "marker", "encoding-type", "fetch-owner", "x-id"
}  # fmt: skip


def _create_bucket(context: Context, name: str) -> Response:
    if not context.objects.create_bucket(name, context.now()) and context.region != "us-east-1":
        raise AWSError("BucketAlreadyOwnedByYou", "You already own a bucket of this name.", 409)
    return Response(headers={"Location": f"/{name}"})


def _list_buckets(context: Context) -> Response:
    buckets = [("Bucket", [("Name", name), ("CreationDate", _iso(created))]) for name, created in context.objects.buckets()]
    return _tree("ListAllMyBucketsResult", [("Owner", [("ID", "governance")]), ("Buckets", buckets)])


def _list(context: Context, request: S3Request) -> Response:
    query = request.query
    second = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = query.get("max-keys", "1000")
    if not limit.isdigit():
        raise AWSError("InvalidArgument", "max-keys must be a whole number.", 400)
    most = min(int(limit), 1000)
    try:
        after = bytes.fromhex(query["continuation-token"]).decode() if "continuation-token" in query else ""
    except ValueError as error:
        raise AWSError("InvalidArgument", "The continuation token provided is incorrect", 400) from error
    after = after or query.get("start-after" if second else "marker", "")
    objects: list[Stored] = []
    groups: list[str] = []
    last = after
    truncated = False
    while most and not truncated:
        batch = context.objects.walk(request.bucket, prefix=prefix, after=last, limit=most + 1)
        if not batch:
            break
        for stored in batch:
            group = _group(stored.key, prefix, delimiter)
            if group and (after.startswith(group) or (groups and groups[-1] == group)):
                last = group + "\U0010ffff" * 8
                break
            if len(objects) + len(groups) == most:
                truncated = True
                break
            if group:
                groups.append(group)
                last = group + "\U0010ffff" * 8
                break
            objects.append(stored)
            last = stored.key
    url = query.get("encoding-type") == "url"

    def name(key: str) -> str:
        return quote(key, safe="/-_.~*") if url else key

    items: list[tuple[str, object]] = [("Name", request.bucket), ("Prefix", name(prefix)), ("MaxKeys", str(most))]
    items.append(("IsTruncated", str(truncated).lower()))
    if delimiter:
        items.append(("Delimiter", name(delimiter)))
    if url:
        items.append(("EncodingType", "url"))
    if second:
        items.append(("KeyCount", str(len(objects) + len(groups))))
        if truncated:
            items.append(("NextContinuationToken", last.encode().hex()))
    elif truncated:
        items.append(("NextMarker", name(last)))
    for stored in objects:
        fields = [("Key", name(stored.key)), ("LastModified", _iso(stored.modified)), ("ETag", f'"{stored.etag}"')]
        items.append(("Contents", [*fields, ("Size", str(stored.size)), ("StorageClass", "STANDARD")]))
    items += [("CommonPrefixes", [("Prefix", name(group))]) for group in groups]
    return _tree("ListBucketResult", items)


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter:
        return None
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else None


# XML -----------------------------------------------------------------------------------------------

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in headers.items() if k in KEPT or k.startswith("x-amz-meta-")}
    if "content-encoding" in kept:
        kept["content-encoding"] = ",".join(p for p in kept["content-encoding"].split(",") if p.strip() != "aws-chunked")
    return {k: v for k, v in kept.items() if v}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _parse(body: bytes) -> ElementTree.Element:
    if b"<!" in body:
        raise AWSError("MalformedXML", "The XML you provided has a document type.", 400)
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError as error:
        raise AWSError("MalformedXML", "The XML you provided was not well-formed.", 400) from error


def _xml(root: str, **fields: str) -> Response:
    return _tree(root, list(fields.items()))


def _tree(root: str, items: object) -> Response:
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{_inner(items)}</{root}>', media_type="application/xml"
    )


def _inner(value: object) -> str:
    if isinstance(value, list):
        return "".join(f"<{name}>{_inner(inner)}</{name}>" for name, inner in value)
    return escape(str(value))
