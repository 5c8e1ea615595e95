"""Multipart uploads: start, list, complete, abort. The parts themselves are received by ``object_operations.put_object``."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

from starlette.responses import Response

from engine.context import Context
from engine.errors import AWSError
from engine.limits import MAX_OBJECT_BYTES
from engine.s3.buckets import PAGE_SIZE, common_prefix, key_encoder, parse_page_limit
from engine.s3.object_operations import (
    CHUNK_BYTES,
    ENCRYPTION_HEADER,
    encryption_headers,
    refuse_unsupported_headers,
    stored_headers,
    write_condition,
)
from engine.s3.request_body import CHECKSUM_HASHES, S3Request, check_digest
from engine.s3.versioning import version_of_write
from engine.s3.xml_documents import iso_timestamp, parse_xml, xml_response
from engine.store.stored_objects import NoSuchUpload

MIN_PART_BYTES = 5 * 1024 * 1024
"""Every part but the last must have this many bytes."""


def create_upload(context: Context, request: S3Request) -> Response:
    refuse_unsupported_headers(request.headers)
    encryption = encryption_headers(context, request.headers)
    upload = context.objects.start_upload(request.bucket, request.key, stored_headers(request.headers) | encryption, context.now())
    answer = xml_response("InitiateMultipartUploadResult", [("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload)])
    answer.headers.update(encryption)
    return answer


def upload_headers(context: Context, request: S3Request) -> dict[str, str]:
    """The headers that the upload of the request was started with. Raises NoSuchUpload."""
    headers = context.objects.upload_headers(request.query["uploadId"], request.bucket, request.key)
    if headers is None:
        raise NoSuchUpload(request.query["uploadId"])
    return headers


def abort_upload(context: Context, request: S3Request) -> Response:
    upload_headers(context, request)
    context.objects.end_upload(request.query["uploadId"])
    return Response(status_code=204)


def complete_upload(context: Context, request: S3Request, body: bytes) -> Response:
    """Join the parts that the body lists, in that order, to one object."""
    headers = upload_headers(context, request)
    upload = request.query["uploadId"]
    there = {number: (file, etag, size) for number, file, size, etag, _ in context.objects.list_parts(upload)}
    wanted: list[tuple[int, str]] = []
    for element in parse_xml(body).findall("{*}Part"):
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
        if place < len(wanted) - 1 and there[part][2] < MIN_PART_BYTES:
            raise AWSError("EntityTooSmall", f"Part {part} is smaller than the minimum allowed size of {MIN_PART_BYTES} bytes.", 400)
    if sum(there[part][2] for part, _ in wanted) > MAX_OBJECT_BYTES:
        raise AWSError("EntityTooLarge", f"Your proposed upload exceeds the maximum allowed size of {MAX_OBJECT_BYTES} bytes.", 400)
    digests = b"".join(bytes.fromhex(etag) for _, etag in wanted)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(wanted)}"
    claims = {k: v for k, v in request.headers.items() if k.startswith("x-amz-checksum-") and "-" not in v}  # with "-": of the parts' sums
    sums = {name: CHECKSUM_HASHES[name]() for name in claims.keys() & CHECKSUM_HASHES.keys()}
    with context.objects.receive_body() as incoming:
        for part, _ in wanted:
            with context.objects.open_part(there[part][0]) as file:
                while chunk := file.read(CHUNK_BYTES):
                    incoming.write(chunk)
                    for one in sums.values():
                        one.update(chunk)
        for name, one in sums.items():
            check_digest(name, claims[name], one.digest())
        condition = write_condition(request.headers)
        now = context.now()
        made = context.objects.put(request.bucket, request.key, incoming, headers, now, etag=etag, condition=condition, upload=upload)
    result = [("Location", f"{context.endpoint}/{request.bucket}"), ("Bucket", request.bucket), ("Key", request.key), ("ETag", f'"{etag}"')]
    answer = xml_response("CompleteMultipartUploadResult", result)
    answer.headers.update({name: value for name, value in headers.items() if name.startswith(ENCRYPTION_HEADER)})
    answer.headers.update(version_of_write(context, made))
    return answer


def list_parts(context: Context, request: S3Request) -> Response:
    upload_headers(context, request)
    query, most = request.query, parse_page_limit(request, "max-parts", PAGE_SIZE)
    marker = query.get("part-number-marker", "0")
    after = int(marker) if re.fullmatch("[0-9]{1,5}", marker) else 0
    parts = [part for part in context.objects.list_parts(query["uploadId"]) if part[0] > after]
    items: list[tuple[str, object]] = [("Bucket", request.bucket), ("Key", request.key), ("UploadId", query["uploadId"])]
    items += [("PartNumberMarker", after), ("MaxParts", most), ("IsTruncated", str(len(parts) > most).lower())]
    if most and len(parts) > most:
        items.append(("NextPartNumberMarker", parts[most - 1][0]))
    for number_, _, size, etag, modified in parts[:most]:
        items.append(("Part", [("PartNumber", number_), ("ETag", f'"{etag}"'), ("Size", size), ("LastModified", iso_timestamp(modified))]))
    return xml_response("ListPartsResult", items)


def list_uploads(context: Context, request: S3Request) -> Response:
    """ListMultipartUploads, sorted by key, then by start time."""
    query, name = request.query, key_encoder(request)
    prefix, delimiter, most = query.get("prefix", ""), query.get("delimiter", ""), parse_page_limit(request, "max-uploads", PAGE_SIZE)
    after, after_id = query.get("key-marker", ""), query.get("upload-id-marker", "")
    entries: dict[tuple[str, str], list[tuple[str, object]]] = {}
    for key, upload, started in context.objects.list_uploads(request.bucket, prefix):
        group = common_prefix(key, prefix, delimiter)
        if group and group > after:
            entries[group, ""] = [("Prefix", name(group))]
        elif not group and (key > after or (after_id and (key, upload) > (after, after_id))):
            entries[key, upload] = [("Key", name(key)), ("UploadId", upload), ("Initiated", iso_timestamp(started))]
    items: list[tuple[str, object]] = [("Bucket", request.bucket), ("Prefix", name(prefix)), ("KeyMarker", name(after))]
    items += [("UploadIdMarker", after_id), ("MaxUploads", most), ("IsTruncated", str(len(entries) > most).lower())]
    shown = list(entries)[:most]
    if len(entries) > most and shown:
        items += [("NextKeyMarker", name(shown[-1][0])), ("NextUploadIdMarker", shown[-1][1])]
    if "encoding-type" in query:
        items.append(("EncodingType", query["encoding-type"]))
    items += [("Upload" if entry[1] else "CommonPrefixes", entries[entry]) for entry in shown]
    return xml_response("ListMultipartUploadsResult", items)
