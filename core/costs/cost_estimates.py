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
from datetime import datetime
from typing import Any

from core import bias, explainability, jobs, placement, rebalancing, training, trial_bias, tuning
from core.clients import Clients
from core.jobs import Job
from core.prices import Prices, Use
from core.settings import Settings
from core.tuning import Trial
from core.tuning_request import TuningRequest, grid_size

SAMPLE = 5
"""How many earlier jobs of a kind are looked at."""
TRIALS = "trials"
"""The kind of a tuning job's training jobs; other kinds are what their jobs' names begin with."""


# after ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Usage:
    """What jobs have used: ``seconds`` billed on each of ``count`` instances of a type, all jobs together."""

    use: Use
    instance_type: str
    count: int
    seconds: float
    jobs: int = 1

    def cost(self, prices: Prices) -> float | None:
        """By the table; None where it has no price for the type."""
        return cost(prices, self.use, self.instance_type, self.seconds * self.count)


def cost(prices: Prices, use: Use, instance_type: str, seconds: float) -> float | None:
    """The price of an instance's seconds; None where the table has none."""
    hourly = prices.hourly(use, instance_type)
    return None if hourly is None else seconds / 3600 * hourly


def billed(start: datetime | None, end: datetime | None) -> int:
    """The seconds between a job's start on its instances and its end, as BillableTimeInSeconds has them; 0 where it never started."""
    return max(1, round((end - start).total_seconds())) if start and end else 0


def used(job: Job) -> Usage:
    """What a training or processing job that has ended, described in full, has used."""
    raw = job.raw
    if job.kind == "processing":
        cluster = raw["ProcessingResources"]["ClusterConfig"]
        return Usage("processing", cluster["InstanceType"], cluster["InstanceCount"], billed(raw.get("ProcessingStartTime"), job.ended))
    seconds = raw.get("BillableTimeInSeconds", billed(raw.get("TrainingStartTime"), job.ended))
    return Usage("training", *_instances(raw), seconds)


def used_by_trials(job: Job, times: Sequence[tuple[Any, Any]]) -> Usage:
    """What the trials of a tuning job have used; ``times``: the start and end of each, as the list of its trials has them."""
    seconds = [billed(start, end) for start, end in times]
    types = {_instances(definition) for definition in tuning.definitions(job)}
    instances = types.pop() if len(types) == 1 else _instances({})
    return Usage("training", *instances, sum(seconds), sum(s > 0 for s in seconds))


def _instances(raw: dict[str, Any]) -> tuple[str, int]:
    """Type and number of a training job's instances; those that others have launched may be of several types."""
    found = raw.get("ResourceConfig") or raw.get("HyperParameterTuningResourceConfig", {})
    return found.get("InstanceType", "several types"), found.get("InstanceCount", 1)


def used_for(clients: Clients, properties: dict[str, str]) -> dict[str, Usage]:
    """What went into a registered version, by its properties: its rebalancing, its training (of a trial: all trials), bias and SHAP."""
    found = {}
    for step, key in (("rebalancing", "rebalanced"), ("training", "training-job"), ("bias", "bias-job"), ("SHAP", "shap-job")):
        name = properties.get(f"governance:{key}")
        if not name:
            continue
        job = jobs.describe(clients, "training" if step == "training" else "processing", name)
        if parent := job.raw.get("TuningJobArn", "").rpartition("/")[2]:
            found["tuning"] = _trials_of(clients, parent)
        else:
            found[step] = used(job)
    return found


def _trials_of(clients: Clients, name: str) -> Usage:
    return used_by_trials(tuning.describe(clients, name), [(t.started, t.ended) for t in tuning.trials(clients, name)])


# before --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """``jobs`` jobs of one kind that are about to be launched. ``data``: the URI of the rows that they read, where it's known."""

    use: Use
    kind: str
    instance_type: str
    data: str = ""
    jobs: int = 1


@dataclass(frozen=True)
class Past:
    """How long earlier jobs of a kind took, in seconds billed; ``same``: on the same rows."""

    seconds: tuple[float, ...] = ()
    same: bool = False


@dataclass(frozen=True)
class Expected:
    """What a launch will use and cost. ``seconds``, ``shortest`` to ``longest``, and ``cost`` are those of the ``known`` jobs, whose kind
    was measured in ``past`` jobs; None where there are none. ``same``: all of the past were on the same rows. ``most``: seconds after
    which all jobs are ended. Costs are None where a type is ``unpriced``."""

    jobs: int
    types: tuple[str, ...]
    most: float
    most_cost: float | None
    known: int = 0
    seconds: float | None = None
    shortest: float = 0
    longest: float = 0
    cost: float | None = None
    past: int = 0
    same: bool = False
    unpriced: tuple[tuple[Use, str], ...] = ()


def expect(prices: Prices, plan: Sequence[tuple[Planned, Past]]) -> Expected:
    """Each kind's median times its jobs, added up; at most what all would take until they are ended."""
    every = [planned for planned, _ in plan]
    most, most_cost = _total(prices, [(planned, jobs.MAX_SECONDS) for planned in every])
    found = Expected(
        sum(planned.jobs for planned in every),
        tuple(dict.fromkeys(planned.instance_type for planned in every)),
        most,
        most_cost,
        unpriced=tuple(dict.fromkeys((p.use, p.instance_type) for p in every if prices.hourly(p.use, p.instance_type) is None)),
    )
    known = [(planned, past) for planned, past in plan if past.seconds]
    if not known:
        return found
    seconds, price = _total(prices, [(planned, statistics.median(past.seconds)) for planned, past in known])
    return replace(
        found,
        known=sum(planned.jobs for planned, _ in known),
        seconds=seconds,
        cost=price,
        shortest=_total(prices, [(planned, min(past.seconds)) for planned, past in known])[0],
        longest=_total(prices, [(planned, max(past.seconds)) for planned, past in known])[0],
        past=sum(len(past.seconds) for _, past in known),
        same=all(past.same for _, past in known),
    )


def _total(prices: Prices, plan: Sequence[tuple[Planned, float]]) -> tuple[float, float | None]:
    """Seconds of all jobs, and their cost, where each job of a kind takes so long."""
    costs = [cost(prices, planned.use, planned.instance_type, planned.jobs * each) for planned, each in plan]
    return sum(planned.jobs * each for planned, each in plan), None if None in costs else sum(c or 0 for c in costs)


def measured(clients: Clients, planned: Planned) -> Past:
    """How long the newest completed jobs of a kind took: those on the same rows where there are any, else whatever they read."""
    found = _trials(clients, planned.data) if planned.kind == TRIALS else _single(clients, planned)
    same = [seconds for uri, seconds in found if planned.data and uri == planned.data]
    return Past(tuple(same), True) if same else Past(tuple(seconds for _, seconds in found))


def _single(clients: Clients, planned: Planned) -> list[tuple[str, float]]:
    """(URI of its rows, seconds) of each job."""
    listed = jobs.listed(clients, planned.use, contains=planned.kind)
    alike = re.compile(rf"{re.escape(planned.kind)}-[^-]+$")  # SMOTE's jobs aren't SMOTE-NC's
    exact = planned.kind.startswith(rebalancing.PREFIX)
    done = [job.name for job in listed if job.status == "Completed" and (not exact or alike.match(job.name))]
    return [(rows_of(job), used(job).seconds) for job in _own(clients, planned.use, done)]


def _trials(clients: Clients, data: str) -> list[tuple[str, float]]:
    """The same of the trials of the newest tuning job, on the same rows if one of the newest is."""
    newest = [job.name for job in tuning.list_jobs(clients) if job.status == "Completed"]
    rows = {job.name: rows_of(job) for job in _own(clients, "tuning", newest)}
    for name in sorted(rows, key=lambda name: bool(data) and rows[name] != data):
        times = [float(billed(t.started, t.ended)) for t in tuning.trials(clients, name) if _lasted(t)]
        if times:
            return [(rows[name], seconds) for seconds in times]
    return []


def _lasted(trial: Trial) -> bool:
    return trial.status == "Completed" and trial.started is not None


def _own(clients: Clients, kind: jobs.Kind, names: Sequence[str]) -> list[Job]:
    """The newest of these that are this product's own, described in full; of the first few only, as others' may be called alike."""
    found: list[Job] = []
    with ThreadPoolExecutor(SAMPLE) as pool:
        for start in range(0, min(len(names), 4 * SAMPLE), SAMPLE):
            found += filter(jobs.own, pool.map(lambda name: jobs.describe(clients, kind, name), names[start : start + SAMPLE]))
            if len(found) >= SAMPLE:
                break
    return found[:SAMPLE]


def rows_of(job: Job) -> str:
    """The URI of the rows that a job reads."""
    inputs = {i["InputName"]: str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if "S3Input" in i}
    return jobs.channels(job).get("train", "") or next((inputs[name] for name in ("data", "dataset", "train") if name in inputs), "")


# what each form launches ---------------------------------------------------------------------------


def rebalancings(settings: Settings, methods: Sequence[str], data: str = "") -> tuple[Planned, ...]:
    """A job for each method, on the data set at ``data``."""
    return tuple(_processing(settings, f"{rebalancing.PREFIX}-{method}", data) for method in methods)


def single_training(settings: Settings, data: str) -> tuple[Planned, ...]:
    return (Planned("training", training.PREFIX, settings.instance_type, data),)


def whole_tuning(settings: Settings, request: TuningRequest) -> tuple[Planned, ...]:
    """All trials, the measurement of their bias and the best one's report."""
    rows, trials = request.rebalanced.uri("train_res.csv"), grid_size(request.ranges) if request.strategy == "Grid" else request.max_jobs
    return (
        Planned("training", TRIALS, request.instance_type or settings.instance_type, rows, trials),
        *trials_measured(settings, request.rebalanced.uri(trial_bias.ROWS)),
        *xgboost_report(settings, rows),
    )


def trials_measured(settings: Settings, data: str) -> tuple[Planned, ...]:
    return (_processing(settings, trial_bias.PREFIX, data),)


def xgboost_report(settings: Settings, data: str) -> tuple[Planned, ...]:
    return (_processing(settings, training.REPORTS, data),)


def bias_report(settings: Settings, data: str) -> tuple[Planned, ...]:
    return (_processing(settings, bias.PREFIX, data),)


def explanation(settings: Settings, data: str) -> tuple[Planned, ...]:
    return (_processing(settings, explainability.PREFIX, data),)


def evaluation(settings: Settings, data: str) -> tuple[Planned, ...]:
    """The bias and SHAP jobs that come before a registration."""
    return (*bias_report(settings, data), *explanation(settings, data))


def workflow(settings: Settings, trials: int) -> tuple[Planned, ...]:
    """The whole chain, on rows that don't lie anywhere yet."""
    return (
        *rebalancings(settings, [rebalancing.Rebalance().method]),
        *single_training(settings, ""),
        Planned("training", TRIALS, settings.instance_type, "", trials),
        replace(bias_report(settings, "")[0], jobs=2),
        replace(explanation(settings, "")[0], jobs=2),
        *xgboost_report(settings, ""),
    )


def _processing(settings: Settings, kind: str, data: str) -> Planned:
    return Planned("processing", kind, placement.processing_instance(settings), data)
