"""Hyperparameter tuning jobs."""

from __future__ import annotations

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.jobs.states import FINAL_STATUSES, TUNING_JOB
from engine.jobs.tuning.tuning_record import (
    OBJECTIVE_HYPERPARAMETER,
    final_objective,
    grid_size,
    list_trial_jobs,
    objective_metric,
    parameter_ranges,
    summarize_trial,
    training_definition,
)
from engine.limits import MAX_PARALLEL_TRIALS, MAX_TRIALS, require_within_limit
from engine.operations import ANY_RESOURCE, named, operation
from engine.paging import paginate
from engine.sagemaker import request_checks
from engine.sagemaker.job_operations.images import find_container, with_metric_definitions
from engine.sagemaker.listing import page_response, request_tags, resource_not_found_error
from engine.store.records import Body, RecordExists, pick


@operation("sagemaker", "CreateHyperParameterTuningJob", on=named("hyper-parameter-tuning-job", "HyperParameterTuningJobName"))
def create_tuning_job(context: Context, request: Request) -> Response:
    name = request["HyperParameterTuningJobName"]
    arn = context.arn(f"hyper-parameter-tuning-job/{name}")
    _check(context, request)
    context.jobs.require_capacity(TUNING_JOB)
    now = context.now()
    body: Body = {
        **_with_defaults({key: value for key, value in request.items() if key != "Tags"}),
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "TrainingJobStatusCounters": {"Completed": 0, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0},
        "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
    }
    try:
        with context.store.transaction():
            context.store.insert(TUNING_JOB, name, body, arn=arn, now=now, status="InProgress")
            context.store.add_tags(arn, request_tags(request))
    except RecordExists as error:
        raise AWSError("ResourceInUse", "Hyperparameter tuning job names must be unique, and this one is taken.") from error
    context.jobs.submit(TUNING_JOB, name)
    return {"HyperParameterTuningJobArn": arn}


RANGE_MEMBERS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def _with_defaults(request: Body) -> Body:
    """The request with what SageMaker adds to it: all kinds of ranges; in the definition the objective, the metrics, the instances."""
    config = {"TrainingJobEarlyStoppingType": "Off"} | request["HyperParameterTuningJobConfig"]
    if "ParameterRanges" in config:
        config["ParameterRanges"] = {key: [] for key in RANGE_MEMBERS} | config["ParameterRanges"]
    source = training_definition(request)
    source["AlgorithmSpecification"] = with_metric_definitions(source["AlgorithmSpecification"])
    resources = source.get("HyperParameterTuningResourceConfig")
    if resources and "ResourceConfig" not in source:
        source["ResourceConfig"] = pick(
            (resources.get("InstanceConfigs") or [resources])[0], "InstanceType", "InstanceCount", "VolumeSizeInGB"
        )
    source["StaticHyperParameters"] = source.get("StaticHyperParameters", {}) | {OBJECTIVE_HYPERPARAMETER: objective_metric(request)[0]}
    name = "TrainingJobDefinition" if "TrainingJobDefinition" in request else "TrainingJobDefinitions"
    return request | {"HyperParameterTuningJobConfig": config, name: source if name[-1] == "n" else [source]}


def _check(context: Context, request: Request) -> None:
    def refuse(message: str) -> AWSError:
        return AWSError("ValidationException", message)

    if "TrainingJobDefinition" not in request and not request.get("TrainingJobDefinitions"):
        raise refuse("A TrainingJobDefinition is required.")
    if len(request.get("TrainingJobDefinitions", [])) > 1:
        raise refuse("This engine tunes one training job definition at a time.")
    source = training_definition(request)
    request_checks.check_training_job(context, source)
    find_container("training-job", source)
    config = request["HyperParameterTuningJobConfig"]
    if "HyperParameterTuningJobObjective" not in config and "TuningObjective" not in source:
        raise refuse("HyperParameterTuningJobObjective is required.")
    ranges = parameter_ranges(request)
    if ranges.get("AutoParameters") or request.get("Autotune", {}).get("Mode") == "Enabled":
        raise refuse("This engine does not choose ranges by itself: give the ranges to search.")
    numeric: list[tuple[str, type[int] | type[float]]] = [("Integer", int), ("Continuous", float)]
    names: list[str] = [item["Name"] for item in ranges.get("CategoricalParameterRanges", [])]
    for kind, convert in numeric:
        for item in ranges.get(f"{kind}ParameterRanges", []):
            names.append(item["Name"])
            try:
                low, high = request_checks.parse_finite(item["MinValue"], convert), request_checks.parse_finite(item["MaxValue"], convert)
            except (ValueError, OverflowError) as error:
                raise refuse(f"The range of {item['Name']} is not of type {kind}: {item['MinValue']} to {item['MaxValue']}.") from error
            if not low < high:
                raise refuse(f"The range of {item['Name']} is empty: MinValue {low} is not less than MaxValue {high}.")
            scaling = item.get("ScalingType", "Auto")
            if scaling == "Logarithmic" and low <= 0:
                raise refuse(f"The range of {item['Name']} starts at {low}: logarithmic scaling takes only values above 0.")
            if scaling == "ReverseLogarithmic" and (kind == "Integer" or low < 0 or high >= 1):
                raise refuse(f"Reverse logarithmic scaling takes continuous ranges within 0 <= x < 1, unlike that of {item['Name']}.")
    if not names:
        raise refuse("At least one hyperparameter range is required.")
    twice = {n for n in names if names.count(n) > 1} | (set(names) & set(source.get("StaticHyperParameters", {})))
    if twice:
        raise refuse(f"Hyperparameters given more than once: {', '.join(sorted(twice))}.")
    limits = config["ResourceLimits"]
    if config["Strategy"] == "Grid":
        if ranges.get("ContinuousParameterRanges") or ranges.get("IntegerParameterRanges"):
            raise refuse("The Grid strategy takes only categorical parameters.")
        if limits.get("MaxNumberOfTrainingJobs", grid_size(ranges)) != grid_size(ranges):
            raise refuse(f"The grid has {grid_size(ranges)} points: MaxNumberOfTrainingJobs must be that, or be left out.")
    elif "MaxNumberOfTrainingJobs" not in limits:
        raise refuse("MaxNumberOfTrainingJobs is required.")
    trials = limits["MaxNumberOfTrainingJobs"] if "MaxNumberOfTrainingJobs" in limits else grid_size(ranges)
    require_within_limit("Number of training jobs per tuning job", MAX_TRIALS, 0, trials)
    require_within_limit("Number of parallel training jobs per tuning job", MAX_PARALLEL_TRIALS, 0, limits["MaxParallelTrainingJobs"])
    for parent in request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        found = context.store.get(TUNING_JOB, parent.get("HyperParameterTuningJobName", ""))
        if found is None:
            raise refuse(f"The parent tuning job {parent.get('HyperParameterTuningJobName')!r} does not exist.")
        if found["HyperParameterTuningJobStatus"] not in FINAL_STATUSES:
            raise refuse(f"The parent tuning job {parent['HyperParameterTuningJobName']!r} has not ended.")


@operation("sagemaker", "DescribeHyperParameterTuningJob", on=named("hyper-parameter-tuning-job", "HyperParameterTuningJobName"))
def describe_tuning_job(context: Context, request: Request) -> Response:
    body = context.store.get(TUNING_JOB, request["HyperParameterTuningJobName"])
    if body is None:
        raise resource_not_found_error()
    return body


def summarize_tuning_job(body: Body) -> Body:
    config = body["HyperParameterTuningJobConfig"]
    found = pick(
        body,
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobArn",
        "HyperParameterTuningJobStatus",
        "CreationTime",
        "HyperParameterTuningEndTime",
        "LastModifiedTime",
        "TrainingJobStatusCounters",
        "ObjectiveStatusCounters",
    )
    return {**found, "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}


@operation("sagemaker", "ListHyperParameterTuningJobs", on=ANY_RESOURCE)
def list_tuning_jobs(context: Context, request: Request) -> Response:
    return page_response(
        context,
        TUNING_JOB,
        request,
        result_member="HyperParameterTuningJobSummaries",
        summarize=summarize_tuning_job,
        default_sort="Name",
        default_order="Ascending",
    )


@operation("sagemaker", "StopHyperParameterTuningJob", on=named("hyper-parameter-tuning-job", "HyperParameterTuningJobName"))
def stop_tuning_job(context: Context, request: Request) -> Response:
    now = context.now()
    name = request["HyperParameterTuningJobName"]

    def change(body: Body) -> None:
        status = body["HyperParameterTuningJobStatus"]
        if status in FINAL_STATUSES:
            raise AWSError("ValidationException", f"The request was rejected because the tuning job is in status {status}.")
        body |= {"HyperParameterTuningJobStatus": "Stopping", "LastModifiedTime": now}

    if context.store.update(TUNING_JOB, name, change, now=now, status="Stopping") is None:
        raise resource_not_found_error()
    context.jobs.notify_waiters()
    return {}


@operation("sagemaker", "ListTrainingJobsForHyperParameterTuningJob", on=named("hyper-parameter-tuning-job", "HyperParameterTuningJobName"))
def list_tuning_training_jobs(context: Context, request: Request) -> Response:
    body = context.store.get(TUNING_JOB, request["HyperParameterTuningJobName"])
    if body is None:
        raise resource_not_found_error()
    metric, _ = objective_metric(body)
    where = [("parent", "=", body["HyperParameterTuningJobArn"])]

    def show(job: Body) -> Body:
        return summarize_trial(job, body)

    if request.get("SortBy") == "FinalObjectiveMetricValue":
        jobs = [job for job in list_trial_jobs(context, body["HyperParameterTuningJobArn"]) if final_objective(job, metric) is not None]
        jobs = [job for job in jobs if request.get("StatusEquals", job["TrainingJobStatus"]) == job["TrainingJobStatus"]]
        jobs.sort(key=lambda job: final_objective(job, metric) or 0.0, reverse=request.get("SortOrder") == "Descending")
        page, token = paginate(jobs, request)
        return {"TrainingJobSummaries": [show(job) for job in page], "NextToken": token}
    return page_response(
        context,
        "training-job",
        request,
        result_member="TrainingJobSummaries",
        summarize=show,
        where=where,
        default_sort="Name",
        default_order="Ascending",
    )
