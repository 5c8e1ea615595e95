"""The XGBoost report of a job: importance, scores and residuals by label.

Confusion, ROC, precision-recall and calibration are in ``registry.performance_charts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from core.analysis.performance.xgboost_report_json import LabelHistogram
from core.views.shared.figure_style import ACCENT_COLOUR, BASELINE_COLOUR, GREY, MITIGATED_COLOUR, new_figure, shorten_middle
from core.views.shared.number_text import format_number, format_percent


def importance_table(importance: Mapping[str, Mapping[str, float]], features: Sequence[str] = ()) -> pd.DataFrame:
    """Gain, weight (number of splits) and cover of each feature, the greatest gain first; ``f3`` is named after ``features[3]``."""
    names = sorted({name for found in importance.values() for name in found}, key=lambda name: -importance["gain"].get(name, 0.0))
    named = [features[int(n[1:])] if n[1:].isdigit() and int(n[1:]) < len(features) else n for n in names]
    return pd.DataFrame({"feature": named, **{kind: [found.get(n, 0.0) for n in names] for kind, found in importance.items()}})


def importance_figure(table: pd.DataFrame, kind: str = "gain", top: int = 15) -> go.Figure:
    """Bars of one kind of importance."""
    shown = table.sort_values(kind, ascending=False).head(top).iloc[::-1]
    fig = new_figure(x=kind, legend=False, height=90 + 24 * max(len(shown), 3))
    labels = [shorten_middle(str(name)) for name in shown["feature"]]
    fig.add_trace(
        go.Bar(x=shown[kind], y=labels, orientation="h", marker_color=ACCENT_COLOUR, hovertemplate="%{y}: %{x:.4g}<extra></extra>")
    )
    return fig


def importance_sentence(table: pd.DataFrame, kind: str = "gain") -> str:
    """Which features the trees use most."""
    if table.empty:
        return "The model has no splits."
    ordered = table.sort_values(kind, ascending=False)
    shares = ordered[kind] / ordered[kind].sum()
    return (
        f"By {kind}, **{ordered['feature'].iloc[0]}** has {format_percent(float(shares.iloc[0]), 0)} of the total, the first five of "
        f"{len(table)} features {format_percent(float(shares.head(5).sum()), 0)}."
    )


Labels = tuple[str, str]
"""What labels 0 and 1 are called."""


def distribution_table(binned: LabelHistogram, labels: Labels) -> pd.DataFrame:
    """Rows of each label in each bin."""
    edges = binned["edges"]
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], labels[0]: binned["label 0"], labels[1]: binned["label 1"]})


def distribution_figure(binned: LabelHistogram, *, x: str, labels: Labels) -> go.Figure:
    """Both labels' rows by bins of a score or residual; label 1 is hatched."""
    table = distribution_table(binned, labels)
    fig = new_figure(x=x, y="rows")
    for label, colour, shape in ((labels[0], MITIGATED_COLOUR, ""), (labels[1], BASELINE_COLOUR, "/")):
        fig.add_trace(
            go.Bar(
                x=(table["from"] + table["to"]) / 2,
                y=table[label],
                width=table["to"] - table["from"],
                name=label,
                marker={"color": colour, "pattern": {"shape": shape}, "line": {"width": 0}},
                hovertemplate=f"{label}, {x} %{{x:.2f}}: %{{y:,}} rows<extra></extra>",
            )
        )
    fig.update_layout(barmode="stack", bargap=0)
    fig.add_vline(x=0.5 if x == "score" else 0, line_width=1, line_color=GREY)
    return fig


def residuals_sentence(binned: LabelHistogram, labels: Labels) -> str:
    """How many rows the model predicts wrongly by a wide margin (more than 0.5)."""
    table = distribution_table(binned, labels)
    total = int(table[list(labels)].to_numpy().sum())
    under = int(table.loc[table["from"] >= 0.5, list(labels)].to_numpy().sum())
    over = int(table.loc[table["to"] <= -0.5, list(labels)].to_numpy().sum())
    return (
        f"The score is the probability of {labels[1]}. {under:,} rows with {labels[1]} got a score below 0.5, {over:,} with {labels[0]} "
        f"one above it; {format_number(100 * (under + over) / max(total, 1), 1)} of 100, n = {total:,}."
    )
