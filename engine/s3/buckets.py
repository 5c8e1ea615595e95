"""Buckets, and the lists of what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


def list_buckets(context: Context) -> Response:
    buckets = [("Bucket", [("Name", name), ("CreationDate", iso(created))]) for name, created in context.objects.buckets()]
    return document("ListAllMyBucketsResult", [("Owner", OWNER), ("Buckets", buckets)])


def list_objects(context: Context, request: S3Request) -> Response:
    """ListObjectsV2, and ListObjects where the query has no list-type."""
    query = request.query
    second = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = query.get("max-keys", str(PAGE))
    if not re.fullmatch("[0-9]{1,10}", limit):
        raise AWSError("InvalidArgument", "Provided max-keys not an integer or within integer range", 400)
    most = min(int(limit), PAGE)
    try:
        after = bytes.fromhex(query["continuation-token"]).decode() if "continuation-token" in query else ""
    except ValueError as error:
        raise AWSError("InvalidArgument", "The continuation token provided is incorrect", 400) from error
    after = after or query.get("start-after" if second else "marker", "")
    found = list(islice(_entries(context, request.bucket, prefix, delimiter, after), most + 1)) if most else []
    truncated, found = len(found) > most, found[:most]
    url = query.get("encoding-type") == "url"

    def name(key: str) -> str:
        return quote(key, safe="/-_.~*") if url else key

    items: list[tuple[str, object]] = [("Name", request.bucket), ("Prefix", name(prefix)), ("MaxKeys", most)]
    items.append(("IsTruncated", str(truncated).lower()))
    if delimiter:
        items.append(("Delimiter", name(delimiter)))
    if url:
        items.append(("EncodingType", "url"))
    following = (found[-1].key if isinstance(found[-1], Stored) else found[-1]) if truncated else None
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
    for entry in found:
        if isinstance(entry, Stored):
            fields = [("Key", name(entry.key)), ("LastModified", iso(entry.modified)), ("ETag", f'"{entry.etag}"')]
            items.append(("Contents", [*fields, ("Size", entry.size), *owner, ("StorageClass", "STANDARD")]))
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return document("ListBucketResult", items)


def _entries(context: Context, bucket: str, prefix: str, delimiter: str, after: str) -> Iterator[Stored | str]:
    """Objects and common prefixes in the order of their keys, past ``after`` (which is a key, or a common prefix of the page before)."""
    group = _group(after, prefix, delimiter)
    start = (beyond(group) if group else None) or ""
    while True:
        batch = context.objects.walk(bucket, prefix=prefix, after=after, start=start, limit=PAGE + 1)
        for stored in batch:
            after = stored.key
            its = _group(stored.key, prefix, delimiter)
            if its is None:
                yield stored
            elif its != group:
                yield its
            group = its
        if len(batch) <= PAGE:
            return
        start = (beyond(group) if group else None) or ""


def _group(key: str, prefix: str, delimiter: str) -> str | None:
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
