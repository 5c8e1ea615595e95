"""Buckets, and the lists of what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import quote

from starlette.responses import Response

from engine.context import Context
from engine.errors import AWSError
from engine.s3.request_body import S3Request
from engine.s3.xml_documents import iso_timestamp, parse_xml, xml_response
from engine.store.stored_objects import StoredObject, first_after_prefix

LIST_OBJECTS_PARAMETERS = {
    "list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "marker", "encoding-type", "fetch-owner", "x-id"
}  # fmt: skip
LIST_VERSIONS_PARAMETERS = {"versions", "prefix", "delimiter", "max-keys", "key-marker", "version-id-marker", "encoding-type", "x-id"}
LIST_BUCKETS_PARAMETERS = {"prefix", "max-buckets", "continuation-token", "bucket-region", "x-id"}
PAGE_SIZE = 1000
OWNER = [("ID", "governance"), ("DisplayName", "governance")]


def create_bucket(context: Context, request: S3Request, body: bytes) -> Response:
    """CreateBucket. As in S3, a second creation is an error everywhere but in us-east-1."""
    wanted = (parse_xml(body).findtext("{*}LocationConstraint") or "us-east-1") if body else context.region
    if wanted != context.region:
        message = f"The {wanted} location constraint is incompatible for the region {context.region} that this engine stands for."
        raise AWSError("IllegalLocationConstraintException", message, 400)
    if not context.objects.create_bucket(request.bucket, context.now()) and context.region != "us-east-1":
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise AWSError("BucketAlreadyOwnedByYou", message, 409)
    return Response(headers={"Location": f"/{request.bucket}"})


def delete_bucket(context: Context, request: S3Request) -> Response:
    if not context.objects.delete_bucket(request.bucket):
        raise AWSError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
    return Response(status_code=204)


def list_buckets(context: Context, request: S3Request) -> Response:
    query = request.query
    most, after = parse_page_limit(request, "max-buckets", 10_000), _token(request)
    buckets = [
        (name, created) for name, created in context.objects.list_buckets() if name.startswith(query.get("prefix", "")) and name > after
    ]
    if query.get("bucket-region", context.region) != context.region:
        buckets = []
    shown = [("Bucket", [("Name", name), ("CreationDate", iso_timestamp(created))]) for name, created in buckets[:most]]
    items: list[tuple[str, object]] = [("Owner", OWNER), ("Buckets", shown)]
    if most and len(buckets) > most:
        items.append(("ContinuationToken", buckets[most - 1][0].encode().hex()))
    return xml_response("ListAllMyBucketsResult", items)


def parse_page_limit(request: S3Request, name: str, maximum: int) -> int:
    """The length of a page: the query's, at most S3's own. Raises InvalidArgument."""
    text = request.query.get(name, str(maximum))
    if not re.fullmatch("[0-9]{1,10}", text):
        raise AWSError("InvalidArgument", f"Provided {name} not an integer or within integer range", 400)
    return min(int(text), maximum)


def _token(request: S3Request) -> str:
    try:
        return bytes.fromhex(request.query.get("continuation-token", "")).decode()
    except ValueError as error:
        raise AWSError("InvalidArgument", "The continuation token provided is incorrect", 400) from error


def key_encoder(request: S3Request) -> Callable[[str], str]:
    """How keys are written in the answer: as they are, or URL-encoded if the client asks for that."""
    return (lambda key: quote(key, safe="/-_.~*")) if request.query.get("encoding-type") == "url" else str


def list_objects(context: Context, request: S3Request) -> Response:
    """ListObjectsV2, and ListObjects where the query has no list-type."""
    query, name = request.query, key_encoder(request)
    second = query.get("list-type") == "2"
    after = _token(request) or query.get("start-after" if second else "marker", "")
    items, found, following = _list_page(context, request, after)
    if second:
        items.append(("KeyCount", len(found)))
        if "start-after" in query:
            items.append(("StartAfter", name(query["start-after"])))
        if "continuation-token" in query:
            items.append(("ContinuationToken", query["continuation-token"]))
        if following is not None:
            items.append(("NextContinuationToken", following.encode().hex()))
    else:
        items.append(("Marker", name(query.get("marker", ""))))
        if following is not None:
            items.append(("NextMarker", name(following)))
    owner = [("Owner", OWNER)] if not second or query.get("fetch-owner") == "true" else []
    items += [("Contents", [*_fields(name, entry), *owner]) for entry in found if isinstance(entry, StoredObject)]
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return xml_response("ListBucketResult", items)


def list_versions(context: Context, request: S3Request) -> Response:
    """ListObjectVersions of a bucket without versioning: each object has one version, whose id is null."""
    query, name = request.query, key_encoder(request)
    items, found, following = _list_page(context, request, query.get("key-marker", ""))
    items += [("KeyMarker", name(query.get("key-marker", ""))), ("VersionIdMarker", query.get("version-id-marker", ""))]
    if following is not None:
        items += [("NextKeyMarker", name(following)), ("NextVersionIdMarker", "null")]
    version = [("VersionId", "null"), ("IsLatest", "true"), ("Owner", OWNER)]
    items += [("Version", [*_fields(name, entry), *version]) for entry in found if isinstance(entry, StoredObject)]
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return xml_response("ListVersionsResult", items)


def _fields(name: Callable[[str], str], entry: StoredObject) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = [
        ("Key", name(entry.key)),
        ("LastModified", iso_timestamp(entry.modified)),
        ("ETag", f'"{entry.etag}"'),
    ]
    return [*fields, ("Size", entry.size), ("StorageClass", "STANDARD")]


def _list_page(context: Context, request: S3Request, after: str) -> tuple[list[tuple[str, object]], list[StoredObject | str], str | None]:
    """The members that every list of objects begins with, the page's entries past ``after``, and the key that the next page follows."""
    query, name = request.query, key_encoder(request)
    prefix, delimiter, most = query.get("prefix", ""), query.get("delimiter", ""), parse_page_limit(request, "max-keys", PAGE_SIZE)
    found = list(islice(_walk_entries(context, request.bucket, prefix, delimiter, after), most + 1)) if most else []
    truncated, found = len(found) > most, found[:most]
    items: list[tuple[str, object]] = [("Name", request.bucket), ("Prefix", name(prefix)), ("MaxKeys", most)]
    items.append(("IsTruncated", str(truncated).lower()))
    if delimiter:
        items.append(("Delimiter", name(delimiter)))
    if query.get("encoding-type") == "url":
        items.append(("EncodingType", "url"))
    following = (found[-1].key if isinstance(found[-1], StoredObject) else found[-1]) if truncated else None
    return items, found, following


def _walk_entries(context: Context, bucket: str, prefix: str, delimiter: str, after: str) -> Iterator[StoredObject | str]:
    """Objects and common prefixes in the order of their keys, past ``after`` (which is a key, or a common prefix of the page before)."""
    group = common_prefix(after, prefix, delimiter)
    start = (first_after_prefix(group) if group else None) or ""
    while True:
        batch = context.objects.list_objects(bucket, prefix=prefix, after=after, start=start, limit=PAGE_SIZE + 1)
        for stored in batch:
            after = stored.key
            its = common_prefix(stored.key, prefix, delimiter)
            if its is None:
                yield stored
            elif its != group:
                yield its
            group = its
        if len(batch) <= PAGE_SIZE:
            return
        start = (first_after_prefix(group) if group else None) or ""


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that ``key`` belongs to."""
    if not delimiter or not key.startswith(prefix):
        return None
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else None


def delete_objects(context: Context, request: S3Request, body: bytes) -> Response:
    root = parse_xml(body)
    quiet = (root.findtext("{*}Quiet") or "").strip().lower() == "true"
    keys = [element.text or "" for element in root.findall("{*}Object/{*}Key")]
    if not 1 <= len(keys) <= PAGE_SIZE:
        raise AWSError("MalformedXML", f"A request deletes 1 to {PAGE_SIZE} keys.", 400)
    for key in keys:
        context.objects.delete(request.bucket, key)
    return xml_response("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys])
