"""Settings and durations of past tuning jobs: to compare them, to launch a similar one, to estimate how long a new one takes."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.jobs import training_jobs
from core.jobs.job_response import TrialDefinition
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.tuning.tuning_jobs import first_objective, list_definitions, list_objectives, parse_number
from core.jobs.tuning.tuning_request import BOUNDS, HyperparameterRange, TuningRequest, grid_size

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ContinuousParameterRangeTypeDef, IntegerParameterRangeTypeDef


def rebuild_request(job: Job, data: RebalancedData) -> TuningRequest:
    """The settings of a tuning job as a request to launch a similar one on ``data``."""
    config, definition = job.raw["HyperParameterTuningJobConfig"], next(iter(list_definitions(job)), TrialDefinition())
    found = config.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    ranges = []
    for one in found.get("IntegerParameterRanges", []):
        ranges.append(_numeric_range(one, "integer"))
    for one in found.get("ContinuousParameterRanges", []):
        ranges.append(_numeric_range(one, "continuous"))
    for choice in found.get("CategoricalParameterRanges", []):
        points = [point for value in choice["Values"] if isinstance(point := parse_number(value), float)]
        if len(points) > 1:
            ranges.append(
                HyperparameterRange(
                    choice["Name"], min(points), max(points), BOUNDS[choice["Name"]].kind if choice["Name"] in BOUNDS else "continuous"
                )
            )
    limits = config["ResourceLimits"]
    parents = job.raw.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    static = definition.get("StaticHyperParameters", {})
    return TuningRequest(
        data,
        tuple(ranges),
        {key: value for key, value in static.items() if key not in {"csv_weights", "_tuning_objective_metric"}},
        first_objective(job)[0],
        config["Strategy"],
        limits.get("MaxNumberOfTrainingJobs") or 10,
        limits["MaxParallelTrainingJobs"],
        config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        tuple(parent["HyperParameterTuningJobName"] for parent in parents),
        config.get("RandomSeed", 42),
        definition.get("ResourceConfig", {}).get("InstanceType"),
    )


def _numeric_range(one: IntegerParameterRangeTypeDef | ContinuousParameterRangeTypeDef, kind: str) -> HyperparameterRange:
    return HyperparameterRange(one["Name"], float(one["MinValue"]), float(one["MaxValue"]), kind, one.get("ScalingType", "Auto"))


def settings_as_text(job: Job) -> dict[str, str]:
    """Name -> value of every setting of a tuning job, as text."""
    config, several = job.raw["HyperParameterTuningJobConfig"], list_definitions(job)
    definition = next(iter(several), TrialDefinition())
    found: dict[str, str] = {"strategy": config["Strategy"], "objective": ", ".join(metric for metric, _ in list_objectives(job)) or "–"}
    if len(several) > 1:
        found["definitions"] = ", ".join(str(one.get("DefinitionName", "–")) for one in several) + "; what follows is the first one's"
    ranges = config.get("ParameterRanges") or definition.get("HyperParameterRanges", {})
    for auto in ranges.get("AutoParameters", []):
        found[f"range of {auto['Name']}"] = f"chosen by SageMaker around {auto['ValueHint']}"
    for one in (*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])):
        scale = one.get("ScalingType", "Auto")
        found[f"range of {one['Name']}"] = f"{one['MinValue']} to {one['MaxValue']}" + ("" if scale == "Auto" else f", {scale}")
    for choice in ranges.get("CategoricalParameterRanges", []):
        found[f"range of {choice['Name']}"] = ", ".join(choice["Values"])
    found |= {name: value for name, value in sorted(definition.get("StaticHyperParameters", {}).items()) if not name.startswith("_")}
    if job.raw.get("Autotune", {}).get("Mode") == "Enabled":
        found["Autotune"] = "SageMaker chooses what isn't set"
    limits = config["ResourceLimits"]
    found["jobs"] = str(limits.get("MaxNumberOfTrainingJobs") or "every point of the grid")
    found["in parallel"] = str(limits["MaxParallelTrainingJobs"])
    found["early stopping"] = config.get("TrainingJobEarlyStoppingType", "Off")
    found["seed"] = str(config.get("RandomSeed", "–"))
    parents = job.raw.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    found["warm start from"] = ", ".join(parent["HyperParameterTuningJobName"] for parent in parents) or "–"
    found["instance"] = definition.get("ResourceConfig", {}).get("InstanceType", "–")
    for channel in definition.get("InputDataConfig", []):
        found[f"{channel['ChannelName']} rows"] = training_jobs.channel_source(channel) or "–"
    return found


@dataclass(frozen=True)
class DurationEstimate:
    """How long a tuning job will take, from ``jobs`` past ones: ``seconds``, from ``shortest`` to ``longest``; ``rounds`` of parallel
    trials, ``trials`` in all."""

    trials: int
    rounds: int
    seconds: float
    shortest: float
    longest: float
    jobs: int


def estimate_duration(
    past_jobs: list[Job], strategy: str, ranges: tuple[HyperparameterRange, ...], max_jobs: int, max_parallel: int
) -> DurationEstimate | None:
    """The duration of a round of parallel trials in past tuning jobs, times the rounds of this one; None if no job has completed."""
    each = []
    for job in past_jobs:
        counters, limits = job.raw.get("TrainingJobStatusCounters", {}), job.raw.get("ResourceLimits", {})
        made = counters.get("Completed", 0) + counters.get("Stopped", 0) + counters.get("NonRetryableError", 0)
        if job.status == "Completed" and job.ended is not None and made:
            parallel = limits.get("MaxParallelTrainingJobs", 1)
            each.append((job.ended - job.created).total_seconds() / math.ceil(made / parallel))
    trials = grid_size(ranges) if strategy == "Grid" else max_jobs
    if not each or not trials or max_parallel < 1:
        return None
    rounds = math.ceil(trials / max_parallel)
    return DurationEstimate(trials, rounds, rounds * statistics.median(each), rounds * min(each), rounds * max(each), len(each))
