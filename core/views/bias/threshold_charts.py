"""What each threshold of the score does, as curves over all thresholds and as a table at one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.metric_registry import headline_metrics, neutral_value
from core.analysis.bias.threshold_sweep import SWEPT_PERFORMANCE, ThresholdSweep, all_metrics
from core.views.shared.figure_style import BASELINE_COLOUR, FAINT_COLOUR, GREY, MITIGATED_COLOUR, new_figure
from core.views.shared.number_text import format_number, format_percent

COLOURS = (BASELINE_COLOUR, MITIGATED_COLOUR)
SHOWN_METRICS = (*SWEPT_PERFORMANCE, *headline_metrics())
MetricsWithIntervals = Mapping[str, tuple[float | None, Interval]]


def decline_figure_and_table(
    sweeps: Mapping[str, ThresholdSweep], people: tuple[str, str], marked_thresholds: Mapping[str, float]
) -> tuple[go.Figure, pd.DataFrame]:
    """The share of facet and rest that is declined at each threshold; a line for each model and side, dashed for the rest."""
    fig = new_figure(x="threshold of the score", y="declined share", height=360)
    tables = []
    for index, (model, sweep) in enumerate(sweeps.items()):
        cells = sweep.count_tables().sum(axis=(1, -1))  # (thresholds, facet, label, prediction)
        for side, name, dash in ((1, people[0], "solid"), (0, people[1], "dash")):
            total = np.maximum(cells[:, side].sum(axis=(-1, -2)), 1)
            away = cells[:, side, :, 0].sum(axis=-1) / total
            label = f"{model}: {name}"
            fig.add_trace(
                go.Scatter(
                    x=list(sweep.thresholds),
                    y=away,
                    mode="lines",
                    name=label,
                    line={"color": COLOURS[index % 2], "width": 2, "dash": dash},
                    hovertemplate="%{x:.2f}: %{y:.1%}<extra>" + label + "</extra>",
                )
            )
            tables.append(pd.DataFrame({"threshold": sweep.thresholds, "version": model, "people": name, "declined": away.round(4)}))
    _mark_thresholds(fig, marked_thresholds)
    fig.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return fig, pd.concat(tables)


def metric_figure_and_table(
    sweeps: Mapping[str, ThresholdSweep], name: str, marked_thresholds: Mapping[str, float]
) -> tuple[go.Figure, pd.DataFrame]:
    """One metric at each threshold, with a line for each model."""
    fig = new_figure(x="threshold of the score", y=name, height=360)
    tables = []
    for index, (model, sweep) in enumerate(sweeps.items()):
        values = all_metrics(sweep.count_tables(), sweep.favourable)[name]
        finite = np.where(np.isfinite(values), values, np.nan)
        fig.add_trace(
            go.Scatter(
                x=list(sweep.thresholds),
                y=finite,
                mode="lines",
                name=model,
                line={"color": COLOURS[index % 2], "width": 2, "dash": ("dash", "solid")[index % 2] if len(sweeps) > 1 else "solid"},
                hovertemplate="%{x:.2f}: %{y:.3f}<extra>" + model + "</extra>",
            )
        )
        tables.append(pd.DataFrame({"threshold": sweep.thresholds, "version": model, name: finite.round(4)}))
    if name not in SWEPT_PERFORMANCE:
        fig.add_hline(y=neutral_value(name), line_width=1, line_color=FAINT_COLOUR)
    _mark_thresholds(fig, marked_thresholds)
    return fig, pd.concat(tables)


def _mark_thresholds(fig: go.Figure, at: Mapping[str, float]) -> None:
    for label, threshold in at.items():
        fig.add_vline(x=threshold, line_width=1.5, line_dash="dot", line_color=GREY, annotation_text=label, annotation_position="top left")


def metrics_table(now: Mapping[str, MetricsWithIntervals], before: Mapping[str, MetricsWithIntervals], *, threshold: float) -> pd.DataFrame:
    """Each metric at the chosen threshold with its interval, and at the report's own threshold."""
    names = [name for name in SHOWN_METRICS if any(name in values for values in now.values())]
    rows = []
    for name in names:
        row: dict[str, str | float] = {"metric": name}
        for model, values in now.items():
            row[f"{model} at {threshold:g}"] = _estimate_text(values.get(name))
            old = before[model].get(name)
            row[f"{model}, own threshold"] = "–" if old is None else format_number(old[0])
        rows.append(row)
    return pd.DataFrame(rows)


def _estimate_text(value: tuple[float | None, Interval] | None) -> str:
    if value is None or value[0] is None:
        return "undefined"
    point, ends = value
    return format_number(point) if ends.low is None else f"{format_number(point)} [{format_number(ends.low)}, {format_number(ends.high)}]"


def decline_counts_table(rates_by_model: Mapping[str, DeclineRates], names: tuple[str, str]) -> pd.DataFrame:
    """How many people of each group a model declines and approves, for each model."""
    return pd.DataFrame(
        [
            {
                "version": model,
                "people": name,
                "rows": side.rows,
                "declined": side.declined,
                "approved": side.rows - side.declined,
                "declined share": format_percent(side.share),
                "wrongly declined": side.wrongly_declined,
            }
            for model, one in rates_by_model.items()
            for name, side in ((names[0], one.facet), (names[1], one.rest))
        ]
    )
