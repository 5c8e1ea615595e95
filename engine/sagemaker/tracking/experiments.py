"""Experiments and trials: the groupings of trial components."""

from __future__ import annotations

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, named, operation
from engine.paging import DEFAULT_PAGE_SIZE, paginate, to_epoch_seconds
from engine.sagemaker import tags
from engine.sagemaker.lineage.lineage_entities import missing_entity_error, name_taken_error
from engine.sagemaker.listing import page_response
from engine.sagemaker.tracking.trial_components import COMPONENT_KIND, TRIALS_MEMBER, find_component, membership_condition
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

EXPERIMENT = "experiment"
TRIAL = "experiment-trial"


def _insert(context: Context, kind: str, name: str, body: Body, request: Request, *, parent: str | None = None) -> str:
    now, arn = context.now(), context.arn(f"{kind}/{name}")
    what = "Experiment" if kind == EXPERIMENT else "Trial"
    times = {"CreationTime": now, "LastModifiedTime": now, "CreatedBy": user_context(), "LastModifiedBy": user_context()}
    with context.store.transaction():
        try:
            context.store.insert(kind, name, body | {f"{what}Arn": arn} | times, arn=arn, now=now, parent=parent)
        except RecordExists:
            raise name_taken_error(what, name) from None
        tags.tag_resource(context, arn, request.get("Tags", []))
    return arn


def _require_record(context: Context, kind: str, name: str) -> Body:
    body = context.store.get(kind, name)
    if body is None:
        raise missing_entity_error(context.arn(f"{kind}/{name}"))
    return body


def _update(context: Context, kind: str, name: str, request: Request) -> Body:
    now = context.now()
    changes = pick(request, "DisplayName", "Description") | {"LastModifiedTime": now, "LastModifiedBy": user_context()}
    body = context.store.update(kind, name, lambda body: body | changes, now=now)
    if body is None:
        raise missing_entity_error(context.arn(f"{kind}/{name}"))
    return body


# experiments ---------------------------------------------------------------------------------------


@operation("sagemaker", "CreateExperiment", on=named("experiment", "ExperimentName"))
def create_experiment(context: Context, request: Request) -> Response:
    name = request["ExperimentName"]
    body = {"DisplayName": name} | pick(request, "ExperimentName", "DisplayName", "Description")
    return {"ExperimentArn": _insert(context, EXPERIMENT, name, body, request)}


@operation("sagemaker", "DescribeExperiment", on=named("experiment", "ExperimentName"))
def describe_experiment(context: Context, request: Request) -> Response:
    return _require_record(context, EXPERIMENT, request["ExperimentName"])


@operation("sagemaker", "UpdateExperiment", on=named("experiment", "ExperimentName"))
def update_experiment(context: Context, request: Request) -> Response:
    return {"ExperimentArn": _update(context, EXPERIMENT, request["ExperimentName"], request)["ExperimentArn"]}


@operation("sagemaker", "ListExperiments", on=ANY_RESOURCE)
def list_experiments(context: Context, request: Request) -> Response:
    members = ("ExperimentArn", "ExperimentName", "DisplayName", "CreationTime", "LastModifiedTime")
    request = {"MaxResults": DEFAULT_PAGE_SIZE, **request}
    return page_response(context, EXPERIMENT, request, result_member="ExperimentSummaries", summarize=lambda body: pick(body, *members))


@operation("sagemaker", "DeleteExperiment", on=named("experiment", "ExperimentName"))
def delete_experiment(context: Context, request: Request) -> Response:
    name = request["ExperimentName"]
    with context.store.transaction():
        arn = _require_record(context, EXPERIMENT, name)["ExperimentArn"]
        if context.store.count_records(TRIAL, parent=name):
            raise AWSError("ValidationException", f"Experiment '{arn}' still has trials: delete them first.")
        context.store.delete(EXPERIMENT, name)
    return {"ExperimentArn": arn}


# trials --------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateTrial", on=named("experiment-trial", "TrialName"))
def create_trial(context: Context, request: Request) -> Response:
    _require_record(context, EXPERIMENT, request["ExperimentName"])
    name = request.get("TrialName") or ""
    body = {"DisplayName": name} | pick(request, "TrialName", "DisplayName", "ExperimentName", "MetadataProperties")
    return {"TrialArn": _insert(context, TRIAL, name, body, request, parent=request["ExperimentName"])}


@operation("sagemaker", "DescribeTrial", on=named("experiment-trial", "TrialName"))
def describe_trial(context: Context, request: Request) -> Response:
    return _require_record(context, TRIAL, request["TrialName"])


@operation("sagemaker", "UpdateTrial", on=named("experiment-trial", "TrialName"))
def update_trial(context: Context, request: Request) -> Response:
    return {"TrialArn": _update(context, TRIAL, request["TrialName"], request)["TrialArn"]}


@operation("sagemaker", "DeleteTrial", on=named("experiment-trial", "TrialName"))
def delete_trial(context: Context, request: Request) -> Response:
    name = request["TrialName"]
    with context.store.transaction():
        arn = _require_record(context, TRIAL, name)["TrialArn"]
        if context.store.read_page(COMPONENT_KIND, where=membership_condition("_Trials", name), limit=1)[0]:
            raise AWSError("ValidationException", f"Trial '{arn}' still has trial components: disassociate them first.")
        context.store.delete(TRIAL, name)
    return {"TrialArn": arn}


@operation("sagemaker", "ListTrials", on=ANY_RESOURCE)
def list_trials(context: Context, request: Request) -> Response:
    members = ("TrialArn", "TrialName", "DisplayName", "CreationTime", "LastModifiedTime")
    if request.get("ExperimentName"):
        _require_record(context, EXPERIMENT, request["ExperimentName"])
    if not request.get("TrialComponentName"):
        where = [("parent", "=", request["ExperimentName"])] if request.get("ExperimentName") else []
        request = {"MaxResults": DEFAULT_PAGE_SIZE, **request}
        return page_response(
            context, TRIAL, request, result_member="TrialSummaries", summarize=lambda body: pick(body, *members), where=where
        )
    names = find_component(context, request["TrialComponentName"])[TRIALS_MEMBER]
    trials = [body for name in names if (body := context.store.get(TRIAL, name)) is not None]
    if request.get("ExperimentName"):
        trials = [body for body in trials if body["ExperimentName"] == request["ExperimentName"]]
    if request.get("CreatedAfter") is not None:
        trials = [body for body in trials if body["CreationTime"] > to_epoch_seconds(request["CreatedAfter"])]
    if request.get("CreatedBefore") is not None:
        trials = [body for body in trials if body["CreationTime"] < to_epoch_seconds(request["CreatedBefore"])]
    by = "TrialName" if request.get("SortBy") == "Name" else "CreationTime"
    trials.sort(key=lambda body: (body[by], body["TrialName"]), reverse=request.get("SortOrder") != "Ascending")
    some, token = paginate(trials, request)
    return {"TrialSummaries": [pick(body, *members) for body in some], "NextToken": token}
