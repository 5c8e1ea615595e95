"""S3's REST interface, path style: finds a request's operation. Operations that the engine doesn't serve answer NotImplemented."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.context import Context
from engine.errors import AWSError
from engine.s3 import buckets, multipart, object_operations, permissions, versioning
from engine.s3.request_body import S3Request, read_whole_body
from engine.s3.xml_documents import xml_response
from engine.store.stored_objects import IsDeleteMarker, NoSuchBucket, NoSuchKey, NoSuchUpload, NoSuchVersion, PreconditionFailed

BUCKET_NAME = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
UNSERVED_SUBRESOURCES = {"tagging", "acl", "retention", "legal-hold", "attributes", "torrent", "restore", "select"}
MISSING_CONFIGURATION_CODES = {
    "policy": "NoSuchBucketPolicy",
    "tagging": "NoSuchTagSet",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "cors": "NoSuchCORSConfiguration",
    "website": "NoSuchWebsiteConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "ownershipControls": "OwnershipControlsNotFoundError",
}
"""Configurations that buckets of this engine never have -> the code with which S3 says so."""
EMPTY_CONFIGURATIONS = {
    "logging": "BucketLoggingStatus",
    "notification": "NotificationConfiguration",
}


async def handle_request(context: Context, request: S3Request) -> Response:
    """Answer one S3 request. Raises AWSError."""
    try:
        return await _route_request(context, request)
    except PreconditionFailed as error:
        raise AWSError("PreconditionFailed", object_operations.PRECONDITION_MESSAGE, 412) from error
    except NoSuchBucket as error:
        raise AWSError("NoSuchBucket", "The specified bucket does not exist", 404) from error
    except NoSuchKey as error:
        if await run_in_threadpool(permissions.is_missing_key_hidden, context, request):
            raise AWSError("AccessDenied", "Access Denied", 403) from error
        raise AWSError("NoSuchKey", "The specified key does not exist.", 404) from error
    except IsDeleteMarker as error:
        version = request.query.get("versionId")
        if version is None and await run_in_threadpool(permissions.is_missing_key_hidden, context, request):
            raise AWSError("AccessDenied", "Access Denied", 403) from error
        raise versioning.marker_error(error, version) from error
    except NoSuchVersion as error:
        raise versioning.missing_version_error(error) from error
    except NoSuchUpload as error:
        raise AWSError("NoSuchUpload", "The specified upload does not exist.", 404) from error


async def _route_request(context: Context, request: S3Request) -> Response:
    if not request.bucket:
        if request.method == "GET" and not request.query.keys() - buckets.LIST_BUCKETS_PARAMETERS:
            return await run_in_threadpool(buckets.list_buckets, context, request)
        raise AWSError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    if not BUCKET_NAME.fullmatch(request.bucket):
        raise AWSError("InvalidBucketName", "The specified bucket is not valid.", 400)
    if "\x00" in request.key:
        raise AWSError("InvalidURI", "Couldn't parse the specified URI.", 400)
    if len(request.key.encode()) > 1024:
        raise AWSError("KeyTooLongError", "Your key is too long", 400)
    if request.method == "PUT" and not request.key and not request.query:
        return await run_in_threadpool(buckets.create_bucket, context, request, await read_whole_body(request))
    if not await run_in_threadpool(context.objects.has_bucket, request.bucket):
        raise NoSuchBucket(request.bucket)
    if request.key and request.method == "PUT" and not request.query.keys() - {"x-id", "uploadId", "partNumber"}:
        if "uploadId" in request.query:
            await run_in_threadpool(multipart.upload_headers, context, request)
            object_operations.parse_part_number(request)
        if "x-amz-copy-source" in request.headers:
            return await run_in_threadpool(object_operations.copy_object, context, request)
        return await object_operations.put_object(context, request)
    body = await read_whole_body(request) if request.method in {"POST", "PUT"} else b""
    answer = await run_in_threadpool(_route_object_request if request.key else _route_bucket_request, context, request, body)
    if answer is None:
        what = "&".join(sorted(request.query)) or "this path"
        raise AWSError("NotImplemented", f"This engine does not serve {request.method} with {what} in S3.", 501)
    return answer


def _route_object_request(context: Context, request: S3Request, body: bytes) -> Response | None:
    method, query = request.method, request.query
    if UNSERVED_SUBRESOURCES & query.keys():
        return None
    match method:
        case "GET" | "HEAD" if "uploadId" in query:
            return multipart.list_parts(context, request)
        case "GET" | "HEAD":
            return object_operations.get_object(context, request)
        case "DELETE" if "uploadId" in query:
            return multipart.abort_upload(context, request)
        case "DELETE" if not query.keys() - {"x-id", "versionId"}:
            return object_operations.delete_object(context, request)
        case "POST" if "uploads" in query:
            return multipart.create_upload(context, request)
        case "POST" if "uploadId" in query:
            return multipart.complete_upload(context, request, body)
    return None


def _route_bucket_request(context: Context, request: S3Request, body: bytes) -> Response | None:
    method, query = request.method, request.query
    match method:
        case "HEAD":
            return Response(headers={"x-amz-bucket-region": context.region})
        case "DELETE" if not query:
            return buckets.delete_bucket(context, request)
        case "POST" if "delete" in query:
            return buckets.delete_objects(context, request, body)
        case "GET" if "location" in query:
            return xml_response("LocationConstraint", "" if context.region == "us-east-1" else context.region)
        case "GET" if "uploads" in query:
            return multipart.list_uploads(context, request)
        case "GET" if "versions" in query and not query.keys() - versioning.LIST_VERSIONS_PARAMETERS:
            return versioning.list_versions(context, request)
        case "GET" if "versioning" in query:
            return versioning.get_versioning(context, request)
        case "PUT" if "versioning" in query:
            return versioning.put_versioning(context, request, body)
        case "GET" if not query.keys() - buckets.LIST_OBJECTS_PARAMETERS:
            return buckets.list_objects(context, request)
    if method == "GET":
        for name, root in EMPTY_CONFIGURATIONS.items():
            if name in query:
                return xml_response(root, [])
        for name, code in MISSING_CONFIGURATION_CODES.items():
            if name in query:
                raise AWSError(code, f"The bucket has no {name} configuration.", 404)
    return None
