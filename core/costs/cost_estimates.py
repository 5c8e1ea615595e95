"""What jobs cost: before a launch by what the workspace has measured, after it by what they took; both by the price table.

A job is billed by the second, from its start on its instances to its end, each instance by itself
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html, BillableTimeInSeconds). So parallel trials are
sooner done, and cost the same. Waiting for instances isn't billed, nor are Debugger's built-in rules.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from core.aws import request_defaults
from core.aws.target import Target
from core.costs.prices import Prices, Use
from core.costs.usage import billed_seconds, instance_cost, usage_of_job
from core.jobs import jobs, rebalancing_jobs, training_jobs, xgboost_report_jobs
from core.jobs.jobs import Job
from core.jobs.tuning import tuning_jobs
from core.jobs.tuning.tuning_jobs import Trial
from core.jobs.tuning.tuning_request import TuningRequest, grid_size
from core.reports import bias_jobs, shap_jobs, trial_bias_jobs
from core.settings import Settings

MAX_SAMPLED_JOBS = 5
"""How many earlier jobs of a kind are looked at."""
TRIALS_KIND = "trials"
"""The kind of a tuning job's training jobs; other kinds are what their jobs' names begin with."""


# after ---------------------------------------------------------------------------------------------


# before --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannedJobs:
    """``jobs`` jobs of one kind that are about to be launched. ``rows_uri``: the URI of the rows that they read, where it's known."""

    use: Use
    kind: str
    instance_type: str
    rows_uri: str = ""
    jobs: int = 1


@dataclass(frozen=True)
class PastDurations:
    """How long earlier jobs of a kind took, in seconds billed; ``same_rows``: on the same rows."""

    seconds: tuple[float, ...] = ()
    same_rows: bool = False


@dataclass(frozen=True)
class CostEstimate:
    """What a launch will use and cost. ``seconds``, ``shortest`` to ``longest``, and ``instance_cost`` are those of the ``known_jobs``
    jobs, whose kind
    was measured in ``past_jobs`` jobs; None where there are none. ``same_rows``: all of the past were on the same rows. ``max_seconds``:
    seconds after
    which all jobs are ended. Costs are None where a type is ``unpriced``."""

    jobs: int
    instance_types: tuple[str, ...]
    max_seconds: float
    max_cost: float | None
    known_jobs: int = 0
    seconds: float | None = None
    shortest: float = 0
    longest: float = 0
    cost: float | None = None
    past_jobs: int = 0
    same_rows: bool = False
    unpriced: tuple[tuple[Use, str], ...] = ()


def estimate_launch(prices: Prices, plan: Sequence[tuple[PlannedJobs, PastDurations]]) -> CostEstimate:
    """Each kind's median times its jobs, added up; at most what all would take until they are ended."""
    every = [planned for planned, _ in plan]
    most, most_cost = _total_seconds_and_cost(prices, [(planned, jobs.MAX_SECONDS) for planned in every])
    found = CostEstimate(
        sum(planned.jobs for planned in every),
        tuple(dict.fromkeys(planned.instance_type for planned in every)),
        most,
        most_cost,
        unpriced=tuple(dict.fromkeys((p.use, p.instance_type) for p in every if prices.hourly(p.use, p.instance_type) is None)),
    )
    known = [(planned, past) for planned, past in plan if past.seconds]
    if not known:
        return found
    seconds, price = _total_seconds_and_cost(prices, [(planned, statistics.median(past.seconds)) for planned, past in known])
    return replace(
        found,
        known_jobs=sum(planned.jobs for planned, _ in known),
        seconds=seconds,
        cost=price,
        shortest=_total_seconds_and_cost(prices, [(planned, min(past.seconds)) for planned, past in known])[0],
        longest=_total_seconds_and_cost(prices, [(planned, max(past.seconds)) for planned, past in known])[0],
        past_jobs=sum(len(past.seconds) for _, past in known),
        same_rows=all(past.same_rows for _, past in known),
    )


def _total_seconds_and_cost(prices: Prices, plan: Sequence[tuple[PlannedJobs, float]]) -> tuple[float, float | None]:
    """Seconds of all jobs, and their cost, where each job of a kind takes so long."""
    costs = [instance_cost(prices, planned.use, planned.instance_type, planned.jobs * each) for planned, each in plan]
    return sum(planned.jobs * each for planned, each in plan), None if None in costs else sum(c or 0 for c in costs)


def read_past_durations(target: Target, planned: PlannedJobs) -> PastDurations:
    """How long the newest completed jobs of a kind took: those on the same rows where there are any, else whatever they read."""
    found = _trial_durations(target, planned.rows_uri) if planned.kind == TRIALS_KIND else _job_durations(target, planned)
    same = [seconds for uri, seconds in found if planned.rows_uri and uri == planned.rows_uri]
    return PastDurations(tuple(same), True) if same else PastDurations(tuple(seconds for _, seconds in found))


def _job_durations(target: Target, planned: PlannedJobs) -> list[tuple[str, float]]:
    """(URI of its rows, seconds) of each job."""
    listed = jobs.list_jobs(target, planned.use, name_contains=planned.kind)
    alike = re.compile(rf"{re.escape(planned.kind)}-[^-]+$")  # SMOTE's jobs aren't SMOTE-NC's
    exact = planned.kind.startswith(rebalancing_jobs.JOB_NAME_PREFIX)
    done = [job.name for job in listed if job.status == "Completed" and (not exact or alike.match(job.name))]
    return [(input_rows_uri(job), usage_of_job(job).seconds) for job in _newest_own_jobs(target, planned.use, done)]


def _trial_durations(target: Target, data: str) -> list[tuple[str, float]]:
    """The same of the trials of the newest tuning job, on the same rows if one of the newest is."""
    newest = [job.name for job in tuning_jobs.list_jobs(target) if job.status == "Completed"]
    rows = {job.name: input_rows_uri(job) for job in _newest_own_jobs(target, "tuning", newest)}
    for name in sorted(rows, key=lambda name: bool(data) and rows[name] != data):
        times = [float(billed_seconds(t.started, t.ended)) for t in tuning_jobs.list_trials(target, name) if _has_run(t)]
        if times:
            return [(rows[name], seconds) for seconds in times]
    return []


def _has_run(trial: Trial) -> bool:
    return trial.status == "Completed" and trial.started is not None


def _newest_own_jobs(target: Target, kind: jobs.JobKind, names: Sequence[str]) -> list[Job]:
    """The newest of these that are this product's own, described in full; of the first few only, as others' may be called alike."""
    found: list[Job] = []
    with ThreadPoolExecutor(MAX_SAMPLED_JOBS) as pool:
        for start in range(0, min(len(names), 4 * MAX_SAMPLED_JOBS), MAX_SAMPLED_JOBS):
            found += filter(
                jobs.is_product_job, pool.map(lambda name: jobs.describe_job(target, kind, name), names[start : start + MAX_SAMPLED_JOBS])
            )
            if len(found) >= MAX_SAMPLED_JOBS:
                break
    return found[:MAX_SAMPLED_JOBS]


def input_rows_uri(job: Job) -> str:
    """The URI of the rows that a job reads."""
    inputs = {i["InputName"]: str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if "S3Input" in i}
    return jobs.channel_uris(job).get("train", "") or next((inputs[name] for name in ("data", "dataset", "train") if name in inputs), "")


# what each form launches ---------------------------------------------------------------------------


def plan_rebalancing(settings: Settings, methods: Sequence[str], data: str = "") -> tuple[PlannedJobs, ...]:
    """A job for each method, on the data set at ``rows_uri``."""
    return tuple(_plan_processing(settings, f"{rebalancing_jobs.JOB_NAME_PREFIX}-{method}", data) for method in methods)


def plan_training(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    return (PlannedJobs("training", training_jobs.JOB_NAME_PREFIX, settings.instance_type, data),)


def plan_tuning(settings: Settings, request: TuningRequest) -> tuple[PlannedJobs, ...]:
    """All trials, the measurement of their bias and the best one's report."""
    rows, trials = request.rebalanced.uri("train_res.csv"), grid_size(request.ranges) if request.strategy == "Grid" else request.max_jobs
    return (
        PlannedJobs("training", TRIALS_KIND, request.instance_type or settings.instance_type, rows, trials),
        *plan_trial_bias(settings, request.rebalanced.uri(trial_bias_jobs.ROWS_FILE)),
        *plan_xgboost_report(settings, rows),
    )


def plan_trial_bias(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    return (_plan_processing(settings, trial_bias_jobs.JOB_NAME_PREFIX, data),)


def plan_xgboost_report(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    return (_plan_processing(settings, xgboost_report_jobs.JOB_NAME_PREFIX, data),)


def plan_bias_report(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    return (_plan_processing(settings, bias_jobs.JOB_NAME_PREFIX, data),)


def plan_explanation(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    return (_plan_processing(settings, shap_jobs.JOB_NAME_PREFIX, data),)


def plan_evaluation(settings: Settings, data: str) -> tuple[PlannedJobs, ...]:
    """The bias and SHAP jobs that come before a registration."""
    return (*plan_bias_report(settings, data), *plan_explanation(settings, data))


def plan_workflow(settings: Settings, trials: int) -> tuple[PlannedJobs, ...]:
    """The whole chain, on rows that don't lie anywhere yet."""
    return (
        *plan_rebalancing(settings, [rebalancing_jobs.RebalancingOptions().method]),
        *plan_training(settings, ""),
        PlannedJobs("training", TRIALS_KIND, settings.instance_type, "", trials),
        replace(plan_bias_report(settings, "")[0], jobs=2),
        replace(plan_explanation(settings, "")[0], jobs=2),
        *plan_xgboost_report(settings, ""),
    )


def _plan_processing(settings: Settings, kind: str, data: str) -> PlannedJobs:
    return PlannedJobs("processing", kind, request_defaults.processing_instance_type(settings), data)
