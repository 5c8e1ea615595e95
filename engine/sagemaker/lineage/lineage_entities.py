"""Lineage entities: artifacts, actions, contexts, and the account's lineage group.

An artifact stands for its source: only one exists per SourceUri
(https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html), so that creating
one again gives the ARN of the first. Actions and contexts are known by their names.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, every, named, operation
from engine.paging import DEFAULT_PAGE_SIZE
from engine.sagemaker import tags
from engine.sagemaker.listing import page_response
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

LINEAGE_GROUP = "sagemaker-default-lineage-group"
MEMBER_PREFIXES = {"artifact": "Artifact", "action": "Action", "context": "Context"}
"""Kind of record -> the name's prefix in the members of its operations."""


def missing_entity_error(arn: str) -> AWSError:
    """The error for an entity that doesn't exist."""
    kind = arn.split(":")[5].split("/")[0] if arn.count(":") >= 5 else "entity"
    words = {"experiment-trial": "Trial", "experiment-trial-component": "TrialComponent"}
    return AWSError("ResourceNotFound", f"{words.get(kind, kind.capitalize())} '{arn}' does not exist.")


def _find_entity(context: Context, kind: str, name_or_arn: str) -> tuple[str, Body]:
    """(key, body) of an action or context by name or ARN, an artifact by ARN. Raises ResourceNotFound."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{kind}/{name_or_arn}")
    found = context.store.find_by_arn(arn)
    if found is None or found[0] != kind:
        raise missing_entity_error(arn)
    return found[1], found[2]


def artifact_id(source: dict[str, Any]) -> str:
    """An artifact's id: 32 hexadecimal digits, a hash of its source's URI and, if given, source types."""
    types = sorted((entry["SourceIdType"], entry["Value"]) for entry in source.get("SourceTypes") or [])
    return hashlib.sha256(json.dumps([source["SourceUri"], types]).encode()).hexdigest()[:32]


def create_entity(context: Context, kind: str, request: Request, *, created_by: dict[str, Any] | None = None) -> str:
    """Add an entity and return its ARN; for the source of an existing artifact, the ARN of that artifact.

    ``created_by`` is its CreatedBy: empty for entities that SageMaker itself creates. Raises ValidationException for a taken name.
    """
    prefix, now = MEMBER_PREFIXES[kind], context.now()
    if kind == "artifact":
        name = artifact_id(request["Source"])
        if context.store.get(kind, name) is not None:
            return context.arn(f"{kind}/{name}")
        _check_artifact_name(context, request.get("ArtifactName"))
    else:
        name = request[f"{prefix}Name"]
    arn = context.arn(f"{kind}/{name}")
    body: Body = {key: value for key, value in request.items() if key != "Tags"}
    body |= {
        f"{prefix}Arn": arn,
        "CreationTime": now,
        "CreatedBy": user_context() if created_by is None else created_by,
        "LastModifiedTime": now,
        "LastModifiedBy": user_context() if created_by is None else created_by,
        "LineageGroupArn": context.arn(f"lineage-group/{LINEAGE_GROUP}"),
    }
    if kind == "action":
        body.setdefault("Status", "Unknown")
    with context.store.transaction():
        try:
            context.store.insert(kind, name, body, arn=arn, now=now, parent=request["Source"]["SourceUri"], status=body.get("Status"))
        except RecordExists:
            raise name_taken_error(prefix, name) from None
        tags.tag_resource(context, arn, request.get("Tags", []))
    return arn


def name_taken_error(what: str, name: str) -> AWSError:
    """The error for a name that is taken."""
    return AWSError(
        "ValidationException", f"{what} names must be unique within an AWS account and region. {what} with name ({name}) already exists."
    )


def _check_artifact_name(context: Context, name: str | None) -> None:
    if name and context.store.read_page("artifact", where=[("$.ArtifactName", "=", name)], limit=1)[0]:
        raise name_taken_error("Artifact", name)


def _update(context: Context, kind: str, key: str, request: Request, *members: str) -> str:
    """Replace ``members`` and the properties of an entity; returns its ARN."""
    now = context.now()

    def change(body: Body) -> None:
        body.update(pick(request, *members))
        if request.get("Properties") is not None:
            body["Properties"] = request["Properties"]
        for name in request.get("PropertiesToRemove") or ():
            body.get("Properties", {}).pop(name, None)
        body["LastModifiedTime"], body["LastModifiedBy"] = now, user_context()

    changed = context.store.update(kind, key, change, now=now, status=request.get("Status"))
    if changed is None:
        raise missing_entity_error(context.arn(f"{kind}/{key}"))
    return str(changed[f"{MEMBER_PREFIXES[kind]}Arn"])


def _delete(context: Context, kind: str, key: str, arn: str) -> str:
    with context.store.transaction():
        if context.store.list_associations(source=arn) or context.store.list_associations(destination=arn):
            raise AWSError("ValidationException", f"{MEMBER_PREFIXES[kind]} '{arn}' still has associations: delete them first.")
        context.store.delete(kind, key)
    return arn


def _list(context: Context, kind: str, request: Request, *members: str) -> Response:
    prefix = MEMBER_PREFIXES[kind]
    where = [("parent", "=", request["SourceUri"])] if request.get("SourceUri") else []
    if request.get(f"{prefix}Type"):
        where.append((f"$.{prefix}Type", "=", request[f"{prefix}Type"]))
    shown = (f"{prefix}Arn", f"{prefix}Name", "Source", f"{prefix}Type", "CreationTime", "LastModifiedTime", *members)
    request = {"MaxResults": DEFAULT_PAGE_SIZE, **request}
    return page_response(context, kind, request, result_member=f"{prefix}Summaries", summarize=lambda body: pick(body, *shown), where=where)


# artifacts -----------------------------------------------------------------------------------------


@operation("sagemaker", "CreateArtifact", on=every("artifact"))
def create_artifact(context: Context, request: Request) -> Response:
    return {"ArtifactArn": create_entity(context, "artifact", request)}


@operation("sagemaker", "DescribeArtifact", on=named("artifact", "ArtifactArn"))
def describe_artifact(context: Context, request: Request) -> Response:
    return _find_entity(context, "artifact", request["ArtifactArn"])[1]


@operation("sagemaker", "UpdateArtifact", on=named("artifact", "ArtifactArn"))
def update_artifact(context: Context, request: Request) -> Response:
    key, body = _find_entity(context, "artifact", request["ArtifactArn"])
    if request.get("ArtifactName") != body.get("ArtifactName"):
        _check_artifact_name(context, request.get("ArtifactName"))
    return {"ArtifactArn": _update(context, "artifact", key, request, "ArtifactName")}


@operation("sagemaker", "DeleteArtifact", on=named("artifact", "ArtifactArn"))
def delete_artifact(context: Context, request: Request) -> Response:
    if bool(request.get("ArtifactArn")) == bool(request.get("Source")):
        raise AWSError("ValidationException", "Give either ArtifactArn or Source, and not both.")
    arn = request.get("ArtifactArn") or context.arn(f"artifact/{artifact_id(request['Source'])}")
    key, _ = _find_entity(context, "artifact", arn)
    return {"ArtifactArn": _delete(context, "artifact", key, arn)}


@operation("sagemaker", "ListArtifacts", on=ANY_RESOURCE)
def list_artifacts(context: Context, request: Request) -> Response:
    return _list(context, "artifact", request)


# actions -------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateAction", on=named("action", "ActionName"))
def create_action(context: Context, request: Request) -> Response:
    return {"ActionArn": create_entity(context, "action", request)}


@operation("sagemaker", "DescribeAction", on=named("action", "ActionName"))
def describe_action(context: Context, request: Request) -> Response:
    return _find_entity(context, "action", request["ActionName"])[1]


@operation("sagemaker", "UpdateAction", on=named("action", "ActionName"))
def update_action(context: Context, request: Request) -> Response:
    key, _ = _find_entity(context, "action", request["ActionName"])
    return {"ActionArn": _update(context, "action", key, request, "Description", "Status")}


@operation("sagemaker", "DeleteAction", on=named("action", "ActionName"))
def delete_action(context: Context, request: Request) -> Response:
    key, body = _find_entity(context, "action", request["ActionName"])
    return {"ActionArn": _delete(context, "action", key, body["ActionArn"])}


@operation("sagemaker", "ListActions", on=ANY_RESOURCE)
def list_actions(context: Context, request: Request) -> Response:
    return _list(context, "action", request, "Status")


# contexts ------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateContext", on=named("context", "ContextName"))
def create_context(context: Context, request: Request) -> Response:
    return {"ContextArn": create_entity(context, "context", request)}


@operation("sagemaker", "DescribeContext", on=named("context", "ContextName"))
def describe_context(context: Context, request: Request) -> Response:
    return _find_entity(context, "context", request["ContextName"])[1]


@operation("sagemaker", "UpdateContext", on=named("context", "ContextName"))
def update_context(context: Context, request: Request) -> Response:
    key, _ = _find_entity(context, "context", request["ContextName"])
    return {"ContextArn": _update(context, "context", key, request, "Description")}


@operation("sagemaker", "DeleteContext", on=named("context", "ContextName"))
def delete_context(context: Context, request: Request) -> Response:
    key, body = _find_entity(context, "context", request["ContextName"])
    return {"ContextArn": _delete(context, "context", key, body["ContextArn"])}


@operation("sagemaker", "ListContexts", on=ANY_RESOURCE)
def list_contexts(context: Context, request: Request) -> Response:
    return _list(context, "context", request)


# the lineage group ---------------------------------------------------------------------------------


def _ensure_lineage_group(context: Context) -> Body:
    """The account's one lineage group, created at its first use."""
    with context.store.transaction():
        body = context.store.get("lineage-group", LINEAGE_GROUP)
        if body is None:
            now, arn = context.now(), context.arn(f"lineage-group/{LINEAGE_GROUP}")
            body = {
                "LineageGroupName": LINEAGE_GROUP,
                "LineageGroupArn": arn,
                "CreationTime": now,
                "CreatedBy": {},
                "LastModifiedTime": now,
            }
            context.store.insert("lineage-group", LINEAGE_GROUP, body, arn=arn, now=now)
    return body


@operation("sagemaker", "ListLineageGroups", on=ANY_RESOURCE)
def list_lineage_groups(context: Context, request: Request) -> Response:
    _ensure_lineage_group(context)
    members = ("LineageGroupArn", "LineageGroupName", "CreationTime", "LastModifiedTime")
    summary = lambda body: pick(body, *members)  # noqa: E731
    return page_response(
        context, "lineage-group", request, result_member="LineageGroupSummaries", summarize=summary, default_order="Ascending"
    )


@operation("sagemaker", "DescribeLineageGroup", on=named("lineage-group", "LineageGroupName"))
def describe_lineage_group(context: Context, request: Request) -> Response:
    group = _ensure_lineage_group(context)
    if request["LineageGroupName"] != LINEAGE_GROUP:
        raise AWSError("ResourceNotFound", f"LineageGroup '{context.arn('lineage-group/' + request['LineageGroupName'])}' does not exist.")
    return group
