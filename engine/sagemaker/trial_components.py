"""Trial components: what a job, or a step of one's own, took in, was set to, measured and gave out."""

from __future__ import annotations

import json
from typing import Any

from engine.context import AWSError, Context, Request, Response, operation
from engine.sagemaker import tags
from engine.sagemaker.identity import user_context
from engine.sagemaker.lineage import GROUP, missing, taken
from engine.sagemaker.listing import listed, pick
from engine.sagemaker.paging import DEFAULT_PAGE
from engine.store import Body, Exists

COMPONENT = "experiment-trial-component"
TRIALS, EXPERIMENTS = "_Trials", "_Experiments"
"""The trials and experiments that a component belongs to; not sent to clients."""
Where = tuple[str, str, Any]
LIMITS = {"Parameters": 300, "InputArtifacts": 60, "OutputArtifacts": 60}
MEMBERS = ("DisplayName", "Status", "StartTime", "EndTime", "MetadataProperties", "Source", "Metrics", *LIMITS)


def members_of(column: str, name: str) -> list[Where]:
    """The condition that a component's list ``column`` holds ``name`` (SageMaker's names of trials have no case)."""
    return [(f"$.{column}", "contains", json.dumps(name))]


def component(context: Context, name_or_arn: str) -> Body:
    """The trial component of that name or ARN. Raises ResourceNotFound."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{COMPONENT}/{name_or_arn}")
    found = context.store.find(arn)
    if found is None or found[0] != COMPONENT:
        raise missing(arn)
    return found[2]


def create(context: Context, name: str, request: Request, *, by: dict[str, Any] | None = None) -> str:
    """Add a trial component and return its ARN. Raises ValidationException when the name is taken."""
    now, arn = context.now(), context.arn(f"{COMPONENT}/{name}")
    creator = user_context() if by is None else by
    body: Body = {"DisplayName": name} | pick(request, *MEMBERS)
    body |= {
        "TrialComponentName": name,
        "TrialComponentArn": arn,
        "CreationTime": now,
        "CreatedBy": creator,
        "LastModifiedTime": now,
        "LastModifiedBy": creator,
        "LineageGroupArn": context.arn(f"lineage-group/{GROUP}"),
        TRIALS: [],
        EXPERIMENTS: [],
    }
    if body.get("Source"):
        body["Sources"] = [body["Source"]]
    with context.store.transaction():
        try:
            source = body.get("Source", {}).get("SourceArn")
            context.store.insert(COMPONENT, name, _timed(body), arn=arn, now=now, parent=source)
        except Exists:
            raise taken("TrialComponent", name) from None
        tags.tag(context, arn, request.get("Tags", []))
    return arn


def change(context: Context, name: str, request: Request, *, by: dict[str, Any] | None = None) -> Body:
    """Set members; parameters and artifacts are added to those that are there, or taken away by ``…ToRemove``."""
    now = context.now()

    def edit(body: Body) -> Body:
        after = body | pick(request, "DisplayName", "Status", "StartTime", "EndTime", "Metrics")
        for member, limit in LIMITS.items():
            removed = set(request.get(f"{member}ToRemove") or ())
            values = {k: v for k, v in body.get(member, {}).items() if k not in removed} | (request.get(member) or {})
            if len(values) > limit:
                raise AWSError("ValidationException", f"A trial component may have at most {limit} {member}.")
            if values:
                after[member] = values
            else:
                after.pop(member, None)
        after |= {"LastModifiedTime": now, "LastModifiedBy": user_context() if by is None else by}
        return _timed(after)

    changed = context.store.update(COMPONENT, name, edit, now=now)
    if changed is None:
        raise missing(context.arn(f"{COMPONENT}/{name}"))
    return changed


def _timed(body: Body) -> Body:
    return {k: v.timestamp() if hasattr(v, "timestamp") else v for k, v in body.items()}


@operation("sagemaker", "CreateTrialComponent")
def create_trial_component(context: Context, request: Request) -> Response:
    for values in (request.get("Parameters") or {}).values():
        if len(values) != 1:
            raise AWSError("ValidationException", "A parameter has either a StringValue or a NumberValue.")
    return {"TrialComponentArn": create(context, request["TrialComponentName"], request)}


@operation("sagemaker", "DescribeTrialComponent")
def describe_trial_component(context: Context, request: Request) -> Response:
    return component(context, request["TrialComponentName"])


@operation("sagemaker", "UpdateTrialComponent")
def update_trial_component(context: Context, request: Request) -> Response:
    return {"TrialComponentArn": change(context, request["TrialComponentName"], request)["TrialComponentArn"]}


@operation("sagemaker", "DeleteTrialComponent")
def delete_trial_component(context: Context, request: Request) -> Response:
    with context.store.transaction():
        body = component(context, request["TrialComponentName"])
        if body[TRIALS]:
            raise AWSError("ValidationException", f"TrialComponent '{body['TrialComponentArn']}' is in trials: disassociate it first.")
        context.store.delete(COMPONENT, body["TrialComponentName"])
    return {"TrialComponentArn": body["TrialComponentArn"]}


@operation("sagemaker", "ListTrialComponents")
def list_trial_components(context: Context, request: Request) -> Response:
    where: list[Where] = []
    if request.get("SourceArn"):
        if request.get("ExperimentName") or request.get("TrialName"):
            raise AWSError("ValidationException", "SourceArn can't be combined with ExperimentName or TrialName.")
        where.append(("parent", "=", request["SourceArn"]))
    for member, kind, column in (("TrialName", "experiment-trial", TRIALS), ("ExperimentName", "experiment", EXPERIMENTS)):
        if request.get(member):
            if context.store.get(kind, request[member]) is None:
                raise missing(context.arn(f"{kind}/{request[member]}"))
            where += members_of(column, request[member])
    request = {"MaxResults": DEFAULT_PAGE, **request}
    return listed(context, COMPONENT, request, result="TrialComponentSummaries", summary=_summary, where=where)


def _summary(body: Body) -> Body:
    names = ("TrialComponentName", "TrialComponentArn", "DisplayName", "Status", "StartTime", "EndTime")
    times = ("CreationTime", "CreatedBy", "LastModifiedTime", "LastModifiedBy")
    return pick(body, *names, *times) | ({"TrialComponentSource": body["Source"]} if body.get("Source") else {})


@operation("sagemaker", "AssociateTrialComponent")
def associate_trial_component(context: Context, request: Request) -> Response:
    return _membership(context, request, joined=True)


@operation("sagemaker", "DisassociateTrialComponent")
def disassociate_trial_component(context: Context, request: Request) -> Response:
    return _membership(context, request, joined=False)


def _membership(context: Context, request: Request, *, joined: bool) -> Response:
    with context.store.transaction():
        body = component(context, request["TrialComponentName"])
        trial = context.store.get("experiment-trial", request["TrialName"])
        if trial is None:
            raise missing(context.arn(f"experiment-trial/{request['TrialName']}"))
        name = trial["TrialName"]
        if not joined and name not in body[TRIALS]:
            raise AWSError("ResourceNotFound", f"TrialComponent '{body['TrialComponentArn']}' is not in trial '{trial['TrialArn']}'.")
        trials = [t for t in body[TRIALS] if t != name] + ([name] if joined else [])
        found = [context.store.get("experiment-trial", t) for t in trials]
        experiments = sorted({t["ExperimentName"] for t in found if t})
        context.store.update(
            COMPONENT, body["TrialComponentName"], lambda b: b | {TRIALS: trials, EXPERIMENTS: experiments}, now=context.now()
        )
    return {"TrialComponentArn": body["TrialComponentArn"], "TrialArn": trial["TrialArn"]}
