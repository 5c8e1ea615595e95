"""SHAP charts: global bars, beeswarm, dependence, one row's waterfall. Values are in probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.tables.value_names import ValueNames
from core.views.shared.figure_style import BASELINE_COLOUR, GREY, LOWERS_COLOUR, MITIGATED_COLOUR, RAISES_COLOUR, new_figure
from core.views.shared.number_text import band_text, feature_value_text, format_number, named_value_text

Floats = npt.NDArray[np.float64]


def global_values_table(models: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Mean |SHAP| of each feature for each model, the greatest of the last model first; by magnitude where a report has signed values."""
    table = pd.DataFrame({model: pd.Series(dict(values), dtype=float) for model, values in models.items()})
    table.index.name = "feature"
    return table.sort_values(list(models)[-1], ascending=False, key=abs).reset_index()


def global_bars(models: Mapping[str, Mapping[str, float]], *, top: int = 15, x: str = "mean |SHAP| (probability)") -> go.Figure:
    """The greatest mean |SHAP| values, both models side by side; ``x``: what they are, in reports made elsewhere."""
    table = global_values_table(models).head(top).iloc[::-1]
    fig = new_figure(x=x, height=110 + (30 if len(models) > 1 else 24) * max(len(table), 3), legend=len(models) > 1)
    for index, model in reversed(list(enumerate(models))):
        fig.add_trace(
            go.Bar(
                x=table[model],
                y=table["feature"],
                orientation="h",
                name=model,
                marker_color=(BASELINE_COLOUR, MITIGATED_COLOUR)[(index + (len(models) == 1)) % 2],
                hovertemplate="%{y}: %{x:.4f}<extra>" + model + "</extra>",
            )
        )
    fig.update_layout(barmode="group", bargap=0.25, legend_traceorder="reversed")
    fig.update_yaxes(dtick=1)
    return fig


def beeswarm(values: Floats, data: pd.DataFrame, names: ValueNames, *, top: int = 12, points: int = 400) -> go.Figure:
    """A dot for each row and feature: its SHAP value across, its feature value in colour, grey where it is missing. At most ``points`` rows
    are drawn."""
    take = np.unique(np.linspace(0, len(values) - 1, min(points, len(values))).astype(int))
    order = np.argsort(np.abs(values).mean(axis=0))[::-1][:top][::-1]
    fig = new_figure(x="SHAP value: to the right raises the prediction", legend=False, height=110 + 36 * max(len(order), 3))
    for row, column in enumerate(order):
        x, feature = values[take, column], str(data.columns[column])
        raw = pd.to_numeric(data.iloc[take, column], errors="coerce").to_numpy(dtype=float)
        rank, y, known = pd.Series(raw).rank(pct=True).to_numpy(), row + _spread_dots(x), ~np.isnan(raw)
        for at, colour in ((known, {"color": rank[known], "coloraxis": "coloraxis"}), (~known, {"color": GREY})):
            if at.any():
                fig.add_trace(
                    go.Scattergl(
                        x=x[at],
                        y=y[at],
                        mode="markers",
                        marker={"size": 4, **colour},
                        customdata=[named_value_text(feature, value, names) for value in raw[at]],
                        hovertemplate=f"{feature} = %{{customdata}}<br>SHAP %{{x:.4f}}<extra></extra>",
                    )
                )
    fig.update_coloraxes(
        colorscale=[[0, LOWERS_COLOUR], [0.5, "#A98BB8"], [1, RAISES_COLOUR]],
        colorbar={"title": {"text": "feature"}, "tickvals": [0.05, 0.95], "ticktext": ["low", "high"], "thickness": 10},
    )
    fig.update_yaxes(
        tickvals=list(range(len(order))), ticktext=[str(data.columns[c]) for c in order], zeroline=False, range=[-0.6, len(order) - 0.4]
    )
    fig.add_vline(x=0, line_width=1, line_color=GREY)
    return fig


def _spread_dots(x: Floats, bins: int = 60) -> Floats:
    """Vertical offsets that keep crowded dots apart; the same input gives the same offsets."""
    if x.size == 0 or float(np.ptp(x)) == 0:
        return np.linspace(-0.35, 0.35, x.size)
    place = np.floor((x - x.min()) / np.ptp(x) * (bins - 1)).astype(int)
    offsets = np.zeros(x.size)
    most = np.bincount(place).max()
    for index in np.unique(place):
        members = np.flatnonzero(place == index)
        offsets[members] = (np.arange(members.size) - (members.size - 1) / 2) * (0.75 / max(most, 1))
    return offsets


def dependence(
    values: Mapping[str, Floats],
    data: Mapping[str, pd.DataFrame],
    feature: str,
    names: ValueNames,
    *,
    bands: Mapping[str, pd.DataFrame] | None = None,
    points: int = 1500,
) -> go.Figure:
    """SHAP value against the feature's value, a colour and a sign for each model; ``bands``: the means along it, with intervals.
    Rows without a value aren't drawn; the table of the bands has them."""
    fig = new_figure(x=feature, y="SHAP value", height=360, legend=len(values) > 1)
    for index, (model, array) in enumerate(values.items()):
        frame = data[model]
        take = np.unique(np.linspace(0, len(array) - 1, min(points, len(array))).astype(int))
        column = list(frame.columns).index(feature)
        fig.add_trace(
            go.Scattergl(
                x=frame.iloc[take, column],
                y=array[take, column],
                mode="markers",
                name=model,
                marker={
                    "size": 5,
                    "opacity": 0.35,
                    "color": (BASELINE_COLOUR, MITIGATED_COLOUR)[(index + (len(values) == 1)) % 2],
                    "symbol": ("diamond", "circle")[(index + (len(values) == 1)) % 2],
                },
                hovertemplate=f"{feature} %{{x}}: %{{y:.4f}}<extra>{model}</extra>",
            )
        )
        if bands is not None:
            fig.add_trace(
                _band_means(
                    bands[model], (BASELINE_COLOUR, MITIGATED_COLOUR)[(index + (len(values) == 1)) % 2], f"{model}, mean", dashed=index == 0
                )
            )
    if names.is_coded(feature):
        codes = sorted({code for frame in data.values() for code in frame[feature].dropna().unique()})
        fig.update_xaxes(tickvals=codes, ticktext=[names.value(feature, code) for code in codes])
    return fig


def _band_means(bands: pd.DataFrame, colour: str, name: str, *, dashed: bool) -> go.Scatter:
    """The means of the bands as a line, with their intervals; without the band of rows that have no value."""
    bands = bands[bands["from"].notna()]
    return go.Scatter(
        x=(bands["from"] + bands["to"]) / 2,
        y=bands["mean"],
        error_y={"type": "data", "array": (bands["high"] - bands["mean"]).fillna(0), "thickness": 1.5, "width": 4},
        mode="lines+markers",
        name=name,
        showlegend=False,
        line={"color": colour, "width": 2.5, "dash": "dash" if dashed else "solid"},
        marker={"size": 7, "color": colour},
        customdata=bands["n"],
        hovertemplate="mean %{y:.4f} of %{customdata} rows<extra>" + name + "</extra>",
    )


def band_table(bands: Mapping[str, pd.DataFrame], feature: str, names: ValueNames) -> pd.DataFrame:
    """The bands of all models, one under the other."""
    parts = []
    for model, found in bands.items():
        ends = zip(found["from"], found["to"], strict=True)
        shown = [named_value_text(feature, low, names) if low == high else band_text(low, high) for low, high in ends]
        parts.append(
            found.drop(columns=["from", "to"]).assign(**{feature: shown, "model": model})[["model", feature, "mean", "low", "high", "n"]]
        )
    return pd.concat(parts, ignore_index=True)


def importance_table(
    models: Mapping[str, Mapping[str, ShapEstimate]], differences: Mapping[str, ShapEstimate] | None = None, sensitive: Sequence[str] = ()
) -> pd.DataFrame:
    """Mean |SHAP| of each feature and model with its interval and share, the greatest of the last model first; the differences last."""
    last = list(models.values())[-1]
    table = pd.DataFrame({"feature": list(last), "sensitive": ["sensitive" if name in sensitive else "" for name in last]})
    for model, found in models.items():
        total = sum(e.value for e in found.values()) or float("nan")
        some = [found.get(name) for name in last]
        table[model] = [e.value if e else None for e in some]
        table[f"{model}, low"] = [e.low if e else None for e in some]
        table[f"{model}, high"] = [e.high if e else None for e in some]
        table[f"{model}, share"] = [e.value / total if e else None for e in some]
    if differences is not None:
        paired = [differences.get(name) for name in last]
        table["difference"] = [e.value if e else None for e in paired]
        table["difference, low"] = [e.low if e else None for e in paired]
        table["difference, high"] = [e.high if e else None for e in paired]
        table["beyond noise"] = ["" if e is None else "no" if e.within_noise else "yes" for e in paired]
    return table


def importance_bars(models: Mapping[str, Mapping[str, ShapEstimate]], *, sensitive: Sequence[str] = (), top: int = 15) -> go.Figure:
    """The greatest mean |SHAP| values with their intervals; a sensitive feature's name says so."""
    names = list(list(models.values())[-1])
    shown = [*names[:top], *(name for name in names[top:] if name in sensitive)][::-1]
    labels = [f"{name} (sensitive)" if name in sensitive else name for name in shown]
    height = 110 + (30 if len(models) > 1 else 24) * max(len(shown), 3)
    fig = new_figure(x="mean |SHAP| (probability)", height=height, legend=len(models) > 1)
    for index, (model, found) in reversed(list(enumerate(models.items()))):
        some = [found.get(name) for name in shown]
        fig.add_trace(
            go.Bar(
                x=[e.value if e else None for e in some],
                y=labels,
                orientation="h",
                name=model,
                marker={
                    "color": (BASELINE_COLOUR, MITIGATED_COLOUR)[(index + (len(models) == 1)) % 2],
                    "pattern": {"shape": "/" if index == 0 and len(models) > 1 else "", "size": 5, "solidity": 0.25},
                },
                error_x={"type": "data", "array": [e.high - e.value if e else 0 for e in some], "thickness": 1.2, "width": 2},
                hovertemplate="%{y}: %{x:.4f}<extra>" + model + "</extra>",
            )
        )
    fig.update_layout(barmode="group", bargap=0.25, legend_traceorder="reversed")
    fig.update_yaxes(dtick=1)
    return fig


def waterfall(values: Floats, expected: float, row: pd.Series, *, top: int = 12) -> go.Figure:
    """From the expected prediction to one row's prediction, the greatest contributions one by one, the rest combined."""
    table = waterfall_table(values, row)
    shown, rest = table.head(top), table.iloc[top:]
    names = [f"{r.feature} = {r.value}" for r in shown.itertuples()]
    steps = [float(v) for v in shown["SHAP"]]
    if len(rest):
        names.append(f"{len(rest)} others")
        steps.append(float(rest["SHAP"].sum()))
    total = expected + float(values.sum())
    fig = new_figure(x="prediction (probability)", legend=False, height=110 + 30 * (len(names) + 2))
    fig.add_trace(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *["relative"] * len(steps), "total"],
            y=["expected", *names, "prediction"],
            x=[expected, *steps, total],
            text=[format_number(expected), *[("+" if s > 0 else "") + format_number(s) for s in steps], format_number(total)],
            textposition="outside",
            cliponaxis=False,
            increasing={"marker": {"color": RAISES_COLOUR}},
            decreasing={"marker": {"color": LOWERS_COLOUR}},
            totals={"marker": {"color": GREY}},
            connector={"line": {"color": GREY, "width": 1}},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    ends = np.cumsum([expected, *steps])
    room = max(float(np.ptp(ends)), 0.02) * 0.28
    fig.update_xaxes(range=[min(float(ends.min()), total, room) - room, float(ends.max()) + room])
    fig.update_yaxes(autorange="reversed", dtick=1)
    return fig


def waterfall_table(values: Floats, row: pd.Series) -> pd.DataFrame:
    """Feature, value and SHAP value of one row, the greatest contribution first."""
    table = pd.DataFrame(
        {
            "feature": [str(name) for name in row.index],
            "value": [feature_value_text(v) for v in row],
            "SHAP": values,
        }
    )
    return table.reindex(table["SHAP"].abs().sort_values(ascending=False).index).reset_index(drop=True)
