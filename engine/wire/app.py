"""The engine's HTTP interface: checks host and signature, finds the service, calls the operation, writes the error's answer."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from urllib.parse import parse_qs, unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine import __version__, limits
from engine.context import Context
from engine.errors import AWSError
from engine.iam import authorize, sessions
from engine.iam.sigv4 import verify_signature
from engine.principal import CALLER, ENGINE_USER, AccessKeys
from engine.s3 import permissions
from engine.s3.request_body import S3Request
from engine.s3.routing import handle_request
from engine.service_models import operation_model
from engine.store.disk_errors import disk_problem
from engine.wire import access_log
from engine.wire.request_parsing import parse_json, parse_query, validate_request
from engine.wire.response_bodies import json_body, xml_body
from engine.wire.served_operations import OPERATIONS
from engine.xml_text import escape_xml

log = logging.getLogger("engine")
MAX_DRAINED_BYTES = 1024 * 1024
MAX_FIELDS = 2000
"""Fields of a query-protocol call."""
TARGET_SERVICES = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "ServiceQuotasV20190624": "service-quotas",
}
REST_OPERATIONS = {("PUT", "/BatchPutMetrics"): ("sagemaker-metrics", "BatchPutMetrics")}
"""The operations of REST-JSON services; they are called by method and path."""
SERVED_SERVICES = ("sagemaker", "s3", "sts", "iam", "logs", "ecr", "service-quotas")
LOCAL_HOSTS = {"127.0.0.1", "localhost"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


def create_app(context: Context, keys: AccessKeys, instance: str = "") -> Starlette:
    """The ASGI application that serves ``context`` to callers who sign with ``keys``; ``/health`` returns ``instance``."""
    context.keys = keys

    async def health(request: HTTPRequest) -> Response:
        if "authorization" in request.headers or "X-Amz-Signature" in request.query_params:
            return await aws(request)  # a bucket of that name
        if not _is_local_host(request):
            return Response(status_code=403)
        return JSONResponse({"status": "ok", "version": __version__, "instance": instance})

    async def aws(request: HTTPRequest) -> Response:
        request_id, began = str(uuid.uuid4()), time.perf_counter()
        service, operation, refused, caller = "s3", "", None, ENGINE_USER
        try:
            if not _is_local_host(request):
                raise AWSError("AccessDenied", "This engine answers on 127.0.0.1 only.", 403)
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.scope["headers"]}
            raw_path = (request.scope.get("raw_path") or b"/").decode("latin-1").partition("?")[0]
            raw_query = request.scope["query_string"].decode("latin-1")
            target = headers.get("x-amz-target", "")
            service = _find_service(headers, raw_query)
            body = None if service == "s3" else await _read_body(request)
            operation = access_log.operation_name(service, request.method, raw_path, raw_query, target, body)
            token = headers.get("x-amz-security-token") or parse_qs(raw_query).get("X-Amz-Security-Token", [None])[0]
            own, caller = sessions.resolve_credentials(keys, service, token, context.now())
            signed = verify_signature(
                own,
                method=request.method,
                raw_path=raw_path,
                raw_query=raw_query,
                headers=headers,
                payload_hash=None if body is None else hashlib.sha256(body).hexdigest(),
                now=context.now(),
            )
            CALLER.set(caller)
            if body is None:
                bucket, _, key = _decode_path(raw_path).removeprefix("/").partition("/")
                query = {k: v[0] for k, v in parse_qs(raw_query, keep_blank_values=True).items()}
                query = {k: v for k, v in query.items() if not k.startswith("X-Amz-")}
                s3 = S3Request(request.method, bucket, key, query, headers, signed.payload_hash, request.stream, signed.chunk_signatures)
                await run_in_threadpool(permissions.check_s3_request, context, s3)
                response = await handle_request(context, s3)
            elif service in {"sts", "iam"}:
                response = await run_in_threadpool(_answer_query, context, service, body, request_id)
            elif (request.method, raw_path) in REST_OPERATIONS:
                response = await run_in_threadpool(_call_operation, context, *REST_OPERATIONS[request.method, raw_path], body)
            else:
                response = await run_in_threadpool(_answer_json, context, service, target, body)
        except AWSError as error:
            refused = error
        except ClientDisconnect:
            refused = AWSError("RequestTimeout", "The client closed the connection before its request ended.")
        except Exception as error:
            refused = _to_aws_error(service, error, context, f"{request.method} {request.url.path}")
        if refused is not None:
            response = _error_response(service, refused, request_id)
            response.headers.update(refused.headers)
        response.headers["x-amzn-RequestId" if service != "s3" else "x-amz-request-id"] = request_id
        if response.status_code >= 400 and not await _drain_body(request):
            response.headers["connection"] = "close"
        if request.method == "HEAD" and response.status_code >= 400:
            headers = refused.headers if refused else {}
            response = Response(status_code=response.status_code, headers={**headers, "x-amz-request-id": request_id})
        access_log.record_request(
            at=context.now(),
            service=service,
            operation=operation,
            status=response.status_code,
            code=refused.code if refused else "",
            seconds=time.perf_counter() - began,
            client=request.headers.get("user-agent", ""),
            caller=caller.name,
            request_id=request_id,
        )
        return response

    return Starlette(routes=[Route("/health", health, methods=["GET"]), Route("/{path:path}", aws, methods=METHODS)])


def _to_aws_error(service: str, error: Exception, context: Context, what: str) -> AWSError:
    """A full or unwritable disk becomes an error that says so, since the caller can do something about it; anything else is logged."""
    reason = disk_problem(error)
    if reason is None:
        log.error("%s", what, exc_info=error)
        return AWSError("InternalFailure", "The engine failed; its log says why.", 500)
    message = f"Nothing was written to the workspace {context.workspace}: {reason}."
    return AWSError("ResourceLimitExceeded", message) if service == "sagemaker" else AWSError("ServiceUnavailable", message, 503)


def _is_local_host(request: HTTPRequest) -> bool:
    """Whether the Host header names this machine. Another name means that somebody's DNS sent a browser here (DNS rebinding)."""
    return request.headers.get("host", "").rpartition(":")[0] in LOCAL_HOSTS or request.headers.get("host") in LOCAL_HOSTS


async def _drain_body(request: HTTPRequest) -> bool:
    """Read what is left of a refused request's body, if it is short; else the connection cannot carry another request.

    A client that asked to be told whether to send its body at all (Expect) doesn't send it after a refusal.
    """
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return True
    if "expect" in request.headers:
        return False
    left = MAX_DRAINED_BYTES
    try:
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return False
    except (ClientDisconnect, RuntimeError):  # the client went away, or the body was read already
        pass
    return True


def _decode_path(raw_path: str) -> str:
    try:
        return unquote(raw_path, errors="strict")
    except UnicodeDecodeError as error:
        raise AWSError("InvalidURI", "Couldn't parse the specified URI.", 400) from error


async def _read_body(request: HTTPRequest) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.MAX_REQUEST_BYTES:
            raise AWSError("RequestEntityTooLargeException", f"The request is over {limits.MAX_REQUEST_BYTES} bytes.", 413)
        parts.append(chunk)
    return b"".join(parts)


def _find_service(headers: dict[str, str], raw_query: str) -> str:
    """The service of the credential scope, of the header or the presigned URL; else that of the target; else S3."""
    credential = headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    credential = credential or parse_qs(raw_query).get("X-Amz-Credential", [""])[0]
    parts = credential.split("/")
    return parts[3] if len(parts) == 5 else TARGET_SERVICES.get(headers.get("x-amz-target", "").partition(".")[0], "s3")


def _answer_json(context: Context, service: str, target: str, body: bytes) -> Response:
    prefix, _, name = target.partition(".")
    if prefix not in TARGET_SERVICES:
        what = f"the target {target!r}" if target else "this request"
        raise AWSError(
            "UnknownOperationException", f"This engine does not know {what} of {service}: it serves {', '.join(SERVED_SERVICES)}."
        )
    return _call_operation(context, TARGET_SERVICES[prefix], name, body)


def _call_operation(context: Context, service: str, name: str, body: bytes) -> Response:
    operation = operation_model(service, name)
    served = OPERATIONS.get((service, name))
    if served is None:
        raise AWSError("UnknownOperationException", f"This engine does not serve {service}:{name}.")
    request = parse_json(operation, body)
    authorize.check_operation(context, served, request)
    return Response(json_body(operation, served.handler(context, request)), media_type="application/x-amz-json-1.1")


def _answer_query(context: Context, service: str, body: bytes, request_id: str) -> Response:
    try:
        given = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS)
        parameters = {k: v[0] for k, v in given.items()}
    except ValueError as error:
        raise AWSError("MalformedQueryString", "The request body is not a query.") from error
    name = parameters.pop("Action", "")
    parameters.pop("Version", None)
    served = OPERATIONS.get((service, name))
    if served is None:
        raise AWSError("InvalidAction", f"This engine does not serve {service}:{name}.")
    operation = operation_model(service, name)
    request = validate_request(operation, parse_query(operation, parameters))
    authorize.check_operation(context, served, request)
    response = served.handler(context, request)
    return Response(xml_body(operation, response, request_id), media_type="text/xml")


def _error_response(service: str, error: AWSError, request_id: str) -> Response:
    if service.startswith("s3"):
        inner = f"<Code>{escape_xml(error.code)}</Code><Message>{escape_xml(error.message)}</Message><RequestId>{request_id}</RequestId>"
        return Response(
            f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>', status_code=error.status, media_type="application/xml"
        )
    if service in {"sts", "iam"}:
        inner = f"<Type>Sender</Type><Code>{escape_xml(error.code)}</Code><Message>{escape_xml(error.message)}</Message>"
        return Response(
            f"<ErrorResponse><Error>{inner}</Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            status_code=error.status,
            media_type="text/xml",
        )
    if service == "ec2":  # the engine doesn't serve EC2; the error has EC2's form
        inner = f"<Errors><Error><Code>{escape_xml(error.code)}</Code><Message>{escape_xml(error.message)}</Message></Error></Errors>"
        return Response(f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>", status_code=error.status, media_type="text/xml")
    content = json.dumps({"__type": error.code, "message": error.message})
    return Response(content, status_code=error.status, media_type="application/x-amz-json-1.1")
