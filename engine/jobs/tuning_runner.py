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
from engine.jobs import completion
from engine.store import Body

KIND = "hyper-parameter-tuning-job"
OBJECTIVE = "_tuning_objective_metric"
"""The hyperparameter in which tuning tells the algorithm its objective."""
RUNNING = {"InProgress", "Stopping"}
POLL_SECONDS = 0.5


class Space:
    """The ranges of a tuning job as optuna's distributions, and values as SageMaker's strings."""

    def __init__(self, ranges: Body) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self.distributions: dict[str, Any] = {}
        self.reverse: set[str] = set()
        for item in ranges.get("IntegerParameterRanges", []):
            low, high = int(item["MinValue"]), int(item["MaxValue"])
            self.distributions[item["Name"]] = IntDistribution(low, high, log=_logarithmic(item, low, high))
        for item in ranges.get("ContinuousParameterRanges", []):
            low_, high_ = float(item["MinValue"]), float(item["MaxValue"])
            if item.get("ScalingType") == "ReverseLogarithmic":
                self.reverse.add(item["Name"])
                self.distributions[item["Name"]] = FloatDistribution(1 - high_, 1 - low_, log=True)
            else:
                self.distributions[item["Name"]] = FloatDistribution(low_, high_, log=_logarithmic(item, low_, high_))
        for item in ranges.get("CategoricalParameterRanges", []):
            self.distributions[item["Name"]] = CategoricalDistribution(item["Values"])

    def texts(self, values: dict[str, Any]) -> dict[str, str]:
        """The hyperparameters of a training job."""
        return {name: str(1 - value if name in self.reverse else value) for name, value in values.items()}

    def point(self, number: int) -> dict[str, str]:
        """The hyperparameters of the grid's point ``number``, from 0."""
        choices = [d.choices if hasattr(d, "choices") else range(d.low, d.high + 1) for d in self.distributions.values()]
        found = next(itertools.islice(itertools.product(*choices), number, None))
        return self.texts(dict(zip(self.distributions, found, strict=True)))

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
                value = 1 - float(text) if name in self.reverse else float(text)
            if isinstance(distribution, CategoricalDistribution):
                if value not in distribution.choices:
                    return None
            elif not distribution.low <= value <= distribution.high:
                value = min(max(value, distribution.low), distribution.high)
            found[name] = value
        return found


def _logarithmic(item: Body, low: float, high: float) -> bool:
    scaling = item.get("ScalingType", "Auto")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= 100)


def _sampler(strategy: str, seed: int) -> Any:
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


def definition(body: Body) -> Body:
    """The one training job definition of a tuning job."""
    return dict(body["TrainingJobDefinition"] if "TrainingJobDefinition" in body else body["TrainingJobDefinitions"][0])


def ranges_of(body: Body) -> Body:
    """The ParameterRanges of a tuning job."""
    return body["HyperParameterTuningJobConfig"].get("ParameterRanges") or definition(body).get("HyperParameterRanges") or {}


def tuned_names(body: Body) -> set[str]:
    """The hyperparameters that a tuning job searches."""
    return {item["Name"] for ranges in ranges_of(body).values() if isinstance(ranges, list) for item in ranges if "Name" in item}


def objective(body: Body) -> tuple[str, str]:
    """(metric, ``Maximize`` or ``Minimize``)."""
    found = body["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective") or definition(body)["TuningObjective"]
    return found["MetricName"], found["Type"]


def jobs_of(context: Context, arn: str) -> list[Body]:
    """The training jobs of a tuning job, oldest first."""
    return context.store.all("training-job", ("parent", "=", arn))


def value_of(job: Body, metric: str) -> float | None:
    """The final objective of a training job, or None when it made none."""
    return next((float(m["Value"]) for m in job.get("FinalMetricDataList", []) if m["MetricName"] == metric), None)


def run_tuning(context: Context, name: str, began: float) -> None:
    """Run a tuning job, which began then by ``time.monotonic``, to its end; returns early when the engine stops."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    body = context.store.get(KIND, name)
    if body is None or body["HyperParameterTuningJobStatus"] not in RUNNING:
        return
    config = body["HyperParameterTuningJobConfig"]
    ranges = ranges_of(body)
    space = Space(ranges)
    strategy = config["Strategy"]
    metric, direction = objective(body)
    limits = config["ResourceLimits"]
    most = grid_size(ranges) if strategy == "Grid" else limits["MaxNumberOfTrainingJobs"]
    most = min(most, limits.get("MaxNumberOfTrainingJobs") or most)
    seed = config.get("RandomSeed", random.Random(name).randrange(2**31))  # noqa: S311 - a seed, no secret
    seed = (seed + len(jobs_of(context, body["HyperParameterTuningJobArn"]))) % 2**32  # after a crash, not the first trials once more
    study = optuna.create_study(direction="maximize" if direction == "Maximize" else "minimize", sampler=_sampler(strategy, seed))
    for past, known in _earlier(context, body, space, metric):
        study.add_trial(optuna.trial.create_trial(params=known, distributions=space.distributions, value=past))
    asked: dict[str, Any] = {}
    told: set[str] = set()
    deadline = began + (limits.get("MaxRuntimeInSeconds") or math.inf)
    rung = _Hyperband(most) if strategy == "Hyperband" else None
    while not context.jobs.closing:
        seen = context.jobs.changes
        jobs = jobs_of(context, body["HyperParameterTuningJobArn"])
        for job in jobs:
            job_name = job["TrainingJobName"]
            value = value_of(job, metric)
            if job["TrainingJobStatus"] in RUNNING or job_name in told:
                continue
            told.add(job_name)
            if job_name in asked:
                state = None if value is not None else optuna.trial.TrialState.FAIL
                study.tell(asked[job_name], value, state=state)
            elif value is not None and (values := space.values(job["HyperParameters"])) is not None:
                study.add_trial(optuna.trial.create_trial(params=values, distributions=space.distributions, value=value))
        body = _count(context, body, jobs)
        running = [job for job in jobs if job["TrainingJobStatus"] in RUNNING]
        stopping = body["HyperParameterTuningJobStatus"] == "Stopping" or time.monotonic() > deadline
        done = completion.met(body, _values(jobs, metric), maximize=direction == "Maximize")
        if stopping or done:
            for job in running:
                _stop_training(context, job["TrainingJobName"])
            if not running:
                context.jobs.finish(KIND, name, "Stopped" if stopping else "Completed")
                return
        elif len(jobs) >= most and not running:
            values_ = [value_of(job, metric) for job in jobs]
            if all(value is None for value in values_):
                reason = next((job["FailureReason"] for job in jobs if job.get("FailureReason")), f"no training job emitted {metric}")
                context.jobs.finish(KIND, name, "Failed", f"All training jobs failed. The first said: {reason}")
            else:
                context.jobs.finish(KIND, name, "Completed")
            return
        elif len(jobs) < most and len(running) < limits["MaxParallelTrainingJobs"]:
            job_name = f"{name}-{len(jobs) + 1:03}-{secrets.token_hex(4)}"
            parameters = rung.rounds(len(jobs), definition(body), jobs, metric, direction) if rung is not None else {}
            if strategy == "Grid":
                parameters = space.point(len(jobs))
            elif not space.distributions.keys() <= parameters.keys():
                asked[job_name] = study.ask(space.distributions)
                parameters = {**space.texts(asked[job_name].params), **parameters}
            _launch(context, body, job_name, parameters, metric)
            continue
        if config.get("TrainingJobEarlyStoppingType") == "Auto":
            _stop_early(context, jobs, metric, direction)
        context.jobs.wait(POLL_SECONDS, seen)


class _Hyperband:
    """Successive halving over ``num_round``: most trials are short, the promising settings are run in full."""

    def __init__(self, most: int) -> None:
        self.brackets = [1 / 9, 1 / 3, 1.0][-most:]
        self.most = most

    def rounds(self, number: int, definition_: Body, jobs: list[Body], metric: str, direction: str) -> dict[str, str]:
        """The hyperparameters to override for trial ``number``: a share of the rounds, and a past winner's values for the longer ones."""
        full = int(definition_.get("StaticHyperParameters", {}).get("num_round", "100"))
        share = self.brackets[len(self.brackets) * number // self.most]
        override = {"num_round": str(max(1, round(full * share)))}
        if number and share > self.brackets[0]:
            done = [
                (value, job) for job in jobs if (value := value_of(job, metric)) is not None and job["TrainingJobStatus"] not in RUNNING
            ]
            tried = {_key(job) for job in jobs if int(job["HyperParameters"]["num_round"]) >= int(override["num_round"])}
            done = [(value, job) for value, job in done if _key(job) not in tried]
            if done:
                best = sorted(done, key=lambda pair: pair[0], reverse=direction == "Maximize")[0][1]
                static = set(definition_.get("StaticHyperParameters", {})) | {OBJECTIVE, "num_round"}
                override |= {k: v for k, v in best["HyperParameters"].items() if k not in static}
        return override


def _key(job: Body) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in job["HyperParameters"].items() if k != "num_round"))


def _earlier(context: Context, body: Body, space: Space, metric: str) -> list[tuple[float, dict[str, Any]]]:
    """(objective, values) of the parents' trials of a warm start."""
    found = []
    for parent in body.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", []):
        for job in jobs_of(context, context.arn(f"hyper-parameter-tuning-job/{parent['HyperParameterTuningJobName']}")):
            value, values = value_of(job, metric), space.values(job["HyperParameters"])
            if value is not None and values is not None:
                found.append((value, values))
    return found


def _launch(context: Context, body: Body, name: str, parameters: dict[str, str], metric: str) -> None:
    from engine.sagemaker.training import start

    source = definition(body)
    request = {
        "TrainingJobName": name,
        "HyperParameters": {**source.get("StaticHyperParameters", {}), **parameters, OBJECTIVE: metric},
        "AlgorithmSpecification": source["AlgorithmSpecification"],
        "RoleArn": source["RoleArn"],
        "InputDataConfig": source.get("InputDataConfig", []),
        "OutputDataConfig": source["OutputDataConfig"],
        "ResourceConfig": source.get("ResourceConfig", {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}),
        "StoppingCondition": source["StoppingCondition"],
        "Environment": source.get("Environment", {}),
        "Tags": [{"Key": key, "Value": value} for key, value in context.store.tags(body["HyperParameterTuningJobArn"]).items()],
    }
    start(context, request, tuning_arn=body["HyperParameterTuningJobArn"])


def _stop_training(context: Context, name: str) -> None:
    from engine.sagemaker.training import stop

    job = context.store.get("training-job", name)
    if job is not None and job["TrainingJobStatus"] == "InProgress":
        try:
            stop(context, name)
        except AWSError as error:
            if error.code != "ValidationException":
                raise


def _stop_early(context: Context, jobs: list[Body], metric: str, direction: str) -> None:
    """SageMaker's median rule: stop a job whose objective is worse than the median of the finished ones at the same round."""
    done = [job for job in jobs if job["TrainingJobStatus"] == "Completed"]
    if len(done) < 3:
        return
    curves = [_curve(context, job["TrainingJobName"], metric) for job in done]
    for job in jobs:
        if job["TrainingJobStatus"] != "InProgress":
            continue
        curve = _curve(context, job["TrainingJobName"], metric)
        if len(curve) < 5:
            continue
        others = [statistics.fmean(other[: len(curve)]) for other in curves if other]
        best = max(curve) if direction == "Maximize" else min(curve)
        if others and (best < statistics.median(others) if direction == "Maximize" else best > statistics.median(others)):
            _stop_training(context, job["TrainingJobName"])


def _curve(context: Context, name: str, metric: str) -> list[float]:
    from engine.jobs.worker import METRIC, ROUND

    group = "/aws/sagemaker/TrainingJobs"
    values = []
    for stream, _, _ in context.store.streams(group, f"{name}/"):
        for _, _, message in context.store.events(group, stream):
            if ROUND.match(message):
                values += [float(value) for channel, what, value in METRIC.findall(message) if f"{channel}:{what}" == metric]
    return values


def _values(jobs: list[Body], metric: str) -> list[float]:
    """The objectives of the training jobs that have ended, in the order of their ends."""
    ended = [(job.get("TrainingEndTime", 0.0), value) for job in jobs if (value := value_of(job, metric)) is not None]
    return [value for _, value in sorted(ended, key=lambda pair: pair[0])]


def _parents_best(context: Context, body: Body, metric: str) -> list[tuple[float, Body, Body]]:
    """(objective, training job, tuning job) of the best job of each parent of a warm start."""
    found = []
    for parent in body["WarmStartConfig"]["ParentHyperParameterTuningJobs"]:
        tuning = context.store.get(KIND, parent["HyperParameterTuningJobName"])
        best = (tuning or {}).get("OverallBestTrainingJob") or (tuning or {}).get("BestTrainingJob")
        job = context.store.get("training-job", best["TrainingJobName"]) if best else None
        value = value_of(job, metric) if job else None
        if tuning is not None and job is not None and value is not None:
            found.append((value, job, tuning))
    return found


def _count(context: Context, tuning: Body, jobs: list[Body]) -> Body:
    """Write the counters, the best job, the consumed resources and what the completion criteria look at into the tuning job's record."""
    from engine.sagemaker.tuning import trial_summary

    metric, direction = objective(tuning)
    states = [job["TrainingJobStatus"] for job in jobs]
    scored = [(value, job) for job in jobs if (value := value_of(job, metric)) is not None]
    ended = [job for job in jobs if job["TrainingJobStatus"] not in RUNNING]
    fields: Body = {
        "TrainingJobStatusCounters": {
            "Completed": states.count("Completed"),
            "InProgress": states.count("InProgress") + states.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": states.count("Failed"),
            "Stopped": states.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": sum(1 for _, job in scored if job["TrainingJobStatus"] not in RUNNING),
            "Pending": len(jobs) - len(ended),
            "Failed": sum(1 for job in ended if value_of(job, metric) is None),
        },
        "ConsumedResources": {"RuntimeInSeconds": max(0, round(context.now() - tuning["CreationTime"]))},
    }
    finished = [(value, job) for value, job in scored if job["TrainingJobStatus"] in {"Completed", "Stopped"} and "ModelArtifacts" in job]
    if finished:
        choose = max if direction == "Maximize" else min
        best = choose(finished, key=lambda pair: pair[0])
        fields["BestTrainingJob"] = trial_summary(best[1], tuning)
        if tuning.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
            overall, of = choose([(*best, tuning), *_parents_best(context, tuning, metric)], key=lambda found: found[0])[1:]
            fields["OverallBestTrainingJob"] = trial_summary(overall, of) | {"TuningJobName": of["HyperParameterTuningJobName"]}
    now, name, values = context.now(), tuning["HyperParameterTuningJobName"], _values(jobs, metric)

    def with_counts(body: Body) -> Body:
        details = completion.details(body, values, maximize=direction == "Maximize", now=now)
        return {**body, **fields, "TuningJobCompletionDetails": details}

    written = context.store.get(KIND, name)
    assert written is not None
    if with_counts(written) == written:  # nothing to write: a write waits for the disk
        return written
    updated = context.store.update(KIND, name, lambda body: with_counts(body) | {"LastModifiedTime": now}, now=now)
    assert updated is not None
    return updated
