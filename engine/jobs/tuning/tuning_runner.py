"""A tuning job: optuna's samplers choose hyperparameters, training jobs try them, and the best is kept.

The study is rebuilt from the training jobs' records, so a tuning job goes on where a crash interrupted it.
"""

from __future__ import annotations

import math
import random
import secrets
import statistics
import time
from typing import Any

from engine.context import Context
from engine.jobs.job_service import JobService
from engine.jobs.states import LOG_GROUPS, RUNNING_STATUSES, TRAINING_JOB, TUNING_JOB
from engine.jobs.tuning import tuning_completion
from engine.jobs.tuning.search_space import SearchSpace
from engine.jobs.tuning.successive_halving import SuccessiveHalving
from engine.jobs.tuning.tuning_record import (
    OBJECTIVE_HYPERPARAMETER,
    final_objective,
    grid_size,
    list_trial_jobs,
    objective_metric,
    parameter_ranges,
    summarize_trial,
    training_definition,
    tuned_hyperparameters,
)
from engine.jobs.workers.metric_lines import read_metrics
from engine.store.records import Body

POLL_SECONDS = 0.5


def _make_sampler(strategy: str, seed: int) -> Any:
    import optuna

    if strategy == "Random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed, n_startup_trials=5)


def run_tuning(context: Context, service: JobService, name: str, monotonic_start: float) -> None:
    """Run a tuning job to its end; returns early when the engine stops. ``monotonic_start``: when it began, by ``time.monotonic``."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    body = context.store.get(TUNING_JOB, name)
    if body is None or body["HyperParameterTuningJobStatus"] not in RUNNING_STATUSES:
        return
    config = body["HyperParameterTuningJobConfig"]
    ranges = parameter_ranges(body)
    space = SearchSpace(ranges)
    strategy = config["Strategy"]
    metric, direction = objective_metric(body)
    limits = config["ResourceLimits"]
    most = grid_size(ranges) if strategy == "Grid" else limits["MaxNumberOfTrainingJobs"]
    most = min(most, limits.get("MaxNumberOfTrainingJobs") or most)
    seed = config.get("RandomSeed", random.Random(name).randrange(2**31))  # noqa: S311 - a seed, no secret
    seed = (
        seed + len(list_trial_jobs(context, body["HyperParameterTuningJobArn"]))
    ) % 2**32  # so that a job resumed after a crash doesn't repeat its first trials
    study = optuna.create_study(direction="maximize" if direction == "Maximize" else "minimize", sampler=_make_sampler(strategy, seed))
    for past, known in _warm_start_trials(context, body, space, metric):
        study.add_trial(optuna.trial.create_trial(params=known, distributions=space.distributions, value=past))
    asked: dict[str, Any] = {}
    told: set[str] = set()
    deadline = monotonic_start + (limits.get("MaxRuntimeInSeconds") or math.inf)
    rung = SuccessiveHalving(most) if strategy == "Hyperband" else None
    while not context.jobs.closing:
        seen = context.jobs.change_count
        jobs = list_trial_jobs(context, body["HyperParameterTuningJobArn"])
        for job in jobs:
            job_name = job["TrainingJobName"]
            value = final_objective(job, metric)
            if job["TrainingJobStatus"] in RUNNING_STATUSES or job_name in told:
                continue
            told.add(job_name)
            if job_name in asked:
                state = None if value is not None else optuna.trial.TrialState.FAIL
                study.tell(asked[job_name], value, state=state)
            elif value is not None and (values := space.values(job["HyperParameters"])) is not None:
                study.add_trial(optuna.trial.create_trial(params=values, distributions=space.distributions, value=value))
        body = _update_tuning_record(context, body, jobs)
        running = [job for job in jobs if job["TrainingJobStatus"] in RUNNING_STATUSES]
        stopping = body["HyperParameterTuningJobStatus"] == "Stopping" or time.monotonic() > deadline
        done = tuning_completion.has_met_criteria(body, _objectives_by_end_time(jobs, metric), maximize=direction == "Maximize")
        if stopping or done:
            for job in running:
                service.stop_training_job(job["TrainingJobName"])
            if not running:
                context.jobs.finish_job(TUNING_JOB, name, "Stopped" if stopping else "Completed")
                return
        elif len(jobs) >= most and not running:
            values_ = [final_objective(job, metric) for job in jobs]
            if all(value is None for value in values_):
                reason = next((job["FailureReason"] for job in jobs if job.get("FailureReason")), f"no training job emitted {metric}")
                context.jobs.finish_job(TUNING_JOB, name, "Failed", f"All training jobs failed. The first said: {reason}")
            else:
                context.jobs.finish_job(TUNING_JOB, name, "Completed")
            return
        elif len(jobs) < most and len(running) < limits["MaxParallelTrainingJobs"]:
            job_name = f"{name}-{len(jobs) + 1:03}-{secrets.token_hex(4)}"
            parameters = rung.choose_overrides(len(jobs), training_definition(body), jobs, metric, direction) if rung is not None else {}
            if strategy == "Grid":
                parameters = space.grid_point(len(jobs))
            elif not space.distributions.keys() <= parameters.keys():
                asked[job_name] = study.ask(space.distributions)
                parameters = {**space.to_hyperparameters(asked[job_name].params), **parameters}
            _launch_trial(context, service, body, job_name, parameters, metric)
            continue
        if config.get("TrainingJobEarlyStoppingType") == "Auto":
            _stop_early(context, service, jobs, metric, direction)
        context.jobs.wait_for_change(POLL_SECONDS, seen)


def _warm_start_trials(context: Context, body: Body, space: SearchSpace, metric: str) -> list[tuple[float, dict[str, Any]]]:
    """(objective, values) of the trials of a warm start's parent jobs that this job could have tried itself: all values in its ranges, and
    what the parent tuned and this job fixes equal to the fixed value."""
    found = []
    fixed = training_definition(body).get("StaticHyperParameters", {})
    for parent in body.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        tuning = context.store.get(TUNING_JOB, parent["HyperParameterTuningJobName"])
        compared = fixed.keys() & tuned_hyperparameters(tuning) if tuning else set()
        for job in list_trial_jobs(context, context.arn(f"{TUNING_JOB}/{parent['HyperParameterTuningJobName']}")):
            tried = job["HyperParameters"]
            value, values = final_objective(job, metric), space.values(tried)
            if value is not None and values is not None and all(_is_same_setting(tried[name], fixed[name]) for name in compared):
                found.append((value, values))
    return found


def _is_same_setting(a: str, b: str) -> bool:
    """Whether two hyperparameters' texts mean the same: equal, or the same number."""
    try:
        return a == b or float(a) == float(b)
    except ValueError:
        return False


def _launch_trial(context: Context, service: JobService, body: Body, name: str, parameters: dict[str, str], metric: str) -> None:
    source = training_definition(body)
    request = {
        "TrainingJobName": name,
        "HyperParameters": {**source.get("StaticHyperParameters", {}), **parameters, OBJECTIVE_HYPERPARAMETER: metric},
        "AlgorithmSpecification": source["AlgorithmSpecification"],
        "RoleArn": source["RoleArn"],
        "InputDataConfig": source.get("InputDataConfig", []),
        "OutputDataConfig": source["OutputDataConfig"],
        "ResourceConfig": source.get("ResourceConfig", {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}),
        "StoppingCondition": source["StoppingCondition"],
        "Environment": source.get("Environment", {}),
        "Tags": [{"Key": key, "Value": value} for key, value in context.store.read_tags(body["HyperParameterTuningJobArn"]).items()],
    }
    service.launch_training_job(request, tuning_arn=body["HyperParameterTuningJobArn"])


def _stop_early(context: Context, service: JobService, jobs: list[Body], metric: str, direction: str) -> None:
    """SageMaker's median rule: stop a job whose objective is worse than the median of the finished ones at the same round."""
    done = [job for job in jobs if job["TrainingJobStatus"] == "Completed"]
    if len(done) < 3:
        return
    curves = [_read_metric_curve(context, job["TrainingJobName"], metric) for job in done]
    for job in jobs:
        if job["TrainingJobStatus"] != "InProgress":
            continue
        curve = _read_metric_curve(context, job["TrainingJobName"], metric)
        if len(curve) < 5:
            continue
        others = [statistics.fmean(other[: len(curve)]) for other in curves if other]
        best = max(curve) if direction == "Maximize" else min(curve)
        if others and (best < statistics.median(others) if direction == "Maximize" else best > statistics.median(others)):
            service.stop_training_job(job["TrainingJobName"])


def _read_metric_curve(context: Context, name: str, metric: str) -> list[float]:
    """The values of a metric in a training job's log, round by round."""
    group = LOG_GROUPS[TRAINING_JOB]
    values = []
    for stream, _, _ in context.store.list_log_streams(group, f"{name}/"):
        for _, _, message in context.store.read_log_events(group, stream):
            values += [value for found, value in read_metrics(message) if found == metric]
    return values


def _objectives_by_end_time(jobs: list[Body], metric: str) -> list[float]:
    """The objectives of the training jobs that have ended, in the order of their ends."""
    ended = [(job.get("TrainingEndTime", 0.0), value) for job in jobs if (value := final_objective(job, metric)) is not None]
    return [value for _, value in sorted(ended, key=lambda pair: pair[0])]


def _best_of_parents(context: Context, body: Body, metric: str) -> list[tuple[float, Body, Body]]:
    """(objective, training job, tuning job) of the best job of each parent of a warm start."""
    found = []
    for parent in body["WarmStartConfig"]["ParentHyperParameterTuningJobs"]:
        tuning = context.store.get(TUNING_JOB, parent["HyperParameterTuningJobName"])
        best = (tuning or {}).get("OverallBestTrainingJob") or (tuning or {}).get("BestTrainingJob")
        job = context.store.get(TRAINING_JOB, best["TrainingJobName"]) if best else None
        value = final_objective(job, metric) if job else None
        if tuning is not None and job is not None and value is not None:
            found.append((value, job, tuning))
    return found


def _update_tuning_record(context: Context, tuning: Body, jobs: list[Body]) -> Body:
    """Write the counters, the best job, the consumed resources and what the completion criteria look at into the tuning job's record."""
    metric, direction = objective_metric(tuning)
    states = [job["TrainingJobStatus"] for job in jobs]
    scored = [(value, job) for job in jobs if (value := final_objective(job, metric)) is not None]
    ended = [job for job in jobs if job["TrainingJobStatus"] not in RUNNING_STATUSES]
    fields: Body = {
        "TrainingJobStatusCounters": {
            "Completed": states.count("Completed"),
            "InProgress": states.count("InProgress") + states.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": states.count("Failed"),
            "Stopped": states.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": sum(1 for _, job in scored if job["TrainingJobStatus"] not in RUNNING_STATUSES),
            "Pending": len(jobs) - len(ended),
            "Failed": sum(1 for job in ended if final_objective(job, metric) is None),
        },
        "ConsumedResources": {"RuntimeInSeconds": max(0, round(context.now() - tuning["CreationTime"]))},
    }
    finished = [(value, job) for value, job in scored if job["TrainingJobStatus"] in {"Completed", "Stopped"} and "ModelArtifacts" in job]
    if finished:
        choose = max if direction == "Maximize" else min
        best = choose(finished, key=lambda pair: pair[0])
        fields["BestTrainingJob"] = summarize_trial(best[1], tuning)
        if tuning.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
            overall, of = choose([(*best, tuning), *_best_of_parents(context, tuning, metric)], key=lambda found: found[0])[1:]
            fields["OverallBestTrainingJob"] = summarize_trial(overall, of) | {"TuningJobName": of["HyperParameterTuningJobName"]}
    now, name, values = context.now(), tuning["HyperParameterTuningJobName"], _objectives_by_end_time(jobs, metric)

    def with_counts(body: Body) -> Body:
        details = tuning_completion.completion_details(body, values, maximize=direction == "Maximize", now=now)
        return {**body, **fields, "TuningJobCompletionDetails": details}

    written = context.store.get(TUNING_JOB, name)
    assert written is not None
    if with_counts(written) == written:  # nothing changed: don't wait for the disk
        return written
    updated = context.store.update(TUNING_JOB, name, lambda body: with_counts(body) | {"LastModifiedTime": now}, now=now)
    assert updated is not None
    return updated
