"""Tuning jobs: launch, trials, objective, the best trial."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from core.aws import container_images, idempotency, request_defaults
from core.aws.target import Target
from core.errors import Conflict, NotFound, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs, training_jobs
from core.jobs.job_response import JobResponse, TrialDefinition
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.tuning.tuning_request import (
    BOUNDS,
    CLASS_OBJECTIVES,
    CLASS_OBJECTIVES_REASON,
    DEFAULT_RANGES,
    OBJECTIVES,
    STRATEGIES,
    HyperparameterRange,
    TuningRequest,
    check_request,
    find_problems,
    grid_points,
    grid_size,
)

__all__ = [
    "BOUNDS",
    "CLASS_OBJECTIVES",
    "CLASS_OBJECTIVES_REASON",
    "DEFAULT_RANGES",
    "JOB_NAME_PREFIX",
    "OBJECTIVES",
    "STRATEGIES",
    "HyperparameterRange",
    "Trial",
    "TuningRequest",
    "best_job_name",
    "check_request",
    "describe_job",
    "find_problems",
    "first_objective",
    "grid_size",
    "is_trained_on",
    "launch_job",
    "list_definitions",
    "list_jobs",
    "list_objectives",
    "list_trials",
    "named_best_job",
    "parse_number",
    "stop_job",
    "tie_sentence",
    "trials_to_frame",
]
JOB_NAME_PREFIX = "gov-tune"


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job. ``objective``: None until it is known; ``definition``: the name of its training job definition, if
    the tuning job has several. Times are UTC."""

    name: str
    status: str
    objective: float | None
    parameters: dict[str, float | str]
    created: datetime
    started: datetime | None
    ended: datetime | None
    reason: str | None
    definition: str = ""


def launch_job(target: Target, identity: Identity, request: TuningRequest, *, name: str | None = None) -> str:
    """Start a tuning job on the rebalanced training rows; returns its name (32 characters at most). Raises DataError."""
    require_permission(identity, "launch", resource="tuning")
    check_request(request)
    name = name or f"{JOB_NAME_PREFIX}-{secrets.token_hex(6)}"
    data = request.rebalanced
    ranges: dict[str, list[dict[str, object]]] = {}
    for one in request.ranges:
        if request.strategy == "Grid":
            values = grid_points(one)
            ranges.setdefault("CategoricalParameterRanges", []).append({"Name": one.name, "Values": values})
            continue
        whole = one.kind == "integer"
        low, high = (str(int(v)) if whole else str(v) for v in (one.low, one.high))
        key = "IntegerParameterRanges" if whole else "ContinuousParameterRanges"
        ranges.setdefault(key, []).append({"Name": one.name, "MinValue": low, "MaxValue": high, "ScalingType": one.scaling})
    limits: dict[str, int] = {"MaxParallelTrainingJobs": request.max_parallel}
    if request.strategy != "Grid":
        limits["MaxNumberOfTrainingJobs"] = request.max_jobs
    config: dict[str, object] = {
        "Strategy": request.strategy,
        "HyperParameterTuningJobObjective": {"Type": (OBJECTIVES | CLASS_OBJECTIVES)[request.objective], "MetricName": request.objective},
        "ResourceLimits": limits,
        "ParameterRanges": ranges,
        "TrainingJobEarlyStoppingType": "Auto" if request.early_stopping else "Off",
        "RandomSeed": request.seed,
    }
    definition: dict[str, object] = {
        "StaticHyperParameters": {**request.static, **({"csv_weights": "1"} if data.has_weights else {})},
        "AlgorithmSpecification": {"TrainingImage": container_images.xgboost_image(target), "TrainingInputMode": "File"},
        "RoleArn": target.role,
        "InputDataConfig": [training_jobs.build_channel(name, uri) for name, uri in data.rebalanced_channels.items()],
        "OutputDataConfig": {"S3OutputPath": target.uri("governance/models"), **request_defaults.output_encryption(target.settings)},
        "ResourceConfig": {
            "InstanceType": request.instance_type or target.settings.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
            **request_defaults.volume_encryption(target.settings),
        },
        **request_defaults.vpc_config(target.settings),
        "StoppingCondition": {"MaxRuntimeInSeconds": jobs.MAX_SECONDS},
    }
    arguments: dict[str, object] = {}
    if request.warm_start:
        parents = [{"HyperParameterTuningJobName": parent} for parent in request.warm_start]
        arguments["WarmStartConfig"] = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": "TransferLearning"}
    asked = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": definition,
        "Tags": training_jobs.job_tags(target, identity, data.job),
        **arguments,
    }
    idempotency.create_once(target, "HyperParameterTuningJob", asked)
    return name


def describe_job(target: Target, name: str) -> Job:
    """The tuning job, read in full. Raises NotFound."""
    return jobs.describe_job(target, "tuning", name)


def list_trials(target: Target, name: str) -> list[Trial]:
    """All trials, oldest first."""
    found: list[Trial] = []
    with translate_aws_errors(name):
        pages = target.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
        )
        for page in pages:
            for row in page["TrainingJobSummaries"]:
                metric = row.get("FinalHyperParameterTuningJobObjectiveMetric")
                found.append(
                    Trial(
                        row["TrainingJobName"],
                        row["TrainingJobStatus"],
                        float(metric["Value"]) if metric else None,
                        {key: parse_number(value) for key, value in row.get("TunedHyperParameters", {}).items()},
                        row["CreationTime"],
                        row.get("TrainingStartTime"),
                        row.get("TrainingEndTime"),
                        row.get("FailureReason"),
                        row.get("TrainingJobDefinitionName", ""),
                    )
                )
    return found


def trials_to_frame(trials: list[Trial]) -> pd.DataFrame:
    """Trials as a table: number, name, status, objective, created, started, ended, reason, and a column for each hyperparameter."""
    rows = [
        {
            "number": i + 1,
            "name": t.name,
            "status": t.status,
            "objective": t.objective,
            "created": t.created,
            "started": t.started,
            "ended": t.ended,
            "reason": t.reason,
            **t.parameters,
        }
        for i, t in enumerate(trials)
    ]
    columns = ["number", "name", "status", "objective", "created", "started", "ended", "reason"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def parse_number(value: str) -> float | str:
    """A hyperparameter's value as a number if it is one, or else the text."""
    try:
        return float(value)
    except ValueError:
        return value


def tie_sentence(trials: list[Trial]) -> str:
    """That all trials have the same objective, so none is the best; "" if two differ, or fewer than two have one.

    Trials of different training job definitions aren't compared: they may have different objectives.
    """
    known = [trial for trial in trials if trial.objective is not None and trial.status in {"Completed", "Stopped"}]
    if len(known) < 2 or len({(trial.objective, trial.definition) for trial in known}) > 1:
        return ""
    return f"All {len(known)} trials have the same objective value, {known[0].objective:.5g}, so none of them is the best."


def best_job_name(target: Target, name: str) -> str:
    """The name of the best trial's training job. Raises NotFound if there is none yet, Conflict if all trials tie: SageMaker then names one
    of them, but the objective says nothing for it."""
    found = named_best_job(target, name)
    if tie := tie_sentence(list_trials(target, name)):
        raise Conflict(tie, resource=name, hint="Choose an objective that tells the trials apart, or wider ranges.")
    return found


def named_best_job(target: Target, name: str) -> str:
    """The training job that SageMaker names the best, which it does even if all trials tie. Raises NotFound if there is none yet."""
    found = describe_job(target, name).raw.get("BestTrainingJob")
    if not found:
        raise NotFound(f"The tuning job {name} has no best job yet.", resource=name, hint="Wait until a trial has completed.")
    return str(found["TrainingJobName"])


def first_objective(job: Job) -> tuple[str, bool]:
    """(metric, whether it is maximised), of the first definition if there are several; ("objective", True) if the job names none."""
    return next(iter(list_objectives(job)), ("objective", True))


def list_objectives(job: Job) -> list[tuple[str, bool]]:
    """(metric, whether it is maximised) of the tuning job, or of each of its definitions."""
    common = job.raw["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    found = [common] if common else [one["TuningObjective"] for one in list_definitions(job) if "TuningObjective" in one]
    return list(dict.fromkeys((one["MetricName"], one["Type"] == "Maximize") for one in found))


def list_definitions(job: Job) -> list[TrialDefinition]:
    """The training job definitions of a tuning job: one, or several with their own ranges and objectives."""
    one = job.raw.get("TrainingJobDefinition")
    return [one] if one else list(job.raw.get("TrainingJobDefinitions") or [])


def restrict_to_definition(job: Job, name: str) -> Job:
    """The job as if the definition of this name were its only one."""
    raw: JobResponse = {**job.raw, "TrainingJobDefinitions": [one for one in list_definitions(job) if one.get("DefinitionName") == name]}
    return replace(job, raw=raw)


def is_trained_on(job: Job, data: RebalancedData) -> bool:
    """Whether all trials train on the rebalanced rows (not on the original ones, as in the workshop)."""
    channels = [
        {c["ChannelName"]: training_jobs.channel_source(c) for c in one.get("InputDataConfig", [])} for one in list_definitions(job)
    ]
    return bool(channels) and all(found.get("train") == data.uri("train_res.csv") for found in channels)


def stop_job(target: Target, identity: Identity, name: str) -> None:
    """Stop the job; the results of its completed trials remain."""
    require_permission(identity, "launch", resource=name)
    with translate_aws_errors(name):
        target.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The account's newest tuning jobs, newest first; before them the job named ``including``, if it is older."""
    return jobs.list_jobs(target, "tuning", including=including)
