"""What a rebalancing did: counts of label × facet, and bias metrics, before and after."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.bias.bias_metrics import PRE_TRAINING
from core.analysis.resampling.rebalancing_manifest import MetricEntry
from core.analysis.tables.value_names import ValueNames
from core.views.data.rebalancing_sentences import Counts, metric_entry_value, pivot_counts
from core.views.shared.figure_style import BASELINE_COLOUR, FAINT_COLOUR, MITIGATED_COLOUR, apply_layout, new_figure

MetricValues = Mapping[str, MetricEntry]
"""Metric -> its value."""


def counts_figure(before: Counts, after: Counts, *, label: str, facet: str, names: ValueNames) -> go.Figure:
    """Two heat maps, before and after, on one colour scale."""
    old, new = pivot_counts(before), pivot_counts(after)
    top = max(int(old.to_numpy().max(initial=0)), int(new.to_numpy().max(initial=0)), 1)
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Before", "After"), shared_yaxes=True, horizontal_spacing=0.06)
    for place, wide in ((1, old), (2, new)):
        fig.add_trace(
            go.Heatmap(
                z=wide.to_numpy(),
                x=[names.describe(facet, value) for value in wide.columns],
                y=[names.describe(label, value) for value in wide.index],
                text=[[f"{round(cell):,}" for cell in row] for row in wide.to_numpy()],
                texttemplate="%{text}",
                textfont={"size": 14},
                coloraxis="coloraxis",
                xgap=3,
                ygap=3,
                hovertemplate="%{y}, %{x}: %{text} rows<extra></extra>",
            ),
            row=1,
            col=place,
        )
    fig.update_coloraxes(cmin=0, cmax=top, showscale=False)
    apply_layout(fig, height=352, legend=False, top=36)
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    return fig


def bias_table(before: MetricValues, after: MetricValues, described: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Pre-training metrics before and after; ``sign`` is "flipped" where a metric changed its sign."""
    rows = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name, {}), after.get(name, {})
        a, b = metric_entry_value(old), metric_entry_value(new)
        flipped = a is not None and b is not None and a * b < 0
        rows.append(
            {
                "metric": name,
                "description": (described or {}).get(name, ""),
                "before": a,
                "after": b,
                "change": None if a is None or b is None else b - a,
                "sign": "flipped" if flipped else "kept" if a is not None and b is not None else "–",
                "in words, after": metric_in_words(name, b),
                "why undefined": old.get("error") or new.get("error") or "",
            }
        )
    return pd.DataFrame(rows)


def bias_figure(table: pd.DataFrame) -> go.Figure:
    """A line from before to after for each metric of ``bias_table``; zero is no difference between the groups."""
    known = table.dropna(subset=["before", "after"]).iloc[::-1]
    names = [f"{row.metric} ⇄" if row.sign == "flipped" else row.metric for row in known.itertuples()]
    fig = new_figure(x="value (0: no difference)", height=80 + 34 * max(len(known), 3))
    for name, row in zip(names, known.itertuples(), strict=True):
        fig.add_trace(
            go.Scatter(
                x=[row.before, row.after],
                y=[name, name],
                mode="lines",
                line={"color": FAINT_COLOUR, "width": 5},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    for column, colour, symbol, size in (("before", BASELINE_COLOUR, "circle-open", 17), ("after", MITIGATED_COLOUR, "circle", 11)):
        fig.add_trace(
            go.Scatter(
                x=known[column],
                y=names,
                mode="markers",
                name=column,
                marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate="%{y} " + column + ": %{x:.4f}<extra></extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color="#8A93A0")
    return fig


def metric_in_words(metric: str, value: float | None) -> str:
    """What a pre-training metric's value says; "" where it is undefined."""
    return PRE_TRAINING[metric].in_words(value) if value is not None and metric in PRE_TRAINING else ""
