"""Buckets, and the lists of what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import quote

from starlette.responses import Response

from engine.context import AWSError, Context
from engine.s3.body import S3Request
from engine.s3.objects import Stored, beyond
from engine.s3.xml import document, iso, parse

LISTING = {
    "list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "marker", "encoding-type", "fetch-owner", "x-id"
}  # fmt: skip
VERSIONS = {"versions", "prefix", "delimiter", "max-keys", "key-marker", "version-id-marker", "encoding-type", "x-id"}
BUCKETS = {"prefix", "max-buckets", "continuation-token", "bucket-region", "x-id"}
PAGE = 1000
OWNER = [("ID", "governance"), ("DisplayName", "governance")]


def create(context: Context, request: S3Request, body: bytes) -> Response:
    """CreateBucket. As in S3, a second creation is an error everywhere but in us-east-1."""
    wanted = (parse(body).findtext("{*}LocationConstraint") or "us-east-1") if body else context.region
    if wanted != context.region:
        message = f"The {wanted} location constraint is incompatible for the region {context.region} that this engine stands for."
        raise AWSError("IllegalLocationConstraintException", message, 400)
    if not context.objects.create_bucket(request.bucket, context.now()) and context.region != "us-east-1":
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise AWSError("BucketAlreadyOwnedByYou", message, 409)
    return Response(headers={"Location": f"/{request.bucket}"})


def delete(context: Context, request: S3Request) -> Response:
    if not context.objects.delete_bucket(request.bucket):
        raise AWSError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
    return Response(status_code=204)


def list_buckets(context: Context, request: S3Request) -> Response:
    query = request.query
    most, after = number(request, "max-buckets", 10_000), _token(request)
    buckets = [(name, created) for name, created in context.objects.buckets() if name.startswith(query.get("prefix", "")) and name > after]
    if query.get("bucket-region", context.region) != context.region:
        buckets = []
    shown = [("Bucket", [("Name", name), ("CreationDate", iso(created))]) for name, created in buckets[:most]]
    items: list[tuple[str, object]] = [("Owner", OWNER), ("Buckets", shown)]
    if most and len(buckets) > most:
        items.append(("ContinuationToken", buckets[most - 1][0].encode().hex()))
    return document("ListAllMyBucketsResult", items)


def number(request: S3Request, name: str, most: int) -> int:
    """The limit of a page: what the query says, and not more than S3's own. Raises InvalidArgument."""
    text = request.query.get(name, str(most))
    if not re.fullmatch("[0-9]{1,10}", text):
        raise AWSError("InvalidArgument", f"Provided {name} not an integer or within integer range", 400)
    return min(int(text), most)


def _token(request: S3Request) -> str:
    try:
        return bytes.fromhex(request.query.get("continuation-token", "")).decode()
    except ValueError as error:
        raise AWSError("InvalidArgument", "The continuation token provided is incorrect", 400) from error


def names(request: S3Request) -> Callable[[str], str]:
    """How keys are written in the answer: as they are, or encoded where the client asks for that."""
    return (lambda key: quote(key, safe="/-_.~*")) if request.query.get("encoding-type") == "url" else str


def list_objects(context: Context, request: S3Request) -> Response:
    """ListObjectsV2, and ListObjects where the query has no list-type."""
    query, name = request.query, names(request)
    second = query.get("list-type") == "2"
    after = _token(request) or query.get("start-after" if second else "marker", "")
    items, found, following = _page(context, request, after)
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
    items += [("Contents", [*_fields(name, entry), *owner]) for entry in found if isinstance(entry, Stored)]
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return document("ListBucketResult", items)


def list_versions(context: Context, request: S3Request) -> Response:
    """ListObjectVersions of a bucket without versioning: each object has one version, whose id is null."""
    query, name = request.query, names(request)
    items, found, following = _page(context, request, query.get("key-marker", ""))
    items += [("KeyMarker", name(query.get("key-marker", ""))), ("VersionIdMarker", query.get("version-id-marker", ""))]
    if following is not None:
        items += [("NextKeyMarker", name(following)), ("NextVersionIdMarker", "null")]
    version = [("VersionId", "null"), ("IsLatest", "true"), ("Owner", OWNER)]
    items += [("Version", [*_fields(name, entry), *version]) for entry in found if isinstance(entry, Stored)]
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return document("ListVersionsResult", items)


def _fields(name: Callable[[str], str], entry: Stored) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = [("Key", name(entry.key)), ("LastModified", iso(entry.modified)), ("ETag", f'"{entry.etag}"')]
    return [*fields, ("Size", entry.size), ("StorageClass", "STANDARD")]


def _page(context: Context, request: S3Request, after: str) -> tuple[list[tuple[str, object]], list[Stored | str], str | None]:
    """What every list of objects begins with, its entries past ``after``, and after what the next page begins."""
    query, name = request.query, names(request)
    prefix, delimiter, most = query.get("prefix", ""), query.get("delimiter", ""), number(request, "max-keys", PAGE)
    found = list(islice(_entries(context, request.bucket, prefix, delimiter, after), most + 1)) if most else []
    truncated, found = len(found) > most, found[:most]
    items: list[tuple[str, object]] = [("Name", request.bucket), ("Prefix", name(prefix)), ("MaxKeys", most)]
    items.append(("IsTruncated", str(truncated).lower()))
    if delimiter:
        items.append(("Delimiter", name(delimiter)))
    if query.get("encoding-type") == "url":
        items.append(("EncodingType", "url"))
    following = (found[-1].key if isinstance(found[-1], Stored) else found[-1]) if truncated else None
    return items, found, following


def _entries(context: Context, bucket: str, prefix: str, delimiter: str, after: str) -> Iterator[Stored | str]:
    """Objects and common prefixes in the order of their keys, past ``after`` (which is a key, or a common prefix of the page before)."""
    group = common_prefix(after, prefix, delimiter)
    start = (beyond(group) if group else None) or ""
    while True:
        batch = context.objects.walk(bucket, prefix=prefix, after=after, start=start, limit=PAGE + 1)
        for stored in batch:
            after = stored.key
            its = common_prefix(stored.key, prefix, delimiter)
            if its is None:
                yield stored
            elif its != group:
                yield its
            group = its
        if len(batch) <= PAGE:
            return
        start = (beyond(group) if group else None) or ""


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that ``key`` belongs to."""
    if not delimiter or not key.startswith(prefix):
        return None
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else None


def delete_objects(context: Context, request: S3Request, body: bytes) -> Response:
    root = parse(body)
    quiet = (root.findtext("{*}Quiet") or "").strip().lower() == "true"
    keys = [element.text or "" for element in root.findall("{*}Object/{*}Key")]
    if not 1 <= len(keys) <= PAGE:
        raise AWSError("MalformedXML", f"A request deletes 1 to {PAGE} keys.", 400)
    for key in keys:
        context.objects.delete(request.bucket, key)
    return document("DeleteResult", [] if quiet else [("Deleted", [("Key", key)]) for key in keys])
