"""What is made at the target is made once, and is found where it was just made.

A create whose answer is lost is sent again by botocore, and then meets what it has made itself. Each create therefore carries a token (a
tag; for versions AWS's own ClientToken): what is there with the same token is this call's own work. Lists and descriptions lag behind a
create on AWS: what this process has made in the last minutes is remembered, so that a list can be completed and a description asked for
again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore import xform_name
from botocore.exceptions import ClientError

from core.clients import Clients
from core.errors import Conflict, Forbidden, GovernanceError, NotFound, TargetUnavailable, translated

TAG = "governance:request"
"""The tag that says by which call a thing was made."""
PATIENCE = 10.0
"""Seconds for which what was just made may be missing from its own description."""
RECENT = 300.0
"""Seconds for which it may be missing from a list."""
PAUSES = (0.2, 0.4, 0.8, 1.6, 2.0)
"""Seconds between two looks; the last one again and again."""
UNSURE = "It may have been done all the same: look at the list before you start it again."
NAMELESS = frozenset({"ModelPackage", "Artifact"})
T = TypeVar("T")


class Taken(Conflict):
    """The name belongs to something that another call has made."""


@dataclass
class _Made:
    """``described``: it was there when asked for by its name, so that it is gone if it isn't there any more."""

    arn: str
    at: float
    described: bool = False


_made: dict[tuple[str, str, str, str], _Made] = {}
_lock = threading.Lock()
_count = 0


def count() -> int:
    """How much this process has made so far: what was read before it grew may lack something."""
    return _count


def once(clients: Clients, kind: str, request: dict[str, Any], *, shared: bool = False) -> str:
    """Create a ``kind`` (TrainingJob, Model, Action, ModelPackage …); returns its ARN, also where an earlier try of this very call made it.

    ``shared``: the name stands for the work, so that whoever was first did it. Raises Taken where the name is somebody else's."""
    token, name = secrets.token_hex(8), _name(kind, request)
    marked: dict[str, Any] = {"Tags": [*request.get("Tags", []), {"Key": TAG, "Value": token}]}
    if kind == "ModelPackage":
        marked = {"ClientToken": request.get("ClientToken", token)}
    elif kind in {"Artifact", "ModelCardExportJob"}:
        marked = {}  # the first has no name to be taken, the second's is made for one call only
    try:
        with translated(name):
            made: dict[str, Any] = getattr(clients.sagemaker, xform_name(f"Create{kind}"))(**{**request, **marked})
        arn = str(made[f"{kind}Arn"])
    except Conflict as error:
        if kind in NAMELESS:
            raise
        found, remedy = _there(clients, kind, request, PATIENCE), "Choose another name."
        try:
            ours = found is not None and (shared or _is_of(clients, kind, found, token))
        except Forbidden:
            ours, remedy = False, UNSURE
        if found is None or not ours:
            raise Taken(error.what, subject=name, remedy=remedy) from error
        arn = found
    except TargetUnavailable as error:
        if not _maybe_done(error):
            raise
        found = None if kind in NAMELESS else _after_silence(clients, kind, request, token, shared)
        if found is None:
            raise TargetUnavailable(error.what, subject=name, remedy=UNSURE) from error
        arn = found
    global _count
    with _lock:
        _count += 1
        _made[_key(clients, kind, arn if kind == "ModelPackage" else name)] = _Made(arn, time.monotonic())
    return arn


def _name(kind: str, request: dict[str, Any]) -> str:
    if kind == "Artifact":
        return str(request["Source"]["SourceUri"])
    return str(request["ModelPackageGroupName" if kind == "ModelPackage" else f"{kind}Name"])


def settled(clients: Clients, kind: str, name: str, read: Callable[[], T]) -> T:
    """What ``read`` finds out about the ``kind`` of that name (or ARN): where this process has just made it, asked again while it isn't
    there yet. Raises NotFound."""
    made = _made.get(_key(clients, kind, name))
    if made is None or made.described:
        return read()
    found = patient(read, made.at + PATIENCE - time.monotonic())
    made.described = True
    return found


def patient(read: Callable[[], T], seconds: float = PATIENCE) -> T:
    """``read``, again and again while what it reads isn't there yet. Raises NotFound after ``seconds``."""
    until, pauses = time.monotonic() + seconds, list(PAUSES)
    while True:
        try:
            return read()
        except NotFound:
            if time.monotonic() > until:
                raise
            time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])


def unlisted(clients: Clients, kind: str, listed: Iterable[str], contains: str = "") -> list[str]:
    """Names (of versions the ARNs, of artifacts the URIs) of what this process has made lately, and the list lacks; the newest first."""
    there, here, now = set(listed), _key(clients, kind, ""), time.monotonic()
    with _lock:
        for key, made in list(_made.items()):
            if now - made.at > RECENT or (key[:3] == here[:3] and key[3] in there and made.described):
                del _made[key]
        return [key[3] for key in reversed(_made) if key[:3] == here[:3] and key[3] not in there and contains in key[3]]


def _key(clients: Clients, kind: str, name: str) -> tuple[str, str, str, str]:
    return clients.sagemaker.meta.endpoint_url, clients.account, kind, name


def lately(clients: Clients, kind: str, name: str) -> str | None:
    """The ARN of what this process has made in the last minutes under that name, or of that URI."""
    made = _made.get(_key(clients, kind, name))
    return made.arn if made is not None and time.monotonic() - made.at < RECENT else None


def _there(clients: Clients, kind: str, request: dict[str, Any], seconds: float) -> str | None:
    """The ARN of what has the name that the request asks for."""
    api, name = clients.sagemaker, str(request[f"{kind}Name"])
    if kind == "ModelCardExportJob":
        with translated(name):
            jobs = api.list_model_card_export_jobs(ModelCardName=request["ModelCardName"], ModelCardExportJobNameContains=name)
        return next((job["ModelCardExportJobArn"] for job in jobs["ModelCardExportJobSummaries"]), None)

    def read() -> str:
        with translated(name):
            return str(getattr(api, xform_name(f"Describe{kind}"))(**{f"{kind}Name": name})[f"{kind}Arn"])

    try:
        return patient(read, seconds)
    except NotFound:
        return None


def _is_of(clients: Clients, kind: str, arn: str, token: str) -> bool:
    """Whether the thing was made by the call with this token."""
    if kind == "ModelCardExportJob":
        return True
    with translated(arn):
        return {"Key": TAG, "Value": token} in clients.sagemaker.list_tags(ResourceArn=arn)["Tags"]


def _maybe_done(error: GovernanceError) -> bool:
    """Whether the target may have done what it was asked for: it didn't answer, or failed on its way; it didn't refuse."""
    cause = error.__cause__
    return not isinstance(cause, ClientError) or cause.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500


def _after_silence(clients: Clients, kind: str, request: dict[str, Any], token: str, shared: bool) -> str | None:
    try:
        found = _there(clients, kind, request, 0)
        return found if found and (shared or _is_of(clients, kind, found, token)) else None
    except GovernanceError:
        return None
