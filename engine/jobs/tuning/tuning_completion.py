"""Whether a tuning job ends before its last training job: its completion criteria, and their details as Describe shows them.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.store.records import Body

MIN_IMPROVEMENT = 0.01
"""A training job improves the objective if it is better than the best earlier one by this share, as in SageMaker."""
CONVERGENCE_JOBS = 20
"""This many training jobs in a row without improvement count as convergence; SageMaker doesn't publish its own criterion."""


def count_not_improving(values: Sequence[float], *, maximize: bool) -> int:
    """How many training jobs have ended since the last that improved the objective; ``values`` in the order of their ends."""
    best, count = None, 0
    for value in values:
        gain = 0.0 if best is None else (value - best if maximize else best - value)
        count = 0 if best is None or (gain > 0 and gain >= MIN_IMPROVEMENT * abs(best)) else count + 1
        best = value if best is None or gain > 0 else best
    return count


def completion_details(body: Body, values: Sequence[float], *, maximize: bool, now: float) -> Body:
    """The tuning job's TuningJobCompletionDetails."""
    count = count_not_improving(values, maximize=maximize)
    found: Body = {"NumberOfTrainingJobsObjectiveNotImproving": count}
    at = body.get("TuningJobCompletionDetails", {}).get("ConvergenceDetectedTime") or (now if count >= CONVERGENCE_JOBS else None)
    return found | ({"ConvergenceDetectedTime": at} if at is not None else {})


def has_met_criteria(body: Body, values: Sequence[float], *, maximize: bool) -> bool:
    """Whether one of the job's completion criteria is met, by the TuningJobCompletionDetails in its record ``body``."""
    criteria = body["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria", {})
    found = body["TuningJobCompletionDetails"]
    target = criteria.get("TargetObjectiveMetricValue")
    most = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
    return (
        (target is not None and any(value >= target if maximize else value <= target for value in values))
        or (most is not None and found["NumberOfTrainingJobsObjectiveNotImproving"] >= most)
        or (criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled" and "ConvergenceDetectedTime" in found)
    )
