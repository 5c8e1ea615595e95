"""Buckets, and the lists of what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar
from urllib.parse import quote

from starlette.responses import Response

from engine.context import Context
from engine.errors import AWSError
from engine.s3.permissions import check_deletion
from engine.s3.request_body import S3Request
from engine.s3.xml_documents import iso_timestamp, parse_xml, xml_response
from engine.store.stored_objects import DeleteMarker, NoSuchVersion, StoredObject, first_after_prefix

LIST_OBJECTS_PARAMETERS = {
    "list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "marker", "encoding-type", "fetch-owner", "x-id"
}  # fmt: skip
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
        raise AWSError("BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.", 409)
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

    def read_batch(prefix: str, after: str, before_number: int, start: str) -> list[StoredObject]:
        return context.objects.list_objects(request.bucket, prefix=prefix, after=after, start=start, limit=PAGE_SIZE + 1)

    items, found, is_truncated = list_page(request, lambda prefix, delimiter: walk_entries(read_batch, prefix, delimiter, after))
    following = (found[-1] if isinstance(found[-1], str) else found[-1].key) if is_truncated else None
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
    items += [("Contents", [*object_fields(name, entry), *owner]) for entry in found if not isinstance(entry, str)]
    items += [("CommonPrefixes", [("Prefix", name(entry))]) for entry in found if isinstance(entry, str)]
    return xml_response("ListBucketResult", items)


def object_fields(name: Callable[[str], str], entry: StoredObject) -> list[tuple[str, object]]:
    """What lists say of an object; ``name`` writes its key."""
    fields: list[tuple[str, object]] = [
        ("Key", name(entry.key)),
        ("LastModified", iso_timestamp(entry.modified)),
        ("ETag", f'"{entry.etag}"'),
    ]
    return [*fields, ("Size", entry.size), ("StorageClass", "STANDARD")]


Entry = TypeVar("Entry", bound=StoredObject | DeleteMarker)


def list_page(
    request: S3Request, walk: Callable[[str, str], Iterator[Entry | str]]
) -> tuple[list[tuple[str, object]], list[Entry | str], bool]:
    """The members that every list of objects begins with, the page's entries, and whether there are more. ``walk``: the entries of a prefix
    and a delimiter."""
    query, name = request.query, key_encoder(request)
    prefix, delimiter, most = query.get("prefix", ""), query.get("delimiter", ""), parse_page_limit(request, "max-keys", PAGE_SIZE)
    found = list(islice(walk(prefix, delimiter), most + 1)) if most else []
    truncated, found = len(found) > most, found[:most]
    items: list[tuple[str, object]] = [("Name", request.bucket), ("Prefix", name(prefix)), ("MaxKeys", most)]
    items.append(("IsTruncated", str(truncated).lower()))
    if delimiter:
        items.append(("Delimiter", name(delimiter)))
    if query.get("encoding-type") == "url":
        items.append(("EncodingType", "url"))
    return items, found, truncated


def walk_entries(
    read_batch: Callable[[str, str, int, str], list[Entry]], prefix: str, delimiter: str, after: str, before_number: int = 0
) -> Iterator[Entry | str]:
    """Entries and common prefixes in the order of their keys, past ``after`` (which is a key, or a common prefix of the page before) and,
    of the versions of ``after`` itself, ``before_number``. ``read_batch``: (prefix, after, before_number, start) -> up to PAGE_SIZE + 1
    entries in that order."""
    group = common_prefix(after, prefix, delimiter)
    start = (first_after_prefix(group) if group else None) or ""
    while True:
        batch = read_batch(prefix, after, before_number, start)
        for entry in batch:
            after, before_number = entry.key, entry.number
            its = common_prefix(entry.key, prefix, delimiter)
            if its is None:
                yield entry
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
    """DeleteObjects: each object or version that the caller may delete; the others are named in the answer."""
    root = parse_xml(body)
    quiet = (root.findtext("{*}Quiet") or "").strip().lower() == "true"
    objects = [(element.findtext("{*}Key") or "", element.findtext("{*}VersionId")) for element in root.findall("{*}Object")]
    if not 1 <= len(objects) <= PAGE_SIZE:
        raise AWSError("MalformedXML", f"A request deletes 1 to {PAGE_SIZE} keys.", 400)
    deleted: list[tuple[str, object]] = []
    errors: list[tuple[str, object]] = []
    for key, version in objects:
        named = [("Key", key), *([("VersionId", version)] if version else [])]
        try:
            check_deletion(context, request.bucket, key, version)
            if version:
                done = context.objects.delete_version(request.bucket, key, version)
            else:
                done = context.objects.delete(request.bucket, key, context.now())
        except AWSError as error:
            errors.append(("Error", [*named, ("Code", error.code), ("Message", error.message)]))
            continue
        except NoSuchVersion:
            errors.append(("Error", [*named, ("Code", "NoSuchVersion"), ("Message", "The specified version does not exist.")]))
            continue
        marker = [("DeleteMarker", "true"), ("DeleteMarkerVersionId", done.version)] if done.is_marker else []
        deleted.append(("Deleted", [*named, *marker]))
    return xml_response("DeleteResult", errors if quiet else [*deleted, *errors])
