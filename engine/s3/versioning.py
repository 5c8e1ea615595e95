"""Versions over the wire: whether a bucket keeps them, the headers that name them, and the list of them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
"""

from __future__ import annotations

from email.utils import formatdate

from starlette.responses import Response

from engine.context import Context
from engine.errors import AWSError
from engine.s3.buckets import OWNER, PAGE_SIZE, key_encoder, list_page, object_fields, walk_entries
from engine.s3.request_body import S3Request
from engine.s3.xml_documents import iso_timestamp, parse_xml, xml_response
from engine.store.stored_objects import NULL_VERSION, DeleteMarker, Deletion, IsDeleteMarker, NoSuchVersion, StoredObject
from engine.store.version_index import parse_version_id

VERSION_HEADER, MARKER_HEADER, SOURCE_VERSION_HEADER = "x-amz-version-id", "x-amz-delete-marker", "x-amz-copy-source-version-id"
LIST_VERSIONS_PARAMETERS = {"versions", "prefix", "delimiter", "max-keys", "key-marker", "version-id-marker", "encoding-type", "x-id"}


def put_versioning(context: Context, request: S3Request, body: bytes) -> Response:
    """PutBucketVersioning. There is no MFA: a request that asks for it is refused."""
    root = parse_xml(body)
    status = (root.findtext("{*}Status") or "").strip()
    if status not in {"Enabled", "Suspended"}:
        raise AWSError("IllegalVersioningConfigurationException", "The Versioning element must be specified", 400)
    if (root.findtext("{*}MfaDelete") or "Disabled").strip() != "Disabled" or "x-amz-mfa" in request.headers:
        raise AWSError("NotImplemented", "This engine does not serve MFA delete.", 501)
    context.objects.set_versioning(request.bucket, status)
    return Response()


def get_versioning(context: Context, request: S3Request) -> Response:
    """GetBucketVersioning: an empty answer for a bucket that never kept versions."""
    status = context.objects.get_versioning(request.bucket)
    return xml_response("VersioningConfiguration", [("Status", status)] if status else [])


def version_of_write(context: Context, stored: StoredObject) -> dict[str, str]:
    """The header of an answer to a write: the id of the version, which S3 names only while the bucket keeps versions."""
    return {VERSION_HEADER: stored.version} if context.objects.get_versioning(stored.bucket) == "Enabled" else {}


def version_of_read(context: Context, stored: StoredObject, header: str = VERSION_HEADER) -> dict[str, str]:
    """The header of an answer that has an object's content: the id of the version, ``null`` too; none if the bucket never kept versions."""
    return {header: stored.version} if context.objects.get_versioning(stored.bucket) else {}


def version_of_deletion(done: Deletion) -> dict[str, str]:
    """The headers of an answer to a deletion: the id of the delete marker that it made, or of the version that it removed."""
    return ({VERSION_HEADER: done.version} if done.version else {}) | ({MARKER_HEADER: "true"} if done.is_marker else {})


def marker_error(error: IsDeleteMarker, version: str | None) -> AWSError:
    """What S3 answers where a delete marker is: no such key, or, when it is asked for by its id, that it can only be deleted."""
    headers = {MARKER_HEADER: "true", VERSION_HEADER: error.marker.version}
    if version is None:
        return AWSError("NoSuchKey", "The specified key does not exist.", 404, headers)
    headers |= {"Allow": "DELETE", "Last-Modified": formatdate(error.marker.modified, usegmt=True)}
    return AWSError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405, headers)


def missing_version_error(error: NoSuchVersion) -> AWSError:
    """What S3 answers to the id of a version that doesn't exist, or that can't be one."""
    try:
        parse_version_id(str(error))
    except NoSuchVersion:
        if str(error) != NULL_VERSION:
            return AWSError("InvalidArgument", "Invalid version id specified", 400)
    return AWSError("NoSuchVersion", "The specified version does not exist.", 404)


def list_versions(context: Context, request: S3Request) -> Response:
    """ListObjectVersions: by key, of each key the newest first."""
    query, name = request.query, key_encoder(request)
    after, marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    if marker and not after:
        raise AWSError("InvalidArgument", "A version-id marker cannot be specified without a key marker.", 400)
    try:
        number = context.objects.version_number(request.bucket, after, marker) if marker else 0
    except NoSuchVersion as error:
        raise AWSError("InvalidArgument", "Invalid version id specified", 400) from error
    latest: dict[tuple[str, str], bool] = {}

    def read_batch(prefix: str, after: str, before_number: int, start: str) -> list[StoredObject | DeleteMarker]:
        found = context.objects.list_versions(
            request.bucket, prefix=prefix, after=after, before_number=before_number, start=start, limit=PAGE_SIZE + 1
        )
        latest.update({(each.key, each.version): is_latest for each, is_latest in found})
        return [each for each, _ in found]

    items, found, is_truncated = list_page(request, lambda prefix, delimiter: walk_entries(read_batch, prefix, delimiter, after, number))
    items += [("KeyMarker", name(after)), ("VersionIdMarker", marker)]
    if is_truncated:
        last = found[-1]
        if isinstance(last, str):
            items.append(("NextKeyMarker", name(last)))
        else:
            items += [("NextKeyMarker", name(last.key)), ("NextVersionIdMarker", last.version)]
    for entry in found:
        if isinstance(entry, str):
            items.append(("CommonPrefixes", [("Prefix", name(entry))]))
            continue
        is_latest = str(latest[entry.key, entry.version]).lower()
        version: list[tuple[str, object]] = [("VersionId", entry.version), ("IsLatest", is_latest), ("Owner", OWNER)]
        if isinstance(entry, StoredObject):
            items.append(("Version", [*object_fields(name, entry), *version]))
        else:
            items.append(("DeleteMarker", [("Key", name(entry.key)), ("LastModified", iso_timestamp(entry.modified)), *version]))
    return xml_response("ListVersionsResult", items)
