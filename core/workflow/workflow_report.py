"""The report of a run of the whole workflow, as it is stored in the workspace and written by ``demo --report``."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from core.analysis.leaks.leak_findings import LeaksEntry
from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.resampling.rebalancing_manifest import CellCount, RowSplit, WrittenFile


class DataReport(TypedDict):
    """The data set and what the rebalancing made of it; its keys are those of the rebalancing's manifest."""

    name: str
    uri: str
    sha256: str
    rows: int
    columns: list[str]
    rebalancing_job: str
    files: dict[str, WrittenFile]
    split: RowSplit
    synthetic: dict[str, object]
    leaked_rows: int
    counts: dict[str, list[CellCount]]
    label_shares: object
    leaks: LeaksEntry | None


class ModelReport(TypedDict):
    """One of the two models. ``bias``: of the main facet, pre_training or post_training -> metric -> value; infinities are text.
    ``undefined``: in the same way, why a metric has no value; ``group_findings``: what the table of all groups says, in sentences; runs of
    earlier versions lack both."""

    role: str
    model_package_arn: str
    training_job: str | None
    hyperparameters: dict[str, str]
    metrics: PerformanceJson | None
    bias: dict[str, dict[str, float | str | None]]
    undefined: NotRequired[dict[str, dict[str, str]]]
    group_findings: NotRequired[list[str]]
    shap: dict[str, float]


class DifferenceReport(TypedDict):
    """Mitigated minus baseline of one metric, paired; None where undefined."""

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    higher_is_better: bool


class WorkflowReport(TypedDict):
    """``models``: the baseline and the mitigated one; ``not_compared``: why there are no ``differences``, or ""; ``lineage``: the number of
    vertices and edges; ``seconds``: of each step."""

    run: str
    data: DataReport
    tuning_job: str
    models: list[ModelReport]
    differences: dict[str, DifferenceReport]
    not_compared: str
    lineage: dict[str, int]
    seconds: dict[str, float]
