"""Estimates what jobs will take and cost before they are launched, from earlier jobs of the workspace and the price table."""

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
from core.reports import bias_jobs, reasons_jobs, shap_jobs, trial_bias_jobs
from core.settings import Settings

MAX_SAMPLED_JOBS = 5
"""The number of earlier jobs of a kind that an estimate is based on."""
TRIALS_KIND = "trials"
"""The kind of a tuning job's training jobs; other kinds are the prefix of their jobs' names."""


# after ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannedJobs:
    """``jobs`` jobs of one kind that may be launched. ``rows_uri``: the URI of the rows that they read, "" if unknown."""

    use: Use
    kind: str
    instance_type: str
    rows_uri: str = ""
    jobs: int = 1


@dataclass(frozen=True)
class PastDurations:
    """Billed seconds of earlier jobs of a kind. ``same_rows``: whether they read the same rows."""

    seconds: tuple[float, ...] = ()
    same_rows: bool = False


@dataclass(frozen=True)
class CostEstimate:
    """What a launch will take and cost. ``max_seconds`` and ``max_cost``: if every job runs until it is stopped. ``known_jobs``: jobs
    of a kind that has run before, ``past_jobs`` times; ``seconds`` (from ``shortest`` to ``longest``) and ``cost`` are theirs, None if
    there are none. ``same_rows``: whether all past jobs read the same rows. Costs are None if a type is ``unpriced``."""

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
    """The sum over all kinds of the median duration times the number of jobs; and the limit, if every job runs until it is stopped."""
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
    """Seconds of all jobs and their cost. ``plan``: (jobs of a kind, seconds of each)."""
    costs = [instance_cost(prices, planned.use, planned.instance_type, planned.jobs * each) for planned, each in plan]
    return sum(planned.jobs * each for planned, each in plan), None if None in costs else sum(c or 0 for c in costs)


def read_past_durations(target: Target, planned: PlannedJobs) -> PastDurations:
    """How long the newest completed jobs of a kind took: those on the same rows, or if there are none, on any rows."""
    found = _trial_durations(target, planned.rows_uri) if planned.kind == TRIALS_KIND else _job_durations(target, planned)
    same = [seconds for uri, seconds in found if planned.rows_uri and uri == planned.rows_uri]
    return PastDurations(tuple(same), True) if same else PastDurations(tuple(seconds for _, seconds in found))


def _job_durations(target: Target, planned: PlannedJobs) -> list[tuple[str, float]]:
    """(URI of its rows, seconds) of each job."""
    listed = jobs.list_jobs(target, planned.use, name_contains=planned.kind)
    alike = re.compile(rf"{re.escape(planned.kind)}-[^-]+$")  # so that SMOTE-NC's jobs don't count as SMOTE's
    exact = planned.kind.startswith(rebalancing_jobs.JOB_NAME_PREFIX)
    done = [job.name for job in listed if job.status == "Completed" and (not exact or alike.match(job.name))]
    return [(input_rows_uri(job), usage_of_job(job).seconds) for job in _newest_own_jobs(target, planned.use, done)]


def _trial_durations(target: Target, data: str) -> list[tuple[str, float]]:
    """(URI of its rows, seconds) of each trial of the newest tuning job, preferably of one on the same rows."""
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
    """The newest of these jobs that this product launched, read in full. Only the first few are read: other people's jobs may have similar
    names."""
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
    """The URI of the rows that a job reads; "" if unknown."""
    inputs = {i["InputName"]: str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if "S3Input" in i}
    return jobs.channel_uris(job).get("train", "") or next((inputs[name] for name in ("data", "dataset", "train") if name in inputs), "")


# what each form launches ---------------------------------------------------------------------------


def plan_rebalancing(settings: Settings, methods: Sequence[str], rows_uri: str = "") -> tuple[PlannedJobs, ...]:
    """A job for each method, on the data set at ``rows_uri``."""
    return tuple(_plan_processing(settings, f"{rebalancing_jobs.JOB_NAME_PREFIX}-{method}", rows_uri) for method in methods)


def plan_training(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """One training job on the rows at ``rows_uri``."""
    return (PlannedJobs("training", training_jobs.JOB_NAME_PREFIX, settings.instance_type, rows_uri),)


def plan_tuning(settings: Settings, request: TuningRequest) -> tuple[PlannedJobs, ...]:
    """All trials, the measurement of their bias and the best one's report."""
    rows, trials = request.rebalanced.uri("train_res.csv"), grid_size(request.ranges) if request.strategy == "Grid" else request.max_jobs
    return (
        PlannedJobs("training", TRIALS_KIND, request.instance_type or settings.instance_type, rows, trials),
        *plan_trial_bias(settings, request.rebalanced.uri(trial_bias_jobs.ROWS_FILE)),
        *plan_xgboost_report(settings, rows),
    )


def plan_trial_bias(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The job that measures all trials of a tuning job."""
    return (_plan_processing(settings, trial_bias_jobs.JOB_NAME_PREFIX, rows_uri),)


def plan_xgboost_report(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The job that writes a model's XGBoost report."""
    return (_plan_processing(settings, xgboost_report_jobs.JOB_NAME_PREFIX, rows_uri),)


def plan_bias_report(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The bias job of one model."""
    return (_plan_processing(settings, bias_jobs.JOB_NAME_PREFIX, rows_uri),)


def plan_explanation(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The SHAP job of one model."""
    return (_plan_processing(settings, shap_jobs.JOB_NAME_PREFIX, rows_uri),)


def plan_reasons(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The job that looks for one model's reasons and proxies."""
    return (_plan_processing(settings, reasons_jobs.JOB_NAME_PREFIX, rows_uri),)


def plan_evaluation(settings: Settings, rows_uri: str) -> tuple[PlannedJobs, ...]:
    """The bias and SHAP jobs that come before a registration."""
    return (*plan_bias_report(settings, rows_uri), *plan_explanation(settings, rows_uri))


def plan_workflow(settings: Settings, trials: int) -> tuple[PlannedJobs, ...]:
    """The whole workflow, on rows that aren't in S3 yet."""
    return (
        *plan_rebalancing(settings, [rebalancing_jobs.RebalancingOptions().method]),
        *plan_training(settings, ""),
        PlannedJobs("training", TRIALS_KIND, settings.instance_type, "", trials),
        replace(plan_bias_report(settings, "")[0], jobs=2),
        replace(plan_explanation(settings, "")[0], jobs=2),
        *plan_xgboost_report(settings, ""),
    )


def _plan_processing(settings: Settings, kind: str, rows_uri: str) -> PlannedJobs:
    return PlannedJobs("processing", kind, request_defaults.processing_instance_type(settings), rows_uri)
