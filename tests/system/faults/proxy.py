"""AWS on a bad day: a proxy in front of the engine that fails as AWS does, when a test says so.

Requests pass unchanged (SigV4 covers the Host header, which is the proxy's, as the engine takes any port of this machine). Codes, statuses
and bodies of the errors are those of each service:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from engine.wire import access_log

Kind = Literal["throttle", "error", "slow", "cut before", "cut after", "cut within", "expired", "denied", "late", "empty"]
CALLER = "arn:aws:sts::000000000000:assumed-role/governance-app/dana"
JSON, XML = "application/x-amz-json-1.1", "application/xml"
S3_PERMISSIONS = {
    "REST.GET.OBJECT": "s3:GetObject",
    "REST.HEAD.OBJECT": "s3:GetObject",
    "REST.PUT.OBJECT": "s3:PutObject",
    "REST.GET.BUCKET": "s3:ListBucket",
    "REST.HEAD.BUCKET": "s3:ListBucket",
    "REST.GET.LOCATION": "s3:GetBucketLocation",
    "REST.DELETE.OBJECT": "s3:DeleteObject",
}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
GONE = {
    "ProcessingJob": ("ValidationException", "Could not find requested job with name: {}"),
    "TrainingJob": ("ValidationException", "Requested resource not found."),
    "HyperParameterTuningJob": ("ResourceNotFound", "Amazon SageMaker can't find a tuning job with name {}."),
    "Model": ("ValidationException", 'Could not find model "{}".'),
    "ModelPackage": ("ValidationException", "ModelPackage {} does not exist."),
    "ModelPackageGroup": ("ValidationException", "ModelPackageGroup {} does not exist."),
}
"""What Describe says of an entity that isn't there; of all others ``ResourceNotFound``."""


@dataclass
class Fault:
    """``operation``: a regular expression that the whole of ``service:Operation`` matches. ``times``: how often the same request (path and
    body) is hit, None for ever; of ``late``: how many lists, and how many describes, lack what was created since. ``empty``: lists have no
    rows."""

    kind: Kind
    operation: str = ".*"
    times: int | None = None
    status: int = 500
    seconds: float = 0.2


@dataclass(frozen=True)
class Call:
    """A request as it came, and where it goes."""

    service: str
    operation: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def permission(self) -> str:
        return S3_PERMISSIONS.get(self.operation, "s3:*") if self.service == "s3" else self.name


Answer = tuple[int, list[tuple[str, str]], bytes]


class Proxy:
    """``with Proxy(engine_endpoint) as proxy``: listens at ``proxy.endpoint``. ``faults``: what it does; ``seen``: what was asked."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.faults: list[Fault] = []
        self.seen: list[str] = []
        self._hits: Counter[Any] = Counter()
        self._late: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def set(self, *faults: Fault) -> None:
        """From now on these, counted anew."""
        with self._lock:
            self.faults, self.seen, self._late = list(faults), [], {}
            self._hits.clear()

    def fault(self, call: Call) -> Fault | None:
        """The first that hits this request."""
        with self._lock:
            self.seen.append(call.name)
            for number, fault in enumerate(self.faults):
                if fault.kind == "late" or not re.fullmatch(fault.operation, call.name):
                    continue
                key = (number, call.method, call.path, call.body)
                if fault.times is None or self._hits[key] < fault.times:
                    self._hits[key] += 1
                    return fault
        return None

    # what was created is late to be seen ---------------------------------------------------------------

    def lateness(self, call: Call) -> int:
        return next((f.times or 0 for f in self.faults if f.kind == "late" and re.fullmatch(f.operation, call.name)), 0)

    def created(self, call: Call, answer: Answer) -> None:
        """Remember what this call made; lists and describes of it then lag."""
        if call.service == "sagemaker" and call.operation.startswith("Create") and answer[0] == 200 and self.lateness(call):
            for arn in json.loads(answer[2]).values():
                self._late[arn] = Counter()

    def hidden(self, call: Call, answer: Answer) -> Answer:
        """The answer without what isn't to be seen yet."""
        if call.service != "sagemaker" or not self._late or answer[0] != 200:
            return answer
        if call.operation.startswith("Describe"):
            asked = set(_strings(json.loads(call.body)))
            for arn, seen in self._late.items():
                if (arn in asked or arn.partition("/")[2] in asked) and self._still(seen, "describe"):
                    kind = call.operation.removeprefix("Describe")
                    code, message = GONE.get(kind, ("ResourceNotFound", "{} does not exist."))
                    return _error(call, 400, code, message.format(arn.partition("/")[2]))
        if call.operation.startswith(("List", "Search")):
            found = json.loads(answer[2])
            for arn, seen in self._late.items():
                for name, rows in found.items():
                    if isinstance(rows, list) and any(arn in _strings(row) for row in rows) and self._still(seen, call.operation):
                        found[name] = [row for row in rows if arn not in _strings(row)]
            return answer[0], answer[1], json.dumps(found).encode()
        return answer

    def _still(self, seen: Counter[str], what: str) -> bool:
        with self._lock:
            seen[what] += 1
            return seen[what] <= max(f.times or 0 for f in self.faults if f.kind == "late")


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [value] if isinstance(value, str) else []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def _serve(self) -> None:
        call = self._call()
        fault = self.proxy.fault(call)
        kind = fault.kind if fault else None
        if fault and kind in {"throttle", "error", "expired", "denied"}:
            return self._send(call, refusal(call, fault))
        if kind == "cut before":
            return self._cut()
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        answer = self._upstream(call)
        self.proxy.created(call, answer)
        if kind == "cut after" or (kind == "cut within" and (not answer[2] or call.method == "HEAD")):
            return self._cut()
        answer = emptied(call, answer) if kind == "empty" else self.proxy.hidden(call, answer)
        self._send(call, answer, cut=kind == "cut within")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _call(self) -> Call:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        scope = re.search(r"(?:Credential=|X-Amz-Credential=)[^/]+/\d+/[^/]+/(\w+)/", self.headers.get("Authorization", "") + query)
        service = scope[1] if scope else "s3"
        target = self.headers.get("X-Amz-Target", "")
        operation = access_log.operation_name(service, self.command, path, query, target, body)
        return Call(service, operation, self.command, self.path, list(self.headers.items()), body)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _upstream(self, call: Call) -> Answer:
        there = http.client.HTTPConnection(self.proxy.upstream.hostname or "", self.proxy.upstream.port)
        there.putrequest(call.method, call.path, skip_host=True, skip_accept_encoding=True)
        for name, value in call.headers:
            if name.lower() not in {"expect", "transfer-encoding", "content-length", "connection"}:
                there.putheader(name, value)
        there.putheader("Content-Length", str(len(call.body)))
        there.endheaders(call.body)
        answer = there.getresponse()
        content = answer.read()
        there.close()
        return answer.status, answer.getheaders(), content

    def _send(self, call: Call, answer: Answer, *, cut: bool = False) -> None:
        status, headers, content = answer
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{n}: {v}" for n, v in headers if n.lower() not in {"content-length", "connection", "transfer-encoding"}]
        length = next((v for n, v in headers if n.lower() == "content-length"), "0") if call.method == "HEAD" else len(content)
        lines += [f"content-length: {length}", "", ""]
        body = b"" if call.method == "HEAD" else content[: len(content) // 2] if cut else content
        self.wfile.write("\r\n".join(lines).encode("latin-1") + body)
        if cut:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def emptied(call: Call, answer: Answer) -> Answer:
    """A list without its rows: what a workspace says in which nothing has happened."""
    if call.service == "s3" and call.operation == "REST.GET.BUCKET":
        return answer[0], answer[1], re.sub(rb"<Contents>.*</Contents>", b"", answer[2], flags=re.DOTALL)
    if call.service == "sagemaker" and call.operation.startswith("List"):
        found = json.loads(answer[2])
        return answer[0], answer[1], json.dumps({k: [] if isinstance(v, list) else v for k, v in found.items()}).encode()
    return answer


def refusal(call: Call, fault: Fault) -> Answer:
    """The error as the service words it."""
    s3, query = call.service == "s3", call.service in {"sts", "iam"}
    if fault.kind == "throttle":
        if s3:
            return _error(call, 503, "SlowDown", "Please reduce your request rate.")
        return _error(call, 400, "Throttling" if query else "ThrottlingException", "Rate exceeded")
    if fault.kind == "error":
        if fault.status == 503:
            return _error(call, 503, "ServiceUnavailable", "Service is unable to handle request.")
        code = "InternalError" if s3 else "InternalFailure"
        return _error(call, fault.status, code, "We encountered an internal error. Please try again.")
    if fault.kind == "expired":
        if s3:
            return _error(call, 400, "ExpiredToken", "The provided token has expired.")
        text = "The security token included in the request is expired"
        return _error(call, 403 if query else 400, "ExpiredToken" if query else "ExpiredTokenException", text)
    resource = f"arn:aws:s3:::{call.path.partition('?')[0].strip('/')}" if s3 else "*"
    text = f"User: {CALLER} is not authorized to perform: {call.permission} on resource: {resource}"
    text += f" because no identity-based policy allows the {call.permission} action"
    return _error(call, 403 if s3 or query else 400, "AccessDenied" if s3 or query else "AccessDeniedException", text)


def _error(call: Call, status: int, code: str, message: str) -> Answer:
    if call.service == "s3":
        text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return status, [("content-type", XML)], b"" if call.method == "HEAD" else text.encode()
    if call.service in {"sts", "iam"}:
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return status, [("content-type", "text/xml")], f"<ErrorResponse>{inner}<RequestId>1</RequestId></ErrorResponse>".encode()
    return status, [("content-type", JSON)], json.dumps({"__type": code, "message": message}).encode()
