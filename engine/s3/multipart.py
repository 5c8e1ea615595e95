"""Multipart uploads: start, list, complete, abort. The parts themselves come in through ``content.put``."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

from starlette.responses import Response

from engine.context import AWSError, Context
from engine.limits import OBJECT_BYTES
from engine.s3.body import CHECKSUMS, S3Request, check
from engine.s3.buckets import PAGE, common_prefix, names, number
from engine.s3.content import CHUNK, ENCRYPTION, encrypted, expected, kept, refuse_unkept
from engine.s3.objects import NoSuchUpload
from engine.s3.xml import document, iso, parse

SMALLEST_PART = 5 * 1024 * 1024
"""Every part but the last must have this many bytes."""


def start(context: Context, request: S3Request) -> Response:
    refuse_unkept(request.headers)
    encryption = encrypted(context, request.headers)
    upload = context.objects.start_upload(request.bucket, request.key, kept(request.headers) | encryption, context.now())
    answer = document("InitiateMultipartUploadResult", [("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload)])
    answer.headers.update(encryption)
    return answer


def headers_of(context: Context, request: S3Request) -> dict[str, str]:
    """The headers that the upload of the query was started with. Raises NoSuchUpload."""
    headers = context.objects.upload(request.query["uploadId"], request.bucket, request.key)
    if headers is None:
        raise NoSuchUpload(request.query["uploadId"])
    return headers


def abort(context: Context, request: S3Request) -> Response:
    headers_of(context, request)
    context.objects.end_upload(request.query["uploadId"])
    return Response(status_code=204)


def complete(context: Context, request: S3Request, body: bytes) -> Response:
    """Join the parts that the body names, in its order, to one object."""
    headers = headers_of(context, request)
    upload = request.query["uploadId"]
    there = {number: (file, etag, size) for number, file, size, etag, _ in context.objects.parts(upload)}
    wanted: list[tuple[int, str]] = []
    for element in parse(body).findall("{*}Part"):
        number = (element.findtext("{*}PartNumber") or "").strip()
        if not re.fullmatch("[0-9]{1,5}", number):
            raise AWSError("MalformedXML", "A part has no number.", 400)
        wanted.append((int(number), (element.findtext("{*}ETag") or "").strip().strip('"')))
    if not wanted:
        raise AWSError("MalformedXML", "You must specify at least one part", 400)
    if any(after[0] <= before[0] for before, after in pairwise(wanted)):
        raise AWSError("InvalidPartOrder", "The list of parts was not in ascending order.", 400)
    for place, (part, etag) in enumerate(wanted):
        if part not in there or there[part][1] != etag:
            raise AWSError("InvalidPart", f"Part {part} could not be found, or its entity tag did not match.", 400)
        if place < len(wanted) - 1 and there[part][2] < SMALLEST_PART:
            raise AWSError("EntityTooSmall", f"Part {part} is smaller than the minimum allowed size of {SMALLEST_PART} bytes.", 400)
    if sum(there[part][2] for part, _ in wanted) > OBJECT_BYTES:
        raise AWSError("EntityTooLarge", f"Your proposed upload exceeds the maximum allowed size of {OBJECT_BYTES} bytes.", 400)
    digests = b"".join(bytes.fromhex(etag) for _, etag in wanted)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(wanted)}"
    claims = {k: v for k, v in request.headers.items() if k.startswith("x-amz-checksum-") and "-" not in v}  # with "-": of the parts' sums
    sums = {name: CHECKSUMS[name]() for name in claims.keys() & CHECKSUMS.keys()}
    with context.objects.incoming() as incoming:
        for part, _ in wanted:
            with context.objects.open_part(there[part][0]) as file:
                while chunk := file.read(CHUNK):
                    incoming.write(chunk)
                    for one in sums.values():
                        one.update(chunk)
        for name, one in sums.items():
            check(name, claims[name], one.digest())
        condition = expected(request.headers)
        now = context.now()
        context.objects.put(request.bucket, request.key, incoming, headers, now, etag=etag, expected=condition, upload=upload)
    result = [("Location", f"{context.endpoint}/{request.bucket}"), ("Bucket", request.bucket), ("Key", request.key), ("ETag", f'"{etag}"')]
    answer = document("CompleteMultipartUploadResult", result)
    answer.headers.update({name: value for name, value in headers.items() if name.startswith(ENCRYPTION)})
    return answer


def list_parts(context: Context, request: S3Request) -> Response:
    headers_of(context, request)
    query, most = request.query, number(request, "max-parts", PAGE)
    marker = query.get("part-number-marker", "0")
    after = int(marker) if re.fullmatch("[0-9]{1,5}", marker) else 0
    parts = [part for part in context.objects.parts(query["uploadId"]) if part[0] > after]
    items: list[tuple[str, object]] = [("Bucket", request.bucket), ("Key", request.key), ("UploadId", query["uploadId"])]
    items += [("PartNumberMarker", after), ("MaxParts", most), ("IsTruncated", str(len(parts) > most).lower())]
    if most and len(parts) > most:
        items.append(("NextPartNumberMarker", parts[most - 1][0]))
    for number_, _, size, etag, modified in parts[:most]:
        items.append(("Part", [("PartNumber", number_), ("ETag", f'"{etag}"'), ("Size", size), ("LastModified", iso(modified))]))
    return document("ListPartsResult", items)


def list_uploads(context: Context, request: S3Request) -> Response:
    """ListMultipartUploads, in the order of keys, and of their beginning within a key."""
    query, name = request.query, names(request)
    prefix, delimiter, most = query.get("prefix", ""), query.get("delimiter", ""), number(request, "max-uploads", PAGE)
    after, after_id = query.get("key-marker", ""), query.get("upload-id-marker", "")
    entries: dict[tuple[str, str], list[tuple[str, object]]] = {}
    for key, upload, started in context.objects.uploads(request.bucket, prefix):
        group = common_prefix(key, prefix, delimiter)
        if group and group > after:
            entries[group, ""] = [("Prefix", name(group))]
        elif not group and (key > after or (after_id and (key, upload) > (after, after_id))):
            entries[key, upload] = [("Key", name(key)), ("UploadId", upload), ("Initiated", iso(started))]
    items: list[tuple[str, object]] = [("Bucket", request.bucket), ("Prefix", name(prefix)), ("KeyMarker", name(after))]
    items += [("UploadIdMarker", after_id), ("MaxUploads", most), ("IsTruncated", str(len(entries) > most).lower())]
    shown = list(entries)[:most]
    if len(entries) > most and shown:
        items += [("NextKeyMarker", name(shown[-1][0])), ("NextUploadIdMarker", shown[-1][1])]
    if "encoding-type" in query:
        items.append(("EncodingType", query["encoding-type"]))
    items += [("Upload" if entry[1] else "CommonPrefixes", entries[entry]) for entry in shown]
    return document("ListMultipartUploadsResult", items)
