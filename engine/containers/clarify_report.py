"""What a Clarify job found: filled step by step, and written as ``analysis.json``."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from core.analysis.bias.bias_json import FacetCounts
from core.analysis.bias.bias_metrics import Metric
from core.analysis.bias.group_table import GroupTable
from core.analysis.bias.left_out_rows import left_out_sentences
from core.analysis.explanations.shap_values import Explanation
from core.analysis.intervals.confidence import INTERVAL_METHODS
from core.analysis.performance.performance import Performance
from core.analysis.tables.plain_json import to_plain_json
from core.analysis.tables.value_names import ValueNames
from engine.containers.clarify_rows import MeasuredRows

FORMAT_VERSION = "1.0"
STAGES = {"pre_training_bias_metrics": "Pre-training bias", "post_training_bias_metrics": "Post-training bias"}


@dataclass(frozen=True)
class FacetMetrics:
    """The metrics of one facet value."""

    facet: str
    value_or_threshold: str
    metrics: dict[str, Metric]


@dataclass
class ClarifyReport:
    """Filled step by step by the container."""

    title: str
    label: str | None
    label_values: list[Any]
    threshold: float
    rows: int
    measured_on: str = ""
    favourable: str = ""
    stages: dict[str, list[FacetMetrics]] = field(default_factory=dict)
    facets: list[FacetCounts] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    unlabelled: int = 0
    rows_sha256: str = ""
    names: dict[str, list[str]] = field(default_factory=dict)
    group_table: GroupTable | None = None
    value_names: ValueNames = field(default_factory=ValueNames)
    sensitive: list[str] = field(default_factory=list)
    performance: Performance | None = None
    explanation: Explanation | None = None
    explanation_error: str = ""
    aggregation: str = "mean_abs"
    label_name: str = "label0"
    features: pd.DataFrame | None = None
    baseline: pd.DataFrame | None = None

    def add_metrics(self, stage: str, rows: MeasuredRows, metrics: dict[str, Metric]) -> None:
        self.stages.setdefault(stage, []).append(FacetMetrics(rows.facet, rows.value_or_threshold, metrics))

    def add_counts(self, rows: MeasuredRows, group: str | None, *, without_prediction: int = 0, binned: bool) -> None:
        """Counts of the facet, of the rows that are left out of its figures, and of each group where the group variable is binned."""
        of_facet, favourable = rows.of_facet, rows.favourable
        self.facets.append(
            {
                "facet": rows.facet,
                "value_or_threshold": rows.value_or_threshold,
                "rows": int(of_facet.sum()),
                "rest": int((~of_facet).sum()),
                "favourable_rows": int((of_facet & favourable).sum()),
                "favourable_rest": int((~of_facet & favourable).sum()),
                "without_label": rows.without_label,
                "without_facet": rows.without_facet,
                "without_prediction": without_prediction,
                "without_group": 0 if rows.group is None else int(rows.group.isna().sum()),
            }
        )
        values = rows.group
        if values is not None and binned:
            bins = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.dropna().unique())
            for name in bins:
                at = (values == name).to_numpy(dtype=bool)
                self.groups.append(
                    {
                        "group_variable": group,
                        "group": str(name),
                        "facet": rows.facet,
                        "value_or_threshold": rows.value_or_threshold,
                        "rows": int(at.sum()),
                        "facet_rows": int((at & of_facet).sum()),
                        "favourable": int((at & favourable).sum()),
                    }
                )

    def describe_facet(self, one: FacetMetrics) -> str:
        """The facet's group as a condition in the user's values: ``sex = f``."""
        return self.value_names.describe(one.facet, one.value_or_threshold)

    def describe_label(self, code: object) -> str:
        """A label in the user's values: ``paid = yes``; ``label 1`` where the data has no label."""
        return self.value_names.describe(self.label, code) if self.label else f"label {code}"

    def left_out_lines(self) -> list[str]:
        """Which rows are left out of which figures, in sentences; none where all rows are known."""
        return left_out_sentences(self.facets, self.label, self.rows, unlabelled=self.unlabelled)

    def describe_feature(self, name: str) -> str:
        """A feature's name; that of a facet or of the group says so: ``sex (sensitive)``."""
        return f"{name} (sensitive)" if name in self.sensitive else name

    def global_shap_values(self) -> dict[str, float]:
        """Each feature's global SHAP value, the greatest first."""
        if self.explanation is None:
            return {}
        values = self.explanation.global_importance(self.aggregation)
        return dict(sorted(values.items(), key=lambda item: -abs(item[1])))

    def to_json(self, *, extras: bool) -> dict[str, Any]:
        """As Clarify's ``analysis.json``; with extras, what else is known is under ``governance``."""
        result: dict[str, Any] = {"version": FORMAT_VERSION}
        if self.explanation is not None:
            global_values = self.explanation.global_importance(self.aggregation)
            found = {"global_shap_values": global_values, "expected_value": self.explanation.expected}
            result["explanations"] = {"kernel_shap": {self.label_name: found}}
        elif self.explanation_error:
            result["explanations"] = {"kernel_shap": {self.label_name: {"error": self.explanation_error}}}
        for stage in STAGES:
            if stage in self.stages:
                facets: dict[str, list[dict[str, Any]]] = {}
                for one in self.stages[stage]:
                    metrics = [_metric_json(metric) for metric in one.metrics.values()]
                    facets.setdefault(one.facet, []).append({"value_or_threshold": one.value_or_threshold, "metrics": metrics})
                result[stage] = {"label": self.label, "facets": facets, "label_value_or_threshold": self.favourable}
        if extras:
            result["governance"] = self._governance()
        return result

    def _governance(self) -> dict[str, Any]:
        words: dict[str, dict[str, dict[str, Any]]] = {}
        for stage, measured in self.stages.items():
            for one in measured:
                by_value = words.setdefault(stage, {}).setdefault(one.facet, {})
                by_value[one.value_or_threshold] = {name: _metric_detail_json(metric) for name, metric in one.metrics.items()}
        section: dict[str, Any] = {
            "rows": self.rows,
            "threshold": self.threshold,
            "facets": {},  # the SDK's model cards look for facets in every part of a report
            "counts": self.facets,
            "groups": self.groups,
            "metrics": words,
            "measured_on": self.measured_on,
            "rows_sha256": self.rows_sha256,
            "interval_methods": INTERVAL_METHODS,
            "names": self.names,
            "value_names": self.value_names.to_json(),
            "sensitive": self.sensitive,
            "sweeps": self.sweeps,
        }
        if self.group_table is not None:
            section["group_table"] = to_plain_json(asdict(self.group_table))
        if self.performance is not None:
            section["performance"] = self.performance.to_json()
        if self.explanation is not None and self.baseline is not None:
            section["shap"] = {
                "sample_size": len(self.explanation.values),
                "baseline_rows": len(self.baseline),
                "additivity": self.explanation.check.additivity,
                "worst_row": self.explanation.check.worst_row,
                "expected_value_error": self.explanation.check.expected,
                "error_bound": self.explanation.check.bound,
                "standard_error": self.explanation.standard_error,
                "output": self.explanation.output,
                "agg_method": self.aggregation,
                "features": list(self.explanation.features),
            }
        return section


def _metric_json(metric: Metric) -> dict[str, Any]:
    found: dict[str, Any] = {"name": metric.name, "description": metric.description, "value": _json_number(metric.value)}
    if metric.error is not None:
        found["error"] = metric.error
    return found


def _metric_detail_json(metric: Metric) -> dict[str, Any]:
    found: dict[str, Any] = {"low": _json_number(metric.low), "high": _json_number(metric.high), "in_words": metric.in_words}
    if metric.interval is not None:
        one = metric.interval
        found["interval"] = {"low": _json_number(one.low), "high": _json_number(one.high), "n": one.n, "why": one.why, "method": one.method}
    return found


def _json_number(value: float | None) -> float | str | None:
    """Infinities as strings: JSON has none."""
    if value is None or math.isfinite(value):
        return None if value is None else float(value)
    return "Infinity" if value > 0 else "-Infinity"
