"""What another cut-off does, as curves over all of them and as a table at one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias_intervals import Interval
from core.analysis.thresholds import PERFORMANCE, Sweep, TurnedAway, figures
from core.views.style import BASELINE, FAINT, GREY, MITIGATED, figure, number, percent

COLOURS = (BASELINE, MITIGATED)
SHOWN = ("accuracy", "balanced accuracy", "precision", "recall", "f1", "DPPL", "DI", "RD", "SD", "AD", "CDDPL")
Values = Mapping[str, tuple[float | None, Interval]]


def shares(sweeps: Mapping[str, Sweep], people: tuple[str, str], at: Mapping[str, float]) -> tuple[go.Figure, pd.DataFrame]:
    """The share of facet and rest that is turned away at each threshold; a line for each model and side, dashed for the rest."""
    fig = figure(x="threshold of the score", y="share turned away", height=360)
    tables = []
    for index, (model, sweep) in enumerate(sweeps.items()):
        cells = sweep.tables().sum(axis=(1, -1))  # (thresholds, facet, label, prediction)
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
            tables.append(pd.DataFrame({"threshold": sweep.thresholds, "version": model, "people": name, "turned away": away.round(4)}))
    _marked(fig, at)
    fig.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return fig, pd.concat(tables)


def metric(sweeps: Mapping[str, Sweep], name: str, at: Mapping[str, float]) -> tuple[go.Figure, pd.DataFrame]:
    """One figure at each threshold, a line for each model."""
    fig = figure(x="threshold of the score", y=name, height=360)
    tables = []
    for index, (model, sweep) in enumerate(sweeps.items()):
        values = figures(sweep.tables(), sweep.favourable)[name]
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
    if name not in PERFORMANCE:
        fig.add_hline(y=1 if name == "DI" else 0, line_width=1, line_color=FAINT)
    _marked(fig, at)
    return fig, pd.concat(tables)


def _marked(fig: go.Figure, at: Mapping[str, float]) -> None:
    for label, threshold in at.items():
        fig.add_vline(x=threshold, line_width=1.5, line_dash="dot", line_color=GREY, annotation_text=label, annotation_position="top left")


def table(now: Mapping[str, Values], before: Mapping[str, Values], *, threshold: float) -> pd.DataFrame:
    """Each figure at the chosen threshold with its interval, and at the report's own."""
    names = [name for name in SHOWN if any(name in values for values in now.values())]
    rows = []
    for name in names:
        row: dict[str, Any] = {"metric": name}
        for model, values in now.items():
            row[f"{model} at {threshold:g}"] = _text(values.get(name))
            old = before[model].get(name)
            row[f"{model}, own threshold"] = "–" if old is None else number(old[0])
        rows.append(row)
    return pd.DataFrame(rows)


def _text(value: tuple[float | None, Interval] | None) -> str:
    if value is None or value[0] is None:
        return "undefined"
    point, ends = value
    return number(point) if ends.low is None else f"{number(point)} [{number(ends.low)}, {number(ends.high)}]"


def people(found: Mapping[str, TurnedAway], names: tuple[str, str]) -> pd.DataFrame:
    """Counts of people on both sides, for each model."""
    return pd.DataFrame(
        [
            {
                "version": model,
                "people": name,
                "rows": side.rows,
                "turned away": side.away,
                "approved": side.rows - side.away,
                "share turned away": percent(side.share),
                "wrongly turned away": side.wrongly,
            }
            for model, one in found.items()
            for name, side in ((names[0], one.facet), (names[1], one.rest))
        ]
    )
