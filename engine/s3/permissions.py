"""Which permissions an S3 request needs."""

from __future__ import annotations

from engine.context import Context
from engine.iam.access_decisions import decide_access, has_full_access
from engine.iam.authorize import require_permission
from engine.operations import Permission
from engine.principal import CALLER
from engine.s3.request_body import S3Request, parse_copy_source

S3_OBJECT_ACTIONS = {
    ("GET", False): "s3:GetObject",
    ("HEAD", False): "s3:GetObject",
    ("PUT", False): "s3:PutObject",
    ("POST", False): "s3:PutObject",
    ("DELETE", False): "s3:DeleteObject",
    ("GET", True): "s3:ListMultipartUploadParts",
    ("PUT", True): "s3:PutObject",
    ("POST", True): "s3:PutObject",
    ("DELETE", True): "s3:AbortMultipartUpload",
}
"""(method, whether it is about an upload's parts) → action."""


S3_BUCKET_ACTIONS = {
    "location": "s3:GetBucketLocation",
    "uploads": "s3:ListBucketMultipartUploads",
    "versions": "s3:ListBucketVersions",
    "versioning": "s3:GetBucketVersioning",
    "policy": "s3:GetBucketPolicy",
    "encryption": "s3:GetEncryptionConfiguration",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "publicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "tagging": "s3:GetBucketTagging",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "cors": "s3:GetBucketCORS",
    "ownershipControls": "s3:GetBucketOwnershipControls",
}
VERSION_ACTIONS = {"s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion"}
"""Action on an object → the same on one of its versions, named by its id."""


def check_s3_request(context: Context, request: S3Request) -> None:
    """Raises AccessDenied when the caller's policies don't allow an S3 request."""
    if has_full_access(context, CALLER.get()):
        return
    if request.method == "POST" and "delete" in request.query and not request.key:
        return  # ``check_deletion`` looks at each object that the body names
    require_permission(context, required_permission(request), "AccessDenied", 403)
    if "x-amz-copy-source" in request.headers:
        bucket, key, version = parse_copy_source(request.headers)
        require_permission(context, _on_object("s3:GetObject", bucket, key, version), "AccessDenied", 403)


def check_deletion(context: Context, bucket: str, key: str, version: str | None) -> None:
    """Raises AccessDenied when the caller's policies don't allow to delete an object, or the named version of it."""
    if not has_full_access(context, CALLER.get()):
        require_permission(context, _on_object("s3:DeleteObject", bucket, key, version), "AccessDenied", 403)


def _on_object(action: str, bucket: str, key: str, version: str | None, values: dict[str, list[str]] | None = None) -> Permission:
    values = (values or {}) | ({"s3:versionid": [version]} if version else {})
    return Permission(VERSION_ACTIONS.get(action, action) if version else action, f"arn:aws:s3:::{bucket}/{key}", values)


def is_missing_key_hidden(context: Context, request: S3Request) -> bool:
    """Whether a missing key is answered with AccessDenied: S3 says NoSuchKey only to callers who may list the bucket."""
    caller = CALLER.get()
    return (
        not has_full_access(context, caller)
        and decide_access(context, caller, "s3:ListBucket", f"arn:aws:s3:::{request.bucket}", {}) != "allowed"
    )


def required_permission(request: S3Request) -> Permission:
    """The permission that a request needs; a copy also needs to read its source."""
    query, method = request.query, request.method
    if not request.bucket:
        return Permission("s3:ListAllMyBuckets", "*", {})
    if request.key:
        upload = "uploadId" in query and method != "POST"
        values = {f"s3:{name}": [request.headers[name]] for name in ("if-none-match", "if-match") if name in request.headers}
        if "x-amz-server-side-encryption" in request.headers:
            values["s3:x-amz-server-side-encryption"] = [request.headers["x-amz-server-side-encryption"]]
        action = S3_OBJECT_ACTIONS.get((method, upload), "s3:PutObject")
        return _on_object(action, request.bucket, request.key, query.get("versionId"), values)
    resource = f"arn:aws:s3:::{request.bucket}"
    for name, action in S3_BUCKET_ACTIONS.items():
        if name in query:
            if method == "PUT":
                action = action.replace("s3:Get", "s3:Put")
            return Permission(action, resource, {"s3:prefix": [query.get("prefix", "")]} if name == "versions" else {})
    if method in {"PUT", "DELETE"}:
        return Permission("s3:CreateBucket" if method == "PUT" else "s3:DeleteBucket", resource, {})
    return Permission("s3:ListBucket", resource, {"s3:prefix": [query.get("prefix", "")]})
