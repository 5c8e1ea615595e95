"""The search that a version was chosen from: the trials of its tuning job, their disparities if these were measured, and its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from core.analysis.trials.trials_json import TrialsReport
from core.aws.target import Target
from core.jobs.tuning import tuning_jobs
from core.jobs.tuning.tuning_jobs import Trial
from core.registry.registry_types import Package
from core.reports import trial_bias_jobs
from core.views.tuning import pareto_charts

DISPARITY = "DPPL"
"""The disparity that trials are compared by: the difference in selection rates."""


@dataclass(frozen=True)
class AlternativesSearch:
    """The trials of a tuning job, oldest first. ``objective``: the metric that they were ranked by; ``chosen``: the version's training job;
    ``rank``: its place by the objective, 1 for the best, None if it has no objective. ``measurement``: the job that measured every trial's
    disparity, and ``report`` its result; ``unmeasured``: why there is none."""

    tuning_job: str
    objective: str
    trials: tuple[Trial, ...]
    chosen: str
    rank: int | None
    measurement: str = ""
    report: TrialsReport | None = None
    unmeasured: str = ""

    @property
    def numbers(self) -> dict[str, int]:
        """Training job -> number of the trial."""
        return {trial.name: number for number, trial in enumerate(self.trials, 1)}

    @property
    def performance(self) -> str:
        """The performance metric that stands for the objective."""
        return pareto_charts.performance_for_objective(self.objective)


@dataclass(frozen=True)
class ComparedTrials:
    """The measured trials by one facet, as ``pareto_charts.trials_table`` gives them. ``fairer``: those on the front of performance and
    disparity that are nearer to parity than the chosen one."""

    facet: tuple[str, str]
    table: pd.DataFrame = field(repr=False)
    fairer: pd.DataFrame = field(repr=False)


def find_search(target: Target, package: Package) -> AlternativesSearch | str:
    """The search behind a version; or why there is none."""
    parent = package.training.raw.get("TuningJobArn", "").rpartition("/")[2] if package.training else ""
    if not package.training or not parent:
        return "The version's training job belongs to no tuning job: no alternatives were trained beside it."
    job, trials = tuning_jobs.describe_job(target, parent), tuple(tuning_jobs.list_trials(target, parent))
    objective, is_maximised = tuning_jobs.first_objective(job)
    values = {trial.name: trial.objective for trial in trials if trial.objective is not None}
    search = AlternativesSearch(parent, objective, trials, package.training.name, _rank(values, package.training.name, is_maximised))
    measurement = trial_bias_jobs.find_newest_job(target, parent)
    if measurement is None or measurement.status != "Completed":
        state = "wasn't asked for" if measurement is None else f"is {measurement.status} ({measurement.name})"
        return replace(search, unmeasured=f"The measurement of every trial's disparity {state}.")
    return replace(search, measurement=measurement.name, report=trial_bias_jobs.read_result(target, measurement.name))


def _rank(values: Mapping[str, float], chosen: str, is_maximised: bool) -> int | None:
    own = values.get(chosen)
    return None if own is None else 1 + sum(value > own if is_maximised else value < own for value in values.values())


def compare_trials(search: AlternativesSearch) -> list[ComparedTrials]:
    """The measured trials, by each facet of the measurement; empty if nothing was measured."""
    report, found = search.report, list[ComparedTrials]()
    if report is None or not report["trials"]:
        return found
    for place, facet in enumerate(report["facets"]):
        table = pareto_charts.trials_table(report, performance=search.performance, measure=DISPARITY, facet=place, numbers=search.numbers)
        own = table.loc[table["name"] == search.chosen, "distance"]
        nearer = table["distance"] < own.iloc[0] if len(own) else table["name"].isna()
        fairer = table[table["front"] & nearer].sort_values("distance", kind="stable")
        found.append(ComparedTrials((facet["name"], str(facet["value"])), table, fairer))
    return found
