"""AWS without a network: what would have been sent is kept, and answered as AWS's own model of the service allows."""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.loaders import create_loader

MODELS = create_loader()
ACCOUNT = "123456789012"
ROLE = "arn:aws:iam::123456789012:role/service-role/governance-execution"
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:{}:sts::123456789012:assumed-role/app/i</Arn><UserId>AROA:i</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
IAM_ROLE = """<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><Path>/service-role/</Path>
<RoleName>governance-execution</RoleName><RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate><Arn>{}</Arn>
</Role></GetRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetRoleResponse>"""


@dataclass(frozen=True)
class Sent:
    """A request as it would have gone out: ``scope`` is (access key, date, region, service) of its signature."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def host(self) -> str:
        return str(urlsplit(self.url).hostname)

    @property
    def scope(self) -> tuple[str, ...]:
        found = re.search(r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request", self.headers.get("Authorization", ""))
        return found.groups() if found else ()

    @property
    def operation(self) -> str:
        target = self.headers.get("X-Amz-Target", "").partition(".")[2]
        return target or parse_qs(self.body.decode(errors="replace")).get("Action", [""])[0]


class _Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()


@dataclass
class Wire:
    """``sent``: everything, in order. ``answers``: (status, headers, body) by operation's name or host, instead of the usual ones."""

    sent: list[Sent] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    role: str = ROLE

    def send(self, request):
        headers = {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
        body = (
            request.body
            if isinstance(request.body, bytes)
            else (request.body or "").encode()
            if isinstance(request.body, str | None)
            else b""
        )
        kept = Sent(request.method, request.url, headers, body)
        self.sent.append(kept)
        identity = IDENTITY.format(self.role.split(":")[1])  # of the role's partition
        usual = {"GetCallerIdentity": identity.encode(), "GetRole": IAM_ROLE.format(self.role).encode()}
        json_spoken = {"Content-Type": "application/x-amz-json-1.1"}
        usual_one = (200, json_spoken, b"{}") if "X-Amz-Target" in headers else (200, {}, usual.get(kept.operation, b""))
        status, given, content = self.answers.get(kept.operation) or self.answers.get(kept.host) or usual_one
        return AWSResponse(request.url, status, given, _Raw(content))

    def of(self, service: str) -> Sent:
        """The last request that was signed for a service."""
        return next(sent for sent in reversed(self.sent) if sent.scope[3:] == (service,))


@contextmanager
def wire(monkeypatch):
    """Nothing goes out; see ``Wire``."""
    made = Wire()
    with monkeypatch.context() as patched:
        really = URLLib3Session.send
        local = "http://127.0.0.1:"
        patched.setattr(URLLib3Session, "send", lambda self, r: really(self, r) if r.url.startswith(local) else made.send(r))
        patched.setattr(botocore.session, "create_loader", lambda *_: MODELS)  # botocore's files are read once, not for every session
        yield made


def filled(shape, name="", *, optional, depth=0):
    """A value that AWS's model of a shape allows: every member there is, or only what it promises. Where it promises nothing, all.

    An enum's value is one that nobody knows yet, as new ones come without notice.
    """
    kind = shape.type_name
    if kind == "structure":
        wanted = shape.members if optional or not shape.required_members else shape.required_members
        if getattr(shape, "is_tagged_union", False):
            wanted = list(shape.members)[:1]
        wanted = [key for key in wanted if key != "NextToken"] if depth < 6 else shape.required_members
        return {key: filled(shape.members[key], key, optional=optional, depth=depth + 1) for key in wanted}
    if kind == "list":
        return [filled(shape.member, name, optional=optional, depth=depth + 1)] if depth < 6 else []
    if kind == "map":
        return {"SomeKey": filled(shape.value, name, optional=optional, depth=depth + 1)} if depth < 6 else {}
    if kind == "timestamp":
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    if kind == "boolean":
        return True
    if kind in {"integer", "long", "float", "double"}:
        return max(1, int(shape.metadata.get("min", 1)))
    if kind == "blob":
        return b"{}"
    if shape.metadata.get("enum"):
        return "SomethingNew"
    if name.lower().endswith("arn"):
        return f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:artifact/0123456789abcdef"
    if name == "Content":
        return json.dumps({"a": 1})
    return "s3://answers/key" if name.lower().endswith("uri") or name.startswith("S3") else "1"
