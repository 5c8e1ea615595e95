"""What a tuning job's record says: its ranges, its objective, its training jobs and their results."""

from __future__ import annotations

from engine.context import Context
from engine.jobs.states import FINAL_STATUSES, TRAINING_JOB
from engine.store.records import Body, pick

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
"""The hyperparameter in which tuning tells the algorithm its objective."""


def grid_size(ranges: Body) -> int:
    """How many training jobs a Grid strategy makes."""
    size = 1
    for item in ranges.get("CategoricalParameterRanges", []):
        size *= len(item["Values"])
    for item in ranges.get("IntegerParameterRanges", []):
        size *= int(item["MaxValue"]) - int(item["MinValue"]) + 1
    return size


def training_definition(body: Body) -> Body:
    """The one training job definition of a tuning job."""
    return dict(body["TrainingJobDefinition"] if "TrainingJobDefinition" in body else body["TrainingJobDefinitions"][0])


def parameter_ranges(body: Body) -> Body:
    """The ParameterRanges of a tuning job."""
    return body["HyperParameterTuningJobConfig"].get("ParameterRanges") or training_definition(body).get("HyperParameterRanges") or {}


def tuned_hyperparameters(body: Body) -> set[str]:
    """The hyperparameters that a tuning job searches."""
    return {item["Name"] for ranges in parameter_ranges(body).values() if isinstance(ranges, list) for item in ranges if "Name" in item}


def objective_metric(body: Body) -> tuple[str, str]:
    """(metric, ``Maximize`` or ``Minimize``)."""
    found = body["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective") or training_definition(body)["TuningObjective"]
    return found["MetricName"], found["Type"]


def list_trial_jobs(context: Context, arn: str) -> list[Body]:
    """The training jobs of a tuning job, oldest first."""
    return context.store.list_records(TRAINING_JOB, ("parent", "=", arn))


def final_objective(job: Body, metric: str) -> float | None:
    """The final objective of a training job, or None when it reported none."""
    return next((float(m["Value"]) for m in job.get("FinalMetricDataList", []) if m["MetricName"] == metric), None)


def summarize_trial(job: Body, tuning: Body) -> Body:
    """A training job as the lists of the tuning job that launched it show it."""
    metric, direction = objective_metric(tuning)
    searched, source = tuned_hyperparameters(tuning), training_definition(tuning)
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
    of = job.get("TrainingJobDefinitionName", source.get("DefinitionName"))  # of a tuning job with several definitions
    found |= {"TrainingJobDefinitionName": of} if of else {}
    value = final_objective(job, metric)
    if value is not None:
        found["FinalHyperParameterTuningJobObjectiveMetric"] = {"Type": direction, "MetricName": metric, "Value": value}
    if job["TrainingJobStatus"] in FINAL_STATUSES:
        found["ObjectiveStatus"] = "Succeeded" if value is not None else "Failed"
    else:
        found["ObjectiveStatus"] = "Pending"
    return found
