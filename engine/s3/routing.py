"""S3's REST interface, path style: which operation a request is. What the engine doesn't serve answers NotImplemented."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.context import AWSError, Context
from engine.iam import authorize
from engine.s3 import buckets, content, multipart
from engine.s3.body import S3Request, whole
from engine.s3.objects import NoSuchBucket, NoSuchKey, NoSuchUpload, PreconditionFailed
from engine.s3.xml import document

BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
SUBRESOURCES = {"tagging", "acl", "retention", "legal-hold", "attributes", "torrent", "restore", "select"}
CONFIGURATIONS = {
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
"""What a bucket of this engine never has, and the code with which S3 says so."""
EMPTY = {"versioning": "VersioningConfiguration", "logging": "BucketLoggingStatus", "notification": "NotificationConfiguration"}


async def handle(context: Context, request: S3Request) -> Response:
    """Answer one S3 request. Raises AWSError."""
    try:
        return await _handle(context, request)
    except PreconditionFailed as error:
        raise AWSError("PreconditionFailed", content.PRECONDITION, 412) from error
    except NoSuchBucket as error:
        raise AWSError("NoSuchBucket", "The specified bucket does not exist", 404) from error
    except NoSuchKey as error:
        if await run_in_threadpool(authorize.hides_missing, context, request):
            raise AWSError("AccessDenied", "Access Denied", 403) from error
        raise AWSError("NoSuchKey", "The specified key does not exist.", 404) from error
    except NoSuchUpload as error:
        raise AWSError("NoSuchUpload", "The specified upload does not exist.", 404) from error


async def _handle(context: Context, request: S3Request) -> Response:
    if not request.bucket:
        if request.method == "GET" and not request.query.keys() - buckets.BUCKETS:
            return await run_in_threadpool(buckets.list_buckets, context, request)
        raise AWSError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    if not BUCKET.fullmatch(request.bucket):
        raise AWSError("InvalidBucketName", "The specified bucket is not valid.", 400)
    if "\x00" in request.key:
        raise AWSError("InvalidURI", "Couldn't parse the specified URI.", 400)
    if len(request.key.encode()) > 1024:
        raise AWSError("KeyTooLongError", "Your key is too long", 400)
    if request.method == "PUT" and not request.key and not request.query:
        return await run_in_threadpool(buckets.create, context, request, await whole(request))
    if not await run_in_threadpool(context.objects.has_bucket, request.bucket):
        raise NoSuchBucket(request.bucket)
    if request.key and request.method == "PUT" and not request.query.keys() - {"x-id", "uploadId", "partNumber"}:
        if "uploadId" in request.query:
            await run_in_threadpool(multipart.headers_of, context, request)
            content.part_number(request)
        if "x-amz-copy-source" in request.headers:
            return await run_in_threadpool(content.copy, context, request)
        return await content.put(context, request)
    body = await whole(request) if request.method in {"POST", "PUT"} else b""
    answer = await run_in_threadpool(_object if request.key else _bucket, context, request, body)
    if answer is None:
        what = "&".join(sorted(request.query)) or "this path"
        raise AWSError("NotImplemented", f"This engine does not serve {request.method} with {what} in S3.", 501)
    return answer


def _object(context: Context, request: S3Request, body: bytes) -> Response | None:
    method, query = request.method, request.query
    if SUBRESOURCES & query.keys():
        return None
    match method:
        case "GET" | "HEAD" if "uploadId" in query:
            return multipart.list_parts(context, request)
        case "GET" | "HEAD":
            return content.get(context, request)
        case "DELETE" if "uploadId" in query:
            return multipart.abort(context, request)
        case "DELETE" if not query.keys() - {"x-id", "versionId"} and query.get("versionId", "null") == "null":
            return content.delete(context, request)
        case "POST" if "uploads" in query:
            return multipart.start(context, request)
        case "POST" if "uploadId" in query:
            return multipart.complete(context, request, body)
    return None


def _bucket(context: Context, request: S3Request, body: bytes) -> Response | None:
    method, query = request.method, request.query
    match method:
        case "HEAD":
            return Response(headers={"x-amz-bucket-region": context.region})
        case "DELETE" if not query:
            return buckets.delete(context, request)
        case "POST" if "delete" in query:
            return buckets.delete_objects(context, request, body)
        case "GET" if "location" in query:
            return document("LocationConstraint", "" if context.region == "us-east-1" else context.region)
        case "GET" if "uploads" in query:
            return multipart.list_uploads(context, request)
        case "GET" if "versions" in query and not query.keys() - buckets.VERSIONS:
            return buckets.list_versions(context, request)
        case "GET" if not query.keys() - buckets.LISTING:
            return buckets.list_objects(context, request)
    if method == "GET":
        for name, root in EMPTY.items():
            if name in query:
                return document(root, [])
        for name, code in CONFIGURATIONS.items():
            if name in query:
                raise AWSError(code, f"The bucket has no {name} configuration.", 404)
    return None
