"""Tuning jobs: ranges, launch, trials, the best job."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core import jobs, training
from core.clients import Clients
from core.errors import DataError, NotFound, translated
from core.identity import Identity, require
from core.jobs import Job
from core.rebalancing import Rebalanced

PREFIX = "gov-tune"
OBJECTIVES = {
    "validation:auc": "Maximize",
    "validation:f1": "Maximize",
    "validation:accuracy": "Maximize",
    "validation:balanced_accuracy": "Maximize",
    "validation:logloss": "Minimize",
    "validation:error": "Minimize",
    "validation:aucpr": "Maximize",
}
STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")


@dataclass(frozen=True)
class Range:
    """The range of a hyperparameter: kind is integer or continuous."""

    name: str
    low: float
    high: float
    kind: str = "continuous"
    scaling: str = "Auto"


BOUNDS = {
    "max_depth": Range("max_depth", 1, 10, "integer"),
    "eta": Range("eta", 0.01, 1.0),
    "gamma": Range("gamma", 0.0, 5.0),
    "alpha": Range("alpha", 0.0, 2.0),
    "min_child_weight": Range("min_child_weight", 1.0, 10.0),
    "subsample": Range("subsample", 0.5, 1.0),
    "colsample_bytree": Range("colsample_bytree", 0.5, 1.0),
    "lambda": Range("lambda", 0.0, 10.0),
}
"""The defaults of the form; eta starts above 0, where nothing would be learned."""
DEFAULT_RANGES = tuple(BOUNDS[name] for name in ("max_depth", "eta", "gamma", "alpha", "min_child_weight", "subsample"))


@dataclass(frozen=True)
class TuningRequest:
    """Every setting of a tuning job on the files of a rebalancing job."""

    rebalanced: Rebalanced
    ranges: tuple[Range, ...] = DEFAULT_RANGES
    static: dict[str, str] = field(default_factory=lambda: {"objective": "binary:logistic", "num_round": "50", "seed": "42"})
    objective: str = "validation:auc"
    strategy: str = "Bayesian"
    max_jobs: int = 10
    max_parallel: int = 2
    early_stopping: bool = False
    warm_start: tuple[str, ...] = ()
    seed: int = 42
    instance_type: str | None = None


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job. ``objective`` is None until it has one."""

    name: str
    status: str
    objective: float | None
    parameters: dict[str, float | str]
    created: Any
    started: Any
    ended: Any
    reason: str | None


def check(request: TuningRequest) -> None:
    """Raises DataError naming the setting that can't be."""
    if request.objective not in OBJECTIVES:
        raise DataError(f"{request.objective} is not an objective.", subject="objective", remedy=f"Choose one of {', '.join(OBJECTIVES)}.")
    if request.strategy not in STRATEGIES:
        raise DataError(f"{request.strategy} is not a strategy.", subject="strategy", remedy=f"Choose one of {', '.join(STRATEGIES)}.")
    if not request.ranges:
        raise DataError("No hyperparameter is tuned.", subject="ranges", remedy="Give at least one range.")
    for one in request.ranges:
        if not one.low < one.high:
            raise DataError(
                f"The range of {one.name} is empty: {one.low} to {one.high}.", subject=one.name, remedy="Set its maximum above its minimum."
            )
        if one.name == "eta" and not (one.low > 0 and one.high <= 1):
            raise DataError(
                "eta must lie above 0 and at most at 1.", subject="eta", remedy="At 0 nothing is learned; start at 0.01, for instance."
            )
        if one.name in {"subsample", "colsample_bytree"} and not (one.low > 0 and one.high <= 1):
            raise DataError(f"{one.name} must lie above 0 and at most at 1.", subject=one.name, remedy="It is a share.")
        if one.low < 0:
            raise DataError(f"{one.name} can't be negative.", subject=one.name, remedy="Start at 0.")
        if one.name in request.static:
            raise DataError(f"{one.name} is both tuned and fixed.", subject=one.name, remedy="Remove it from one of the two.")
    if not 1 <= request.max_parallel <= request.max_jobs <= 750:
        raise DataError(
            f"{request.max_jobs} jobs, {request.max_parallel} at a time, can't be.",
            subject="jobs",
            remedy="At most 750 jobs, at least as many as at a time.",
        )


def launch(clients: Clients, identity: Identity, request: TuningRequest, *, name: str | None = None) -> str:
    """Start a tuning job on the rebalanced training part; returns its name (32 characters at most)."""
    require(identity, "launch", subject="tuning")
    check(request)
    name = name or f"{PREFIX}-{secrets.token_hex(6)}"
    data = request.rebalanced
    ranges: dict[str, list[dict[str, Any]]] = {}
    for one in request.ranges:
        if request.strategy == "Grid":
            values = _grid(one)
            ranges.setdefault("CategoricalParameterRanges", []).append({"Name": one.name, "Values": values})
            continue
        whole = one.kind == "integer"
        low, high = (str(int(v)) if whole else str(v) for v in (one.low, one.high))
        key = "IntegerParameterRanges" if whole else "ContinuousParameterRanges"
        ranges.setdefault(key, []).append({"Name": one.name, "MinValue": low, "MaxValue": high, "ScalingType": one.scaling})
    limits: dict[str, int] = {"MaxParallelTrainingJobs": request.max_parallel}
    if request.strategy != "Grid":
        limits["MaxNumberOfTrainingJobs"] = request.max_jobs
    config: dict[str, Any] = {
        "Strategy": request.strategy,
        "HyperParameterTuningJobObjective": {"Type": OBJECTIVES[request.objective], "MetricName": request.objective},
        "ResourceLimits": limits,
        "ParameterRanges": ranges,
        "TrainingJobEarlyStoppingType": "Auto" if request.early_stopping else "Off",
        "RandomSeed": request.seed,
    }
    definition: dict[str, Any] = {
        "StaticHyperParameters": {**request.static, **({"csv_weights": "1"} if data.weights else {})},
        "AlgorithmSpecification": {"TrainingImage": jobs.xgboost_image(clients), "TrainingInputMode": "File"},
        "RoleArn": clients.role,
        "InputDataConfig": [
            training.channel("train", data.uri("train_res.csv")),
            training.channel("validation", data.uri("validation_res.csv")),
        ],
        "OutputDataConfig": {"S3OutputPath": clients.uri("governance/models")},
        "ResourceConfig": {
            "InstanceType": request.instance_type or clients.settings.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    arguments: dict[str, Any] = {}
    if request.warm_start:
        parents = [{"HyperParameterTuningJobName": parent} for parent in request.warm_start]
        arguments["WarmStartConfig"] = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": "TransferLearning"}
    with translated(name):
        clients.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=config,  # type: ignore[arg-type]
            TrainingJobDefinition=definition,  # type: ignore[arg-type]
            Tags=training.tags(identity, data.job),
            **arguments,
        )
    return name


def _grid(one: Range) -> list[str]:
    if one.kind == "integer":
        step = max(1, round((one.high - one.low) / 2))
        return [str(v) for v in range(int(one.low), int(one.high) + 1, step)]
    return [f"{v:.6g}" for v in (one.low, (one.low + one.high) / 2, one.high)]


def grid_size(ranges: tuple[Range, ...]) -> int:
    """How many jobs the Grid strategy makes: three points (or fewer) of each range."""
    size = 1
    for one in ranges:
        size *= len(_grid(one))
    return size


def describe(clients: Clients, name: str) -> Job:
    return jobs.describe(clients, "tuning", name)


def trials(clients: Clients, name: str) -> list[Trial]:
    """All trials, oldest first."""
    found: list[Trial] = []
    with translated(name):
        pages = clients.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
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
                        {key: _number(value) for key, value in row["TunedHyperParameters"].items()},
                        row["CreationTime"],
                        row.get("TrainingStartTime"),
                        row.get("TrainingEndTime"),
                        row.get("FailureReason"),
                    )
                )
    return found


def frame(found: list[Trial]) -> pd.DataFrame:
    """Trials as a table: number, name, status, objective, created, started, ended, and a column per hyperparameter."""
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
        for i, t in enumerate(found)
    ]
    columns = ["number", "name", "status", "objective", "created", "started", "ended", "reason"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def best(clients: Clients, name: str) -> str:
    """The name of the best training job. Raises NotFound while there is none."""
    found = describe(clients, name).raw.get("BestTrainingJob")
    if not found:
        raise NotFound(f"The tuning job {name} has no best job yet.", subject=name, remedy="Wait until a trial has completed.")
    return str(found["TrainingJobName"])


def objective(job: Job) -> tuple[str, bool]:
    """(metric, whether it is maximised)."""
    found = job.raw["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return found["MetricName"], found["Type"] == "Maximize"


def uses(job: Job, data: Rebalanced) -> bool:
    """Whether the tuning job trains on the rebalanced data (and not, as the workshop did, on the untouched)."""
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job.raw["TrainingJobDefinition"]["InputDataConfig"]}
    return bool(channels.get("train") == data.uri("train_res.csv"))


def stop(clients: Clients, identity: Identity, name: str) -> None:
    """Stop the job; what its trials have found stays."""
    require(identity, "launch", subject=name)
    with translated(name):
        clients.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def list_jobs(clients: Clients) -> list[Job]:
    """The newest tuning jobs, whoever made them."""
    return jobs.listed(clients, "tuning")
