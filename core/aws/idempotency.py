"""Creates each AWS resource exactly once, and finds it again before AWS's lists show it.

If the response to a create is lost, botocore sends the request again, and AWS answers that the name is taken. Each create therefore
carries a token (a tag; for versions AWS's own ClientToken): a resource with the same token was created by this call. AWS's lists and
Describe calls lag behind a create, so this process remembers what it created in the last minutes, completes lists with it, and repeats
Describe calls that don't find it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from botocore import xform_name
from botocore.exceptions import ClientError

from core.aws import retries
from core.aws.target import Target
from core.errors import Conflict, Forbidden, GovernanceError, NotFound, TargetUnavailable, translate_aws_errors

REQUEST_TAG = "governance:request"
"""The tag whose value tells which call created a resource."""
MAYBE_DONE_HINT = "It may have been done all the same: check the list before you start it again."
KINDS_WITHOUT_NAME = frozenset({"ModelPackage", "Artifact"})
T = TypeVar("T")


class NameTaken(Conflict):
    """Another call created a resource of this name."""


@dataclass
class _CreatedResource:
    """A resource that this process created. ``seen_by_describe``: AWS has found it by its name, so that NotFound means it was deleted."""

    arn: str
    created_at: float
    seen_by_describe: bool = False


_created_resources: dict[tuple[str, str, str, str], _CreatedResource] = {}
_lock = threading.Lock()
_created_count = 0


def count_created() -> int:
    """How many resources this process has created so far. A list that was read before the number grew may lack some."""
    return _created_count


def forget_created_resources() -> None:
    """Forget what this process has created, as another copy of the dashboard doesn't know it."""
    with _lock:
        _created_resources.clear()


def create_once(target: Target, kind: str, request: Mapping[str, object], *, shared: bool = False) -> str:
    """Create a ``kind`` (TrainingJob, Model, Action, ModelPackage …); returns its ARN, also if an earlier attempt of this call created it.

    ``shared``: the name stands for the work, so that a resource which another call created under this name counts as this one. Raises
    NameTaken if the name belongs to another resource, TargetUnavailable, Forbidden, DataError."""
    token, name = secrets.token_hex(8), _request_name(kind, request)
    tags = request.get("Tags")
    marked: dict[str, object] = {"Tags": [*(tags if isinstance(tags, list) else []), {"Key": REQUEST_TAG, "Value": token}]}
    if kind == "ModelPackage":
        marked = {"ClientToken": request.get("ClientToken", token)}
    elif kind in {"Artifact", "ModelCardExportJob"}:
        marked = {}  # an artifact has no name that could be taken, and an export job's name is generated for one call
    try:
        with translate_aws_errors(name):
            made: dict[str, object] = getattr(target.sagemaker, xform_name(f"Create{kind}"))(**{**request, **marked})
        arn = str(made[f"{kind}Arn"])
    except Conflict as error:
        if kind in KINDS_WITHOUT_NAME:
            raise
        found, remedy = _find_arn(target, kind, request, retries.DESCRIBE_LAG_SECONDS), "Choose another name."
        try:
            ours = found is not None and (shared or _is_created_by(target, kind, found, token))
        except Forbidden:
            ours, remedy = False, MAYBE_DONE_HINT
        if found is None or not ours:
            raise NameTaken(error.message, resource=name, hint=remedy) from error
        arn = found
    except TargetUnavailable as error:
        if not _may_have_succeeded(error):
            raise
        found = None if kind in KINDS_WITHOUT_NAME else _find_after_timeout(target, kind, request, token, shared)
        if found is None:
            raise TargetUnavailable(error.message, resource=name, hint=MAYBE_DONE_HINT) from error
        arn = found
    global _created_count
    with _lock:
        _created_count += 1
        _created_resources[_resource_key(target, kind, arn if kind == "ModelPackage" else name)] = _CreatedResource(arn, time.monotonic())
    return arn


def _request_name(kind: str, request: Mapping[str, object]) -> str:
    source = request.get("Source")
    if kind == "Artifact" and isinstance(source, dict):
        return str(source["SourceUri"])
    return str(request["ModelPackageGroupName" if kind == "ModelPackage" else f"{kind}Name"])


def read_after_create(target: Target, kind: str, name: str, read: Callable[[], T]) -> T:
    """The result of ``read``, which reads the ``kind`` of that name (or ARN). If this process has just created it, ``read`` is repeated
    until AWS finds it. Raises NotFound."""
    made = _created_resources.get(_resource_key(target, kind, name))
    if made is None or made.seen_by_describe:
        return read()
    found = retry_until_found(read, made.created_at + retries.DESCRIBE_LAG_SECONDS - time.monotonic())
    made.seen_by_describe = True
    return found


def retry_until_found(read: Callable[[], T], seconds: float | None = None) -> T:
    """The result of ``read``, repeated while it raises NotFound. Raises NotFound after ``seconds``, by default as long as AWS may not find
    what was just created."""
    until = time.monotonic() + (retries.DESCRIBE_LAG_SECONDS if seconds is None else seconds)
    pauses = list(retries.READ_AFTER_CREATE_PAUSES)
    while True:
        try:
            return read()
        except NotFound:
            if time.monotonic() > until:
                raise
            time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])


def created_but_unlisted(target: Target, kind: str, listed_names: Iterable[str], name_contains: str = "") -> list[str]:
    """Names of the resources that this process created in the last minutes and that the list lacks, the newest first: ARNs of versions,
    URIs of artifacts."""
    there, here, now = set(listed_names), _resource_key(target, kind, ""), time.monotonic()
    with _lock:
        for key, made in list(_created_resources.items()):
            if now - made.created_at > retries.LIST_LAG_SECONDS or (key[:3] == here[:3] and key[3] in there and made.seen_by_describe):
                del _created_resources[key]
        return [key[3] for key in reversed(_created_resources) if key[:3] == here[:3] and key[3] not in there and name_contains in key[3]]


def _resource_key(target: Target, kind: str, name: str) -> tuple[str, str, str, str]:
    return target.sagemaker.meta.endpoint_url, target.account, kind, name


def recently_created_arn(target: Target, kind: str, name: str) -> str | None:
    """The ARN of the resource that this process created in the last minutes under that name (of an artifact: URI); None if it didn't."""
    made = _created_resources.get(_resource_key(target, kind, name))
    return made.arn if made is not None and time.monotonic() - made.created_at < retries.LIST_LAG_SECONDS else None


def _find_arn(target: Target, kind: str, request: Mapping[str, object], seconds: float) -> str | None:
    """The ARN of the resource that has the requested name; None if AWS doesn't find one within ``seconds``."""
    api, name = target.sagemaker, str(request[f"{kind}Name"])
    if kind == "ModelCardExportJob":
        with translate_aws_errors(name):
            jobs = api.list_model_card_export_jobs(ModelCardName=str(request["ModelCardName"]), ModelCardExportJobNameContains=name)
        return next((job["ModelCardExportJobArn"] for job in jobs["ModelCardExportJobSummaries"]), None)

    def read() -> str:
        with translate_aws_errors(name):
            return str(getattr(api, xform_name(f"Describe{kind}"))(**{f"{kind}Name": name})[f"{kind}Arn"])

    try:
        return retry_until_found(read, seconds)
    except NotFound:
        return None


def _is_created_by(target: Target, kind: str, arn: str, token: str) -> bool:
    """Whether the call with this token created the resource."""
    if kind == "ModelCardExportJob":
        return True
    with translate_aws_errors(arn):
        return {"Key": REQUEST_TAG, "Value": token} in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]


def _may_have_succeeded(error: GovernanceError) -> bool:
    """Whether the target may have done what was requested: it didn't respond, or failed with a 5xx error, but didn't refuse."""
    cause = error.__cause__
    return not isinstance(cause, ClientError) or cause.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500


def _find_after_timeout(target: Target, kind: str, request: Mapping[str, object], token: str, shared: bool) -> str | None:
    try:
        found = _find_arn(target, kind, request, 0)
        return found if found and (shared or _is_created_by(target, kind, found, token)) else None
    except GovernanceError:
        return None
