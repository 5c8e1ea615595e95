"""Two models side by side: metrics with intervals, paired differences, confusion, ROC, PR, calibration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.bias.direction import drop_rounding_error
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.performance.performance_estimates import Estimate
from core.analysis.performance.performance_json import PerformanceJson, estimates_in
from core.analysis.performance.performance_metrics import name_labels
from core.views.shared.difference_points import HasInterval, add_difference_points
from core.views.shared.figure_style import BASELINE_COLOUR, FAINT_COLOUR, GREY, MITIGATED_COLOUR, apply_layout, new_figure
from core.views.shared.number_text import format_number

COLOURS = (BASELINE_COLOUR, MITIGATED_COLOUR)


Metrics = Mapping[str, HasInterval]
Labels = tuple[str, str]
PLAIN_LABELS = ("label 0", "label 1")
Differences = Mapping[str, PerformanceDifference]


def interval_text(estimate: HasInterval | None, digits: int = 3) -> str:
    """``0.771 [0.758, 0.784]``; where it has no value the reason, if it is known."""
    if estimate is None or estimate.value is None:
        why = getattr(estimate, "why", "")
        return f"undefined: {why}" if why else "–"
    if estimate.low is None or estimate.high is None:
        return format_number(estimate.value, digits)
    return f"{format_number(estimate.value, digits)} [{format_number(estimate.low, digits)}, {format_number(estimate.high, digits)}]"


def metrics_table(models: Mapping[str, Metrics], differences: Differences | None = None) -> pd.DataFrame:
    """Each metric of each model with its interval; the paired difference, and whether it is beyond the noise."""
    names = list(dict.fromkeys(name for metrics in models.values() for name in metrics))
    table = pd.DataFrame({"metric": names})
    for model, metrics in models.items():
        table[model] = [interval_text(metrics.get(name)) for name in names]
    if differences is not None:
        table["difference"] = [interval_text(differences.get(name)) for name in names]
        table["beyond noise"] = [difference_verdict(differences.get(name), list(models)) for name in names]
    return table


def difference_verdict(difference: PerformanceDifference | None, names: Sequence[str] = ("a", "b")) -> str:
    """Which model is better, where the difference is beyond noise; ``no: within noise`` otherwise."""
    if difference is None or difference.value is None:
        return "–"
    if not difference.beyond_noise or difference.better is None:
        return "no: within noise, these rows can't tell"
    return f"yes: {names['ab'.index(difference.better)]} is better"


def differences_sentence(differences: Differences, names: Sequence[str]) -> str:
    """One sentence: in what the second model is better, in what worse, and what is only noise."""
    beyond = {name: d.better for name, d in differences.items() if d.better is not None}
    better, worse = [name for name, b in beyond.items() if b == "b"], [name for name, b in beyond.items() if b == "a"]
    noise = sum(d.value is not None for d in differences.values()) - len(beyond)
    parts = []
    if better:
        parts.append(f"**{names[1]}** is better in {', '.join(better)}")
    if worse:
        parts.append(f"{'worse' if better else f'**{names[1]}** is worse'} in {', '.join(worse)}")
    if not parts:
        return f"These rows can't tell **{names[1]}** from **{names[0]}**: every difference is within the noise."
    return " and ".join(parts) + (f"; {noise} other{'s are' if noise > 1 else ' is'} within noise." if noise else ".")


def intervals_figure(models: Mapping[str, Metrics], names: Sequence[str]) -> go.Figure:
    """Dots with 95 % intervals, a row for each metric."""
    rows = list(reversed(names))
    fig = new_figure(x="value with 95 % interval", height=100 + 36 * max(len(rows), 3))
    for index, (model, metrics) in enumerate(models.items()):
        found = [(place, metrics[name]) for place, name in enumerate(rows) if name in metrics and metrics[name].value is not None]
        values = np.array([float(estimate.value or 0.0) for _, estimate in found])
        lows = np.array([float(values[i] if e.low is None else e.low) for i, (_, e) in enumerate(found)])
        highs = np.array([float(values[i] if e.high is None else e.high) for i, (_, e) in enumerate(found)])
        fig.add_trace(
            go.Scatter(
                x=values,
                y=[place + (0.14 if index == 0 else -0.14) * (len(models) > 1) for place, _ in found],
                mode="markers",
                name=model,
                marker={"size": 10, "color": COLOURS[index % 2]},
                error_x={"type": "data", "symmetric": False, "array": highs - values, "arrayminus": values - lows, "thickness": 2},
                customdata=[[rows[place], interval_text(estimate)] for place, estimate in found],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>" + model + "</extra>",
            )
        )
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=rows, zeroline=False)
    return fig


def differences_figure(differences: Differences) -> go.Figure:
    """Paired differences with intervals; those whose interval excludes zero are filled."""
    names = [name for name, d in differences.items() if d.value is not None][::-1]
    fig = new_figure(x="difference with 95 % interval (0: none)", height=100 + 36 * max(len(names), 3))
    beyond = [differences[n].beyond_noise for n in names]
    texts = [interval_text(differences[n]) for n in names]
    colours = [MITIGATED_COLOUR if b else GREY for b in beyond]
    add_difference_points(fig, [differences[n] for n in names], names, beyond, texts, colours=colours)
    return fig


def confusion_figure(models: Mapping[str, Sequence[Sequence[int]]], classes: Sequence[str]) -> go.Figure:
    """Confusion matrices (rows: actual, columns: predicted) with counts and the share of the row."""
    fig = make_subplots(rows=1, cols=len(models), subplot_titles=list(models), horizontal_spacing=0.12, shared_yaxes=True)
    for place, matrix in enumerate(models.values(), start=1):
        counts = np.asarray(matrix, dtype=float)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        fig.add_trace(
            go.Heatmap(
                z=shares,
                x=[f"predicted {c}" for c in classes],
                y=[f"actual {c}" for c in classes],
                text=[[f"{int(n):,}<br>{100 * s:.1f} %" for n, s in zip(r, q, strict=True)] for r, q in zip(counts, shares, strict=True)],
                texttemplate="%{text}",
                coloraxis="coloraxis",
                xgap=3,
                ygap=3,
                hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
            ),
            row=1,
            col=place,
        )
    fig.update_coloraxes(cmin=0, cmax=1, showscale=False)
    apply_layout(fig, height=280, legend=False, top=36)
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(showgrid=False)
    return fig


def curve_figure(models: Mapping[str, pd.DataFrame], *, x: str, y: str, diagonal: bool = False, markers: bool = False) -> go.Figure:
    """A line for each model from its table's columns ``x`` and ``y`` (ROC, precision and recall, calibration), both in [0, 1]."""
    fig = new_figure(x=x, y=y, height=360)
    if diagonal:
        fig.add_trace(
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": FAINT_COLOUR, "dash": "dot"}, showlegend=False, hoverinfo="skip")
        )
    for index, (model, table) in enumerate(models.items()):
        fig.add_trace(
            go.Scatter(
                x=table[x],
                y=table[y],
                mode="lines+markers" if markers else "lines",
                name=model,
                line={"color": COLOURS[index % 2], "width": 2},
                hovertemplate=f"{x} %{{x:.3f}}<br>{y} %{{y:.3f}}<extra>{model}</extra>",
            )
        )
    fig.update_xaxes(range=[-0.01, 1.02])
    fig.update_yaxes(range=[-0.02, 1.04])
    return fig


def values_table(models: Mapping[str, Mapping[str, object]], *, only_differences: bool = False, heading: str = "name") -> pd.DataFrame:
    """Any settings of the models side by side (hyperparameters, data, bias values, mean SHAP); optionally only where they differ."""
    names = list(dict.fromkeys(name for values in models.values() for name in values))
    rows = []
    for name in names:
        cells = [values.get(name) for values in models.values()]
        if only_differences and len({_cell_text(cell) for cell in cells}) == 1:
            continue
        rows.append({heading: name, **{model: _cell_text(cell) for model, cell in zip(models, cells, strict=True)}})
    return pd.DataFrame(rows, columns=[heading, *models])


def _cell_text(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str) and re.fullmatch(r"-?\d+\.\d{5,}(e-?\d+)?", cell):
        cell = float(cell)
    return f"{drop_rounding_error(cell):.4g}".replace("-", "−") if isinstance(cell, float) else str(cell)


def with_readable_names(differences: Differences, labels: Labels = PLAIN_LABELS) -> dict[str, PerformanceDifference]:
    """The differences by the metrics' names in words, as ``quality_estimates`` has them; ``labels``: what 0 and 1 are called."""
    return {
        name.replace("_", " "): replace(difference, why=name_labels(difference.why, labels)) for name, difference in differences.items()
    }


def quality_estimates(performance: PerformanceJson, labels: Labels = PLAIN_LABELS) -> dict[str, Estimate]:
    """The metrics with intervals among a report's quality figures; ``labels``: what 0 and 1 are called."""
    found = {name.replace("_", " "): Estimate(**estimate) for name, estimate in estimates_in(performance).items()}
    return {name: replace(estimate, why=name_labels(estimate.why, labels)) for name, estimate in found.items()}


def confusion_counts(performance: PerformanceJson) -> list[list[int]]:
    """[[tn, fp], [fn, tp]] of a report's quality figures."""
    cells = performance["confusion"]
    return [[cells["tn"], cells["fp"]], [cells["fn"], cells["tp"]]]


def roc_table(performance: PerformanceJson) -> pd.DataFrame:
    """The ROC curve: false and true positive rate at each threshold."""
    return pd.DataFrame(performance["roc"], columns=["false positive rate", "true positive rate", "threshold"])


def pr_table(performance: PerformanceJson) -> pd.DataFrame:
    """Precision and recall at each threshold."""
    return pd.DataFrame(performance["pr"], columns=["recall", "precision", "threshold"])


def calibration_table(performance: PerformanceJson) -> pd.DataFrame:
    """Bins of the score: rows, mean score, observed rate of the outcome 1."""
    table = pd.DataFrame(performance["calibration"])
    return table.rename(columns={"mean_score": "mean score", "observed": "observed rate", "n": "rows"})
