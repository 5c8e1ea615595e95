"""Hyperparameter tuning jobs."""

from __future__ import annotations

from engine.context import AWSError, Context, Request, Response, operation
from engine.jobs.queue import FINAL
from engine.jobs.tuning import KIND, OBJECTIVE, definition, grid_size, jobs_of, objective, ranges_of, tuned_names, value_of
from engine.limits import PARALLEL_TRIALS, TRIALS, refuse_beyond
from engine.sagemaker import requirements
from engine.sagemaker.images import container, specified
from engine.sagemaker.listing import listed, missing, pick, tags_of
from engine.sagemaker.paging import part
from engine.store import Body, Exists


@operation("sagemaker", "CreateHyperParameterTuningJob")
def create_tuning_job(context: Context, request: Request) -> Response:
    name = request["HyperParameterTuningJobName"]
    arn = context.arn(f"hyper-parameter-tuning-job/{name}")
    _check(context, request)
    context.jobs.admit(KIND)
    now = context.now()
    body: Body = {
        **_completed({key: value for key, value in request.items() if key != "Tags"}),
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "TrainingJobStatusCounters": {"Completed": 0, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0},
        "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
    }
    try:
        with context.store.transaction():
            context.store.insert(KIND, name, body, arn=arn, now=now, status="InProgress")
            context.store.tag(arn, tags_of(request))
    except Exists as error:
        raise AWSError("ResourceInUse", "Hyperparameter tuning job names must be unique, and this one is taken.") from error
    context.jobs.submit(KIND, name)
    return {"HyperParameterTuningJobArn": arn}


RANGES = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def _completed(request: Body) -> Body:
    """The request with what SageMaker adds to it: all kinds of ranges; in the definition the objective, the metrics, the instances."""
    config = {"TrainingJobEarlyStoppingType": "Off"} | request["HyperParameterTuningJobConfig"]
    if "ParameterRanges" in config:
        config["ParameterRanges"] = {key: [] for key in RANGES} | config["ParameterRanges"]
    source = definition(request)
    source["AlgorithmSpecification"] = specified(source["AlgorithmSpecification"])
    resources = source.get("HyperParameterTuningResourceConfig")
    if resources and "ResourceConfig" not in source:
        source["ResourceConfig"] = pick(
            (resources.get("InstanceConfigs") or [resources])[0], "InstanceType", "InstanceCount", "VolumeSizeInGB"
        )
    source["StaticHyperParameters"] = source.get("StaticHyperParameters", {}) | {OBJECTIVE: objective(request)[0]}
    name = "TrainingJobDefinition" if "TrainingJobDefinition" in request else "TrainingJobDefinitions"
    return request | {"HyperParameterTuningJobConfig": config, name: source if name[-1] == "n" else [source]}


def _check(context: Context, request: Request) -> None:
    def refuse(message: str) -> AWSError:
        return AWSError("ValidationException", message)

    if "TrainingJobDefinition" not in request and not request.get("TrainingJobDefinitions"):
        raise refuse("A TrainingJobDefinition is required.")
    if len(request.get("TrainingJobDefinitions", [])) > 1:
        raise refuse("This engine tunes one training job definition at a time.")
    source = definition(request)
    requirements.training(context, source)
    container("training-job", source)
    config = request["HyperParameterTuningJobConfig"]
    if "HyperParameterTuningJobObjective" not in config and "TuningObjective" not in source:
        raise refuse("HyperParameterTuningJobObjective is required.")
    ranges = ranges_of(request)
    if ranges.get("AutoParameters") or request.get("Autotune", {}).get("Mode") == "Enabled":
        raise refuse("This engine does not choose ranges by itself: give the ranges that it is to search.")
    numeric: list[tuple[str, type[int] | type[float]]] = [("Integer", int), ("Continuous", float)]
    names: list[str] = [item["Name"] for item in ranges.get("CategoricalParameterRanges", [])]
    for kind, convert in numeric:
        for item in ranges.get(f"{kind}ParameterRanges", []):
            names.append(item["Name"])
            try:
                low, high = requirements.finite(item["MinValue"], convert), requirements.finite(item["MaxValue"], convert)
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
    refuse_beyond("Number of training jobs per tuning job", TRIALS, 0, trials)
    refuse_beyond("Number of parallel training jobs per tuning job", PARALLEL_TRIALS, 0, limits["MaxParallelTrainingJobs"])
    for parent in request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        found = context.store.get(KIND, parent.get("HyperParameterTuningJobName", ""))
        if found is None:
            raise refuse(f"The parent tuning job {parent.get('HyperParameterTuningJobName')!r} does not exist.")
        if found["HyperParameterTuningJobStatus"] not in FINAL:
            raise refuse(f"The parent tuning job {parent['HyperParameterTuningJobName']!r} has not ended.")


@operation("sagemaker", "DescribeHyperParameterTuningJob")
def describe_tuning_job(context: Context, request: Request) -> Response:
    body = context.store.get(KIND, request["HyperParameterTuningJobName"])
    if body is None:
        raise missing()
    return body


def summary(body: Body) -> Body:
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


@operation("sagemaker", "ListHyperParameterTuningJobs")
def list_tuning_jobs(context: Context, request: Request) -> Response:
    return listed(context, KIND, request, result="HyperParameterTuningJobSummaries", summary=summary, sort="Name", order="Ascending")


@operation("sagemaker", "StopHyperParameterTuningJob")
def stop_tuning_job(context: Context, request: Request) -> Response:
    now = context.now()
    name = request["HyperParameterTuningJobName"]

    def change(body: Body) -> None:
        status = body["HyperParameterTuningJobStatus"]
        if status in FINAL:
            raise AWSError("ValidationException", f"The request was rejected because the tuning job is in status {status}.")
        body |= {"HyperParameterTuningJobStatus": "Stopping", "LastModifiedTime": now}

    if context.store.update(KIND, name, change, now=now, status="Stopping") is None:
        raise missing()
    context.jobs.wake()
    return {}


def trial_summary(job: Body, tuning: Body) -> Body:
    """A training job as the lists of the tuning job that launched it show it."""
    metric, direction = objective(tuning)
    searched, source = tuned_names(tuning), definition(tuning)
    names = (
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingStartTime",
        "TrainingEndTime",
        "TrainingJobStatus",
        "FailureReason",
    )
    found = {**pick(job, *names), "TunedHyperParameters": {k: v for k, v in job["HyperParameters"].items() if k in searched}}
    of = job.get("TrainingJobDefinitionName", source.get("DefinitionName"))  # others have several definitions
    found |= {"TrainingJobDefinitionName": of} if of else {}
    value = value_of(job, metric)
    if value is not None:
        found["FinalHyperParameterTuningJobObjectiveMetric"] = {"Type": direction, "MetricName": metric, "Value": value}
    if job["TrainingJobStatus"] in FINAL:
        found["ObjectiveStatus"] = "Succeeded" if value is not None else "Failed"
    else:
        found["ObjectiveStatus"] = "Pending"
    return found


@operation("sagemaker", "ListTrainingJobsForHyperParameterTuningJob")
def list_trials(context: Context, request: Request) -> Response:
    body = context.store.get(KIND, request["HyperParameterTuningJobName"])
    if body is None:
        raise missing()
    metric, _ = objective(body)
    where = [("parent", "=", body["HyperParameterTuningJobArn"])]

    def show(job: Body) -> Body:
        return trial_summary(job, body)

    if request.get("SortBy") == "FinalObjectiveMetricValue":
        jobs = [job for job in jobs_of(context, body["HyperParameterTuningJobArn"]) if value_of(job, metric) is not None]
        jobs = [job for job in jobs if request.get("StatusEquals", job["TrainingJobStatus"]) == job["TrainingJobStatus"]]
        jobs.sort(key=lambda job: value_of(job, metric) or 0.0, reverse=request.get("SortOrder") == "Descending")
        page, token = part(jobs, request)
        return {"TrainingJobSummaries": [show(job) for job in page], "NextToken": token}
    return listed(
        context, "training-job", request, result="TrainingJobSummaries", summary=show, where=where, sort="Name", order="Ascending"
    )
