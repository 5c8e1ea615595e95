"""A tuning job: optuna's samplers choose, training jobs try, the best is kept.

The study is rebuilt from the training jobs' records, so a tuning job goes on where a crash left it.
"""

from __future__ import annotations

import itertools
import math
import random
import secrets
import statistics
import time
from typing import Any

from engine.context import AWSError, Context
from engine.jobs import tuning_completion
from engine.store.records import Body

KIND = "hyper-parameter-tuning-job"
OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
"""The hyperparameter in which tuning tells the algorithm its objective."""
RUNNING_STATUSES = {"InProgress", "Stopping"}
POLL_SECONDS = 0.5


class SearchSpace:
    """The ranges of a tuning job as optuna's distributions, and values as SageMaker's strings."""

    def __init__(self, ranges: Body) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self.distributions: dict[str, Any] = {}
        self.reverse_logarithmic: set[str] = set()
        for item in ranges.get("IntegerParameterRanges", []):
            low, high = int(item["MinValue"]), int(item["MaxValue"])
            self.distributions[item["Name"]] = IntDistribution(low, high, log=_is_logarithmic(item, low, high))
        for item in ranges.get("ContinuousParameterRanges", []):
            low_, high_ = float(item["MinValue"]), float(item["MaxValue"])
            if item.get("ScalingType") == "ReverseLogarithmic":
                self.reverse_logarithmic.add(item["Name"])
                self.distributions[item["Name"]] = FloatDistribution(1 - high_, 1 - low_, log=True)
            else:
                self.distributions[item["Name"]] = FloatDistribution(low_, high_, log=_is_logarithmic(item, low_, high_))
        for item in ranges.get("CategoricalParameterRanges", []):
            self.distributions[item["Name"]] = CategoricalDistribution(item["Values"])

    def to_hyperparameters(self, values: dict[str, Any]) -> dict[str, str]:
        """The hyperparameters of a training job."""
        return {name: str(1 - value if name in self.reverse_logarithmic else value) for name, value in values.items()}

    def grid_point(self, number: int) -> dict[str, str]:
        """The hyperparameters of the grid's point ``number``, from 0."""
        choices = [d.choices if hasattr(d, "choices") else range(d.low, d.high + 1) for d in self.distributions.values()]
        found = next(itertools.islice(itertools.product(*choices), number, None))
        return self.to_hyperparameters(dict(zip(self.distributions, found, strict=True)))

    def values(self, texts: dict[str, str]) -> dict[str, Any] | None:
        """The values behind a training job's hyperparameters, or None when they lie outside the ranges."""
        from optuna.distributions import CategoricalDistribution, IntDistribution

        found: dict[str, Any] = {}
        for name, distribution in self.distributions.items():
            if name not in texts:
                return None
            text = texts[name]
            if isinstance(distribution, CategoricalDistribution):
                value: Any = text
            elif isinstance(distribution, IntDistribution):
                value = int(text)
            else:
                value = 1 - float(text) if name in self.reverse_logarithmic else float(text)
            if isinstance(distribution, CategoricalDistribution):
                if value not in distribution.choices:
                    return None
            elif not distribution.low <= value <= distribution.high:
                value = min(max(value, distribution.low), distribution.high)
            found[name] = value
        return found


def _is_logarithmic(item: Body, low: float, high: float) -> bool:
    scaling = item.get("ScalingType", "Auto")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= 100)


def _make_sampler(strategy: str, seed: int) -> Any:
    import optuna

    if strategy == "Random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed, n_startup_trials=5)


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
    return context.store.list_records("training-job", ("parent", "=", arn))


def final_objective(job: Body, metric: str) -> float | None:
    """The final objective of a training job, or None when it made none."""
    return next((float(m["Value"]) for m in job.get("FinalMetricDataList", []) if m["MetricName"] == metric), None)


def run_tuning(context: Context, name: str, monotonic_start: float) -> None:
    """Run a tuning job, which began then by ``time.monotonic``, to its end; returns early when the engine stops."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    body = context.store.get(KIND, name)
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
    ) % 2**32  # after a crash, not the first trials once more
    study = optuna.create_study(direction="maximize" if direction == "Maximize" else "minimize", sampler=_make_sampler(strategy, seed))
    for past, known in _warm_start_trials(context, body, space, metric):
        study.add_trial(optuna.trial.create_trial(params=known, distributions=space.distributions, value=past))
    asked: dict[str, Any] = {}
    told: set[str] = set()
    deadline = monotonic_start + (limits.get("MaxRuntimeInSeconds") or math.inf)
    rung = _Hyperband(most) if strategy == "Hyperband" else None
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
                _stop_training(context, job["TrainingJobName"])
            if not running:
                context.jobs.finish_job(KIND, name, "Stopped" if stopping else "Completed")
                return
        elif len(jobs) >= most and not running:
            values_ = [final_objective(job, metric) for job in jobs]
            if all(value is None for value in values_):
                reason = next((job["FailureReason"] for job in jobs if job.get("FailureReason")), f"no training job emitted {metric}")
                context.jobs.finish_job(KIND, name, "Failed", f"All training jobs failed. The first said: {reason}")
            else:
                context.jobs.finish_job(KIND, name, "Completed")
            return
        elif len(jobs) < most and len(running) < limits["MaxParallelTrainingJobs"]:
            job_name = f"{name}-{len(jobs) + 1:03}-{secrets.token_hex(4)}"
            parameters = rung.choose_overrides(len(jobs), training_definition(body), jobs, metric, direction) if rung is not None else {}
            if strategy == "Grid":
                parameters = space.grid_point(len(jobs))
            elif not space.distributions.keys() <= parameters.keys():
                asked[job_name] = study.ask(space.distributions)
                parameters = {**space.to_hyperparameters(asked[job_name].params), **parameters}
            _launch_trial(context, body, job_name, parameters, metric)
            continue
        if config.get("TrainingJobEarlyStoppingType") == "Auto":
            _stop_early(context, jobs, metric, direction)
        context.jobs.wait_for_change(POLL_SECONDS, seen)


class _Hyperband:
    """Successive halving over ``num_round``: most trials are short, the promising settings are run in full."""

    def __init__(self, most: int) -> None:
        self.round_shares = [1 / 9, 1 / 3, 1.0][-most:]
        self.max_trials = most

    def choose_overrides(self, number: int, definition_: Body, jobs: list[Body], metric: str, direction: str) -> dict[str, str]:
        """The hyperparameters to override for trial ``number``: a share of the rounds, and a past winner's values for the longer ones."""
        full = int(definition_.get("StaticHyperParameters", {}).get("num_round", "100"))
        share = self.round_shares[len(self.round_shares) * number // self.max_trials]
        override = {"num_round": str(max(1, round(full * share)))}
        if number and share > self.round_shares[0]:
            done = [
                (value, job)
                for job in jobs
                if (value := final_objective(job, metric)) is not None and job["TrainingJobStatus"] not in RUNNING_STATUSES
            ]
            tried = {_settings_key(job) for job in jobs if int(job["HyperParameters"]["num_round"]) >= int(override["num_round"])}
            done = [(value, job) for value, job in done if _settings_key(job) not in tried]
            if done:
                best = sorted(done, key=lambda pair: pair[0], reverse=direction == "Maximize")[0][1]
                static = set(definition_.get("StaticHyperParameters", {})) | {OBJECTIVE_HYPERPARAMETER, "num_round"}
                override |= {k: v for k, v in best["HyperParameters"].items() if k not in static}
        return override


def _settings_key(job: Body) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in job["HyperParameters"].items() if k != "num_round"))


def _warm_start_trials(context: Context, body: Body, space: SearchSpace, metric: str) -> list[tuple[float, dict[str, Any]]]:
    """(objective, values) of the parents' trials of a warm start."""
    found = []
    for parent in body.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        for job in list_trial_jobs(context, context.arn(f"hyper-parameter-tuning-job/{parent['HyperParameterTuningJobName']}")):
            value, values = final_objective(job, metric), space.values(job["HyperParameters"])
            if value is not None and values is not None:
                found.append((value, values))
    return found


def _launch_trial(context: Context, body: Body, name: str, parameters: dict[str, str], metric: str) -> None:
    from engine.sagemaker.training_jobs import launch_training_job

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
    launch_training_job(context, request, tuning_arn=body["HyperParameterTuningJobArn"])


def _stop_training(context: Context, name: str) -> None:
    from engine.sagemaker.training_jobs import cancel_training_job

    job = context.store.get("training-job", name)
    if job is not None and job["TrainingJobStatus"] == "InProgress":
        try:
            cancel_training_job(context, name)
        except AWSError as error:
            if error.code != "ValidationException":
                raise


def _stop_early(context: Context, jobs: list[Body], metric: str, direction: str) -> None:
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
            _stop_training(context, job["TrainingJobName"])


def _read_metric_curve(context: Context, name: str, metric: str) -> list[float]:
    from engine.jobs.worker import METRIC_PATTERN, ROUND_PATTERN

    group = "/aws/sagemaker/TrainingJobs"
    values = []
    for stream, _, _ in context.store.list_log_streams(group, f"{name}/"):
        for _, _, message in context.store.read_log_events(group, stream):
            if ROUND_PATTERN.match(message):
                values += [float(value) for channel, what, value in METRIC_PATTERN.findall(message) if f"{channel}:{what}" == metric]
    return values


def _objectives_by_end_time(jobs: list[Body], metric: str) -> list[float]:
    """The objectives of the training jobs that have ended, in the order of their ends."""
    ended = [(job.get("TrainingEndTime", 0.0), value) for job in jobs if (value := final_objective(job, metric)) is not None]
    return [value for _, value in sorted(ended, key=lambda pair: pair[0])]


def _best_of_parents(context: Context, body: Body, metric: str) -> list[tuple[float, Body, Body]]:
    """(objective, training job, tuning job) of the best job of each parent of a warm start."""
    found = []
    for parent in body["WarmStartConfig"]["ParentHyperParameterTuningJobs"]:
        tuning = context.store.get(KIND, parent["HyperParameterTuningJobName"])
        best = (tuning or {}).get("OverallBestTrainingJob") or (tuning or {}).get("BestTrainingJob")
        job = context.store.get("training-job", best["TrainingJobName"]) if best else None
        value = final_objective(job, metric) if job else None
        if tuning is not None and job is not None and value is not None:
            found.append((value, job, tuning))
    return found


def _update_tuning_record(context: Context, tuning: Body, jobs: list[Body]) -> Body:
    """Write the counters, the best job, the consumed resources and what the completion criteria look at into the tuning job's record."""
    from engine.sagemaker.tuning_jobs import summarize_trial

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

    written = context.store.get(KIND, name)
    assert written is not None
    if with_counts(written) == written:  # nothing to write: a write waits for the disk
        return written
    updated = context.store.update(KIND, name, lambda body: with_counts(body) | {"LastModifiedTime": now}, now=now)
    assert updated is not None
    return updated
