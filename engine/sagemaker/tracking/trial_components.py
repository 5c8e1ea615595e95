"""Trial components: the inputs, parameters, metrics and outputs of a job, or of a step that a client records itself."""

from __future__ import annotations

import json
from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, named, operation
from engine.paging import DEFAULT_PAGE_SIZE
from engine.sagemaker import tags
from engine.sagemaker.lineage.lineage_entities import LINEAGE_GROUP, missing_entity_error, name_taken_error
from engine.sagemaker.listing import page_response
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

COMPONENT_KIND = "experiment-trial-component"
TRIALS_MEMBER, EXPERIMENTS_MEMBER = "_Trials", "_Experiments"
"""The trials and experiments that a component belongs to; not sent to clients."""
Condition = tuple[str, str, Any]
MEMBER_LIMITS = {"Parameters": 300, "InputArtifacts": 60, "OutputArtifacts": 60}
REQUEST_MEMBERS = ("DisplayName", "Status", "StartTime", "EndTime", "MetadataProperties", "Source", "Metrics", *MEMBER_LIMITS)


def membership_condition(column: str, name: str) -> list[Condition]:
    """The condition that a component's list contains a trial or experiment by name; SageMaker compares those names without case."""
    return [(f"$.{column}", "contains", json.dumps(name))]


def find_component(context: Context, name_or_arn: str) -> Body:
    """The trial component of that name or ARN. Raises ResourceNotFound."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{COMPONENT_KIND}/{name_or_arn}")
    found = context.store.find_by_arn(arn)
    if found is None or found[0] != COMPONENT_KIND:
        raise missing_entity_error(arn)
    return found[2]


def create_component(context: Context, name: str, request: Request, *, created_by: dict[str, Any] | None = None) -> str:
    """Add a trial component and return its ARN. Raises ValidationException when the name is taken."""
    now, arn = context.now(), context.arn(f"{COMPONENT_KIND}/{name}")
    creator = user_context() if created_by is None else created_by
    body: Body = {"DisplayName": name} | pick(request, *REQUEST_MEMBERS)
    body |= {
        "TrialComponentName": name,
        "TrialComponentArn": arn,
        "CreationTime": now,
        "CreatedBy": creator,
        "LastModifiedTime": now,
        "LastModifiedBy": creator,
        "LineageGroupArn": context.arn(f"lineage-group/{LINEAGE_GROUP}"),
        TRIALS_MEMBER: [],
        EXPERIMENTS_MEMBER: [],
    }
    if body.get("Source"):
        body["Sources"] = [body["Source"]]
    with context.store.transaction():
        try:
            source = body.get("Source", {}).get("SourceArn")
            context.store.insert(COMPONENT_KIND, name, _with_epoch_times(body), arn=arn, now=now, parent=source)
        except RecordExists:
            raise name_taken_error("TrialComponent", name) from None
        tags.tag_resource(context, arn, request.get("Tags", []))
    return arn


def update_component(context: Context, name: str, request: Request, *, changed_by: dict[str, Any] | None = None) -> Body:
    """Set members; parameters and artifacts are added to the existing ones, or removed by ``…ToRemove``."""
    now = context.now()

    def edit(body: Body) -> Body:
        after = body | pick(request, "DisplayName", "Status", "StartTime", "EndTime", "Metrics")
        for member, limit in MEMBER_LIMITS.items():
            removed = set(request.get(f"{member}ToRemove") or ())
            values = {k: v for k, v in body.get(member, {}).items() if k not in removed} | (request.get(member) or {})
            if len(values) > limit:
                raise AWSError("ValidationException", f"A trial component may have at most {limit} {member}.")
            if values:
                after[member] = values
            else:
                after.pop(member, None)
        after |= {"LastModifiedTime": now, "LastModifiedBy": user_context() if changed_by is None else changed_by}
        return _with_epoch_times(after)

    changed = context.store.update(COMPONENT_KIND, name, edit, now=now)
    if changed is None:
        raise missing_entity_error(context.arn(f"{COMPONENT_KIND}/{name}"))
    return changed


def _with_epoch_times(body: Body) -> Body:
    return {k: v.timestamp() if hasattr(v, "timestamp") else v for k, v in body.items()}


@operation("sagemaker", "CreateTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def create_trial_component(context: Context, request: Request) -> Response:
    for values in (request.get("Parameters") or {}).values():
        if len(values) != 1:
            raise AWSError("ValidationException", "A parameter has either a StringValue or a NumberValue.")
    return {"TrialComponentArn": create_component(context, request["TrialComponentName"], request)}


@operation("sagemaker", "DescribeTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def describe_trial_component(context: Context, request: Request) -> Response:
    return find_component(context, request["TrialComponentName"])


@operation("sagemaker", "UpdateTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def update_trial_component(context: Context, request: Request) -> Response:
    return {"TrialComponentArn": update_component(context, request["TrialComponentName"], request)["TrialComponentArn"]}


@operation("sagemaker", "DeleteTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def delete_trial_component(context: Context, request: Request) -> Response:
    with context.store.transaction():
        body = find_component(context, request["TrialComponentName"])
        if body[TRIALS_MEMBER]:
            raise AWSError("ValidationException", f"TrialComponent '{body['TrialComponentArn']}' is in trials: disassociate it first.")
        context.store.delete(COMPONENT_KIND, body["TrialComponentName"])
    return {"TrialComponentArn": body["TrialComponentArn"]}


@operation("sagemaker", "ListTrialComponents", on=ANY_RESOURCE)
def list_trial_components(context: Context, request: Request) -> Response:
    where: list[Condition] = []
    if request.get("SourceArn"):
        if request.get("ExperimentName") or request.get("TrialName"):
            raise AWSError("ValidationException", "SourceArn can't be combined with ExperimentName or TrialName.")
        where.append(("parent", "=", request["SourceArn"]))
    for member, kind, column in (("TrialName", "experiment-trial", TRIALS_MEMBER), ("ExperimentName", "experiment", EXPERIMENTS_MEMBER)):
        if request.get(member):
            if context.store.get(kind, request[member]) is None:
                raise missing_entity_error(context.arn(f"{kind}/{request[member]}"))
            where += membership_condition(column, request[member])
    request = {"MaxResults": DEFAULT_PAGE_SIZE, **request}
    return page_response(context, COMPONENT_KIND, request, result_member="TrialComponentSummaries", summarize=_summary, where=where)


def _summary(body: Body) -> Body:
    names = ("TrialComponentName", "TrialComponentArn", "DisplayName", "Status", "StartTime", "EndTime")
    times = ("CreationTime", "CreatedBy", "LastModifiedTime", "LastModifiedBy")
    return pick(body, *names, *times) | ({"TrialComponentSource": body["Source"]} if body.get("Source") else {})


@operation("sagemaker", "AssociateTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def associate_trial_component(context: Context, request: Request) -> Response:
    return _set_membership(context, request, joined=True)


@operation("sagemaker", "DisassociateTrialComponent", on=named("experiment-trial-component", "TrialComponentName"))
def disassociate_trial_component(context: Context, request: Request) -> Response:
    return _set_membership(context, request, joined=False)


def _set_membership(context: Context, request: Request, *, joined: bool) -> Response:
    with context.store.transaction():
        body = find_component(context, request["TrialComponentName"])
        trial = context.store.get("experiment-trial", request["TrialName"])
        if trial is None:
            raise missing_entity_error(context.arn(f"experiment-trial/{request['TrialName']}"))
        name = trial["TrialName"]
        if not joined and name not in body[TRIALS_MEMBER]:
            raise AWSError("ResourceNotFound", f"TrialComponent '{body['TrialComponentArn']}' is not in trial '{trial['TrialArn']}'.")
        trials = [t for t in body[TRIALS_MEMBER] if t != name] + ([name] if joined else [])
        found = [context.store.get("experiment-trial", t) for t in trials]
        experiments = sorted({t["ExperimentName"] for t in found if t})
        context.store.update(
            COMPONENT_KIND,
            body["TrialComponentName"],
            lambda b: b | {TRIALS_MEMBER: trials, EXPERIMENTS_MEMBER: experiments},
            now=context.now(),
        )
    return {"TrialComponentArn": body["TrialComponentArn"], "TrialArn": trial["TrialArn"]}
