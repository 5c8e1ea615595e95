"""What jobs that have ended used, and what that cost according to the price table.

A job is billed by the second, from its start on its instances to its end, each instance by itself
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html, BillableTimeInSeconds). So parallel trials end
sooner, and cost the same. Waiting for instances isn't billed, nor are Debugger's built-in rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.aws.target import Target
from core.costs.prices import Prices, Use
from core.jobs import jobs
from core.jobs.jobs import Job
from core.jobs.tuning import tuning_jobs

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import HyperParameterTuningResourceConfigOutputTypeDef, ResourceConfigOutputTypeDef


@dataclass(frozen=True)
class Usage:
    """What one or more jobs used: ``seconds`` billed on each of ``count`` instances of a type, all jobs together."""

    use: Use
    instance_type: str
    count: int
    seconds: float
    jobs: int = 1

    def cost(self, prices: Prices) -> float | None:
        """The cost according to the price table; None if it has no price for the instance type."""
        return instance_cost(prices, self.use, self.instance_type, self.seconds * self.count)


def instance_cost(prices: Prices, use: Use, instance_type: str, seconds: float) -> float | None:
    """The cost of an instance's seconds; None if the table has no price for its type."""
    hourly = prices.hourly(use, instance_type)
    return None if hourly is None else seconds / 3600 * hourly


def billed_seconds(start: datetime | None, end: datetime | None) -> int:
    """Seconds between a job's start on its instances and its end, as BillableTimeInSeconds counts them; 0 if it never started."""
    return max(1, round((end - start).total_seconds())) if start and end else 0


def usage_of_job(job: Job) -> Usage:
    """What a training or processing job used, which has ended and was read by ``describe_job``."""
    raw = job.raw
    if job.kind == "processing":
        cluster = raw["ProcessingResources"]["ClusterConfig"]
        return Usage(
            "processing", cluster["InstanceType"], cluster["InstanceCount"], billed_seconds(raw.get("ProcessingStartTime"), job.ended)
        )
    seconds = raw.get("BillableTimeInSeconds", billed_seconds(raw.get("TrainingStartTime"), job.ended))
    return Usage("training", *_instance_type_and_count(raw.get("ResourceConfig")), seconds)


def usage_of_trials(job: Job, times: Sequence[tuple[datetime | None, datetime | None]]) -> Usage:
    """What the trials of a tuning job used. ``times``: (start, end) of each, None for trials that haven't started or ended."""
    seconds = [billed_seconds(start, end) for start, end in times]
    types = {
        _instance_type_and_count(one.get("ResourceConfig") or one.get("HyperParameterTuningResourceConfig"))
        for one in tuning_jobs.list_definitions(job)
    }
    instances = types.pop() if len(types) == 1 else _instance_type_and_count(None)
    return Usage("training", *instances, sum(seconds), sum(s > 0 for s in seconds))


def _instance_type_and_count(
    config: ResourceConfigOutputTypeDef | HyperParameterTuningResourceConfigOutputTypeDef | None,
) -> tuple[str, int]:
    """Type and number of a training job's instances; jobs that were started elsewhere may have several types."""
    return (config.get("InstanceType", "several types"), config.get("InstanceCount", 1)) if config else ("several types", 1)


def usage_by_step(target: Target, properties: dict[str, str]) -> dict[str, Usage]:
    """Step -> what it used for a registered version, whose ``properties`` name the jobs: rebalancing, training (of a trial: the whole
    tuning job), bias, SHAP."""
    found = {}
    for step, key in (("rebalancing", "rebalanced"), ("training", "training-job"), ("bias", "bias-job"), ("SHAP", "shap-job")):
        name = properties.get(f"governance:{key}")
        if not name:
            continue
        job = jobs.describe_job(target, "training" if step == "training" else "processing", name)
        if parent := job.raw.get("TuningJobArn", "").rpartition("/")[2]:
            found["tuning"] = _usage_of_tuning_job(target, parent)
        else:
            found[step] = usage_of_job(job)
    return found


def _usage_of_tuning_job(target: Target, name: str) -> Usage:
    return usage_of_trials(tuning_jobs.describe_job(target, name), [(t.started, t.ended) for t in tuning_jobs.list_trials(target, name)])
