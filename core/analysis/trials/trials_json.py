"""``trials.json``: what the job that measures all trials of a tuning job writes, and the tuning page reads."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from core.analysis.performance.performance_json import EstimateJson


class DifferenceJson(TypedDict):
    """b − a of one metric on the same rows, with its 95 % interval; numbers are None where undefined, infinities are text."""

    a: float | str | None
    b: float | str | None
    value: float | str | None
    low: float | str | None
    high: float | str | None
    p_value: float | None
    method: str
    higher_is_better: bool
    beyond_noise: bool


class DisparityJson(TypedDict):
    """A bias metric with its interval, its ``distance`` from parity and the distance's difference to the reference's."""

    value: float | str | None
    low: float | str | None
    high: float | str | None
    error: str | None
    in_words: str
    distance: EstimateJson
    closer: DifferenceJson


class TrialFacetJson(TypedDict):
    """One trial and one facet. ``counts``: facet or rest -> rows, accepted, accepted_rightly, rejected_rightly; ``measures``: by metric."""

    name: str
    value: float | str
    counts: dict[str, dict[str, int]]
    measures: dict[str, DisparityJson]


class TrialReportJson(TypedDict):
    """One trial: its performance, the differences to the reference's, and its disparities."""

    name: str
    performance: dict[str, EstimateJson]
    differences: dict[str, DifferenceJson]
    facets: list[TrialFacetJson]


class TrialJson(TrialReportJson):
    """One trial, with the hash of its model."""

    sha256: str


class NamedFacet(TypedDict):
    """A column, and the value of the people that are compared with all others."""

    name: str
    value: float


class TrialsReport(TypedDict):
    """All trials on the same ``rows``; ``rows_left_out``: which rows are left out of which figures, in sentences;
    ``value_names``: what codes stand for (``ValueNames.to_json``);
    ``reference``: the trial that the others are compared with; ``left_out``: name and reason of the
    trials that couldn't be measured."""

    tuning_job: str
    rebalancing_job: str
    value_names: NotRequired[dict[str, object]]
    label: str
    favourable: int
    facets: list[NamedFacet]
    group: str | None
    group_bins: int
    threshold: float
    seed: int
    resamples: int
    reference: str
    rows: int
    rows_left_out: NotRequired[list[str]]
    trials: list[TrialJson]
    left_out: list[dict[str, str]]
