"""Charts of a tuning job: history, parallel coordinates, importance, slice, timeline, curves per round.

All take the trials as one table: ``number`` (from 1), ``name``, ``status``, ``objective``, ``started``, ``ended`` (UTC), and a
column for each tuned hyperparameter.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.views.shared.figure_style import (
    ACCENT_COLOUR,
    BASELINE_COLOUR,
    GREY,
    MITIGATED_COLOUR,
    RAISES_COLOUR,
    SERIES_COLOURS,
    apply_layout,
    grid_shape,
    new_figure,
    shorten_middle,
)

STATUS_COLOURS = {"Completed": MITIGATED_COLOUR, "InProgress": ACCENT_COLOUR, "Stopped": GREY, "Stopping": GREY, "Failed": RAISES_COLOUR}


def history_figure(trials: pd.DataFrame, *, objective: str, maximize: bool) -> go.Figure:
    """Each trial's objective, and the best so far."""
    table = history_table(trials, maximize=maximize)
    fig = new_figure(x="trial", y=objective)
    fig.add_trace(
        go.Scatter(
            x=table["number"],
            y=table["objective"],
            mode="markers",
            name="trial",
            marker={"size": 9, "color": MITIGATED_COLOUR},
            customdata=table[["name"]],
            hovertemplate="%{customdata[0]}<br>%{y:.5f}<extra></extra>",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=table["number"],
            y=table["best so far"],
            mode="lines",
            name="best so far",
            line={"color": ACCENT_COLOUR, "shape": "hv", "width": 2},
        )
    )
    if len(table) <= 20:
        fig.update_xaxes(dtick=1)
    return fig


def history_table(trials: pd.DataFrame, *, maximize: bool) -> pd.DataFrame:
    """Trials with an objective in order of their number, with the best value up to each."""
    known = trials.dropna(subset=["objective"]).sort_values("number")
    best = known["objective"].cummax() if maximize else known["objective"].cummin()
    return known.assign(**{"best so far": best})[["number", "name", "objective", "best so far"]]


def overlay_figure(jobs: Mapping[str, pd.DataFrame], *, objective: str, maximize: bool) -> go.Figure:
    """The trials and the best so far of several tuning jobs, each with its own colour, marker and dash."""
    fig = new_figure(x="trial", y=objective)
    for place, (name, trials) in enumerate(jobs.items()):
        table = history_table(trials, maximize=maximize)
        colour, symbol, dash = (MITIGATED_COLOUR, "circle", "solid") if place == 0 else (BASELINE_COLOUR, "diamond-open", "dash")
        for mode, column in (("markers", "objective"), ("lines", "best so far")):
            fig.add_trace(
                go.Scatter(
                    x=table["number"],
                    y=table[column],
                    mode=mode,
                    name=shorten_middle(name) if mode == "lines" else "",
                    showlegend=mode == "lines",
                    marker={"size": 8, "color": colour, "symbol": symbol},
                    line={"color": colour, "shape": "hv", "width": 2, "dash": dash},
                    hovertemplate=f"{name}, trial %{{x}}: %{{y:.5f}}<extra></extra>",
                )
            )
    return fig


def parallel_coordinates_figure(trials: pd.DataFrame, parameters: Sequence[str], *, objective: str) -> go.Figure:
    """A line for each trial across the tuned hyperparameters to the objective; drag on an axis to filter."""
    known = trials.dropna(subset=["objective"])
    dimensions = []
    for name in parameters:
        values = pd.to_numeric(known[name], errors="coerce")
        if values.notna().any():
            dimensions.append({"label": name.replace("_", " "), "values": values})
        else:
            codes, kinds = pd.factorize(known[name].astype(str))
            dimensions.append(
                {"label": name.replace("_", " "), "values": codes, "tickvals": list(range(len(kinds))), "ticktext": list(kinds)}
            )
    dimensions.append({"label": objective, "values": known["objective"]})
    fig = go.Figure(go.Parcoords(dimensions=dimensions, line={"color": known["objective"], "coloraxis": "coloraxis"}, labelangle=0))
    apply_layout(fig, height=360, legend=False)
    fig.update_coloraxes(colorbar={"title": {"text": ""}, "thickness": 10})
    fig.update_layout(margin={"l": 48, "r": 24, "t": 56, "b": 24})
    return fig


def importance_table(trials: pd.DataFrame, parameters: Sequence[str], *, maximize: bool) -> pd.DataFrame:
    """Share of the objective's variance that each hyperparameter explains (fANOVA, Hutter et al. 2014).

    Empty where fewer than four trials have an objective, or all have the same.
    """
    known = trials.dropna(subset=["objective", *parameters])
    tuned = [name for name in parameters if known[name].nunique() > 1]
    if len(known) < 4 or known["objective"].nunique() < 2 or not tuned:
        return pd.DataFrame(columns=["hyperparameter", "importance"])
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if maximize else "minimize")
    spaces: dict[str, optuna.distributions.BaseDistribution] = {}
    for name in tuned:
        values = pd.to_numeric(known[name], errors="coerce")
        spaces[name] = (
            optuna.distributions.FloatDistribution(float(values.min()), float(values.max()))
            if values.notna().all()
            else optuna.distributions.CategoricalDistribution(sorted(known[name].astype(str).unique()))
        )
    for row in known.to_dict("records"):
        chosen = {n: float(row[n]) if isinstance(spaces[n], optuna.distributions.FloatDistribution) else str(row[n]) for n in tuned}
        study.add_trial(optuna.trial.create_trial(params=chosen, distributions=spaces, value=float(row["objective"])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0))
    return pd.DataFrame({"hyperparameter": list(found), "importance": list(found.values())})


def importance_figure(table: pd.DataFrame) -> go.Figure:
    """Bars of ``importance_table``, the most important on top."""
    rising = table.iloc[::-1]
    fig = new_figure(x="share of the objective's variance", legend=False, height=90 + 34 * max(len(table), 3))
    fig.add_trace(
        go.Bar(
            x=rising["importance"],
            y=rising["hyperparameter"],
            orientation="h",
            marker_color=ACCENT_COLOUR,
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    fig.update_xaxes(range=[0, 1])
    return fig


def slices_figure(trials: pd.DataFrame, parameters: Sequence[str], *, objective: str) -> go.Figure:
    """The objective against each hyperparameter; the later a trial, the darker."""
    known = trials.dropna(subset=["objective"])
    down, across = grid_shape(parameters, max_columns=3)
    fig = make_subplots(
        rows=down, cols=across, shared_yaxes=True, vertical_spacing=0.34 / max(down, 1) if down > 1 else 0.1, horizontal_spacing=0.04
    )
    for place, name in enumerate(parameters):
        row, col = place // across + 1, place % across + 1
        fig.add_trace(
            go.Scatter(
                x=known[name],
                y=known["objective"],
                mode="markers",
                marker={"size": 8, "color": known["number"], "coloraxis": "coloraxis"},
                customdata=known[["name"]],
                hovertemplate="%{customdata[0]}<br>" + name + " %{x}: %{y:.5f}<extra></extra>",
            ),
            row=row,
            col=col,
        )
        fig.update_xaxes(title_text=name, row=row, col=col)
    for row in range(1, down + 1):
        fig.update_yaxes(title_text=objective, row=row, col=1)
    apply_layout(fig, height=60 + 240 * down, legend=False)
    fig.update_coloraxes(showscale=False)
    return fig


def timeline_figure(trials: pd.DataFrame) -> go.Figure:
    """When each training job ran; lanes side by side are jobs in parallel."""
    known = trials.dropna(subset=["started"]).sort_values("number")
    now = pd.Timestamp.now(tz="UTC")
    fig = new_figure(y="trial", height=110 + 16 * max(len(known), 6))
    starts = pd.to_datetime(known["started"], utc=True)
    ends = pd.to_datetime(known["ended"], utc=True).fillna(now)
    for status, rows in known.groupby("status", sort=False):
        start, end = starts[rows.index], ends[rows.index]
        fig.add_trace(
            go.Bar(
                base=start,
                x=(end - start).dt.total_seconds() * 1000,
                y=rows["number"],
                orientation="h",
                name=str(status),
                marker_color=STATUS_COLOURS.get(str(status), GREY),
                customdata=np.stack([rows["name"], (end - start).dt.total_seconds()], axis=1),
                hovertemplate="%{customdata[0]}<br>%{customdata[1]:.1f} s<extra>" + str(status) + "</extra>",
            )
        )
    fig.update_layout(barmode="overlay", bargap=0.25)
    fig.update_xaxes(type="date", title_text="UTC")
    fig.update_yaxes(autorange="reversed", dtick=1 if len(known) <= 20 else None)
    return fig


def metric_curves_figure(rounds: pd.DataFrame) -> go.Figure:
    """Metrics per boosting round of one job: ``rounds`` has round, data (train, validation), metric, value."""
    names = sorted({str(metric) for metric in rounds["metric"]})
    fig = make_subplots(rows=1, cols=len(names), subplot_titles=names, horizontal_spacing=0.08)
    shown: set[str] = set()
    for (data, metric), rows in rounds.groupby(["data", "metric"], sort=True):
        fig.add_trace(
            go.Scatter(
                x=rows["round"],
                y=rows["value"],
                mode="lines",
                name=data,
                legendgroup=data,
                showlegend=data not in shown,
                line={"color": SERIES_COLOURS[0] if data == "validation" else SERIES_COLOURS[6], "width": 2},
                hovertemplate=f"{data} {metric}, round %{{x}}: %{{y:.5f}}<extra></extra>",
            ),
            row=1,
            col=names.index(str(metric)) + 1,
        )
        shown.add(str(data))
    fig.update_xaxes(title_text="round")
    apply_layout(fig, height=320, top=64)
    fig.update_layout(legend={"y": 1.12})
    return fig
