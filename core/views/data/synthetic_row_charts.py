"""Real and synthetic rows, feature by feature: histograms over the same bins, and how much of them is common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.analysis.distributions import overlap
from core.views.style import BASELINE, MITIGATED, figure, number, percent

Feature = Mapping[str, Any]
"""What the job wrote of one column: feature, kind, edges, labels, and groups → before, after, synthetic → counts, mean, rows."""
TITLES = {"before": "real rows", "synthetic": "synthetic rows", "after": "all rows after"}


def compared(feature: Feature, group: str = "") -> str:
    """What the real rows are compared with: the synthetic ones, or all rows after where the method makes none."""
    return "synthetic" if feature["groups"][group]["synthetic"]["rows"] else "after"


def summary(features: Sequence[Feature], group: str = "") -> pd.DataFrame:
    """How far the real and the compared rows overlap in each feature; the least alike first."""
    rows = []
    for feature in features:
        real, other = feature["groups"][group]["before"], feature["groups"][group][compared(feature, group)]
        rows.append(
            {
                "feature": feature["feature"],
                "overlap": overlap(real["counts"], other["counts"]),
                "mean, real": _rounded(real["mean"]),
                "mean, compared": _rounded(other["mean"]),
            }
        )
    table = pd.DataFrame(rows, columns=["feature", "overlap", "mean, real", "mean, compared"])
    return table.sort_values("overlap", kind="stable", ignore_index=True)


def commonest(feature: Feature) -> str:
    """The group that all synthetic rows belong to, "" (everyone) where there is none: rows of one group are compared with their own."""
    made = feature["groups"][""]["synthetic"]["rows"]
    return next((g for g, sides in feature["groups"].items() if g and made and sides["synthetic"]["rows"] == made), "")


def _rounded(value: float | None) -> str:
    return number(value, 0 if value is not None and abs(value) >= 1000 else 2)


def histogram(feature: Feature, group: str = "") -> go.Figure:
    """The share of the rows in each bin; real rows as bars, the compared ones as a line of markers over them."""
    against = compared(feature, group)
    fig = figure(x=feature["feature"], y="share of the rows", height=320)
    real, other = _shares(feature, group, "before"), _shares(feature, group, against)
    fig.add_trace(
        go.Bar(
            x=feature["labels"],
            y=real,
            name=TITLES["before"],
            marker={"color": BASELINE, "opacity": 0.55},
            hovertemplate="%{x}: %{y:.1%}<extra>real</extra>",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=feature["labels"],
            y=other,
            name=TITLES[against],
            mode="lines+markers",
            line={"color": MITIGATED, "width": 2, "shape": "hvh"},
            marker={"size": 7, "symbol": "diamond", "color": MITIGATED},
            hovertemplate="%{x}: %{y:.1%}<extra>" + TITLES[against] + "</extra>",
        )
    )
    fig.update_layout(bargap=0.06)
    fig.update_yaxes(tickformat=".0%", rangemode="tozero")
    fig.update_xaxes(type="category", nticks=12)
    return fig


def histogram_table(feature: Feature, group: str = "") -> pd.DataFrame:
    """The same as rows."""
    sides = feature["groups"][group]
    columns = {TITLES[which]: sides[which]["counts"] for which in ("before", "synthetic", "after")}
    return pd.DataFrame({"value": feature["labels"], **columns})


def sentence(feature: Feature, group: str = "", who: str = "") -> str:
    """How alike the two are, with their numbers of rows and means."""
    against = compared(feature, group)
    real, other = feature["groups"][group]["before"], feature["groups"][group][against]
    common = overlap(real["counts"], other["counts"])
    of = f" of {who}" if who else ""
    if common is None:
        return f"There are no {TITLES[against]}{of} to compare."
    digits = 0 if max(abs(real["mean"] or 0), abs(other["mean"] or 0)) >= 1000 else 2
    return (
        f"{feature['feature']}: {percent(common, 0)} of the two distributions{of} is common. Mean {number(real['mean'], digits)} in "
        f"{real['rows']:,} real rows, {number(other['mean'], digits)} in {other['rows']:,} {TITLES[against].removesuffix(' rows')}"
        f"{' rows' if against == 'synthetic' else ''}."
    )


def _shares(feature: Feature, group: str, which: str) -> list[float]:
    counts = feature["groups"][group][which]["counts"]
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
