"""Real and synthetic rows, feature by feature: histograms over the same bins, and how far the two overlap."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.analysis.tables.histograms import FeatureHistograms, histogram_overlap
from core.views.shared.figure_style import BASELINE_COLOUR, MITIGATED_COLOUR, new_figure
from core.views.shared.number_text import format_number, format_percent

SIDE_TITLES = {"before": "real rows", "synthetic": "synthetic rows", "after": "all rows after"}


def compared_side(feature: FeatureHistograms, group: str = "") -> str:
    """What the real rows are compared with: the synthetic ones, or all rows after where the method makes none."""
    return "synthetic" if feature["groups"][group]["synthetic"]["rows"] else "after"


def overlap_table(features: Sequence[FeatureHistograms], group: str = "") -> pd.DataFrame:
    """How far the real and the compared rows overlap in each feature; the least alike first."""
    rows = []
    for feature in features:
        real, other = feature["groups"][group]["before"], feature["groups"][group][compared_side(feature, group)]
        rows.append(
            {
                "feature": feature["feature"],
                "overlap": histogram_overlap(real["counts"], other["counts"]),
                "mean, real": _mean_text(real["mean"]),
                "mean, compared": _mean_text(other["mean"]),
            }
        )
    table = pd.DataFrame(rows, columns=["feature", "overlap", "mean, real", "mean, compared"])
    return table.sort_values("overlap", kind="stable", ignore_index=True)


def sole_synthetic_group(feature: FeatureHistograms) -> str:
    """The group that all synthetic rows belong to, "" (everyone) where there is none: rows of one group are compared with their own."""
    made = feature["groups"][""]["synthetic"]["rows"]
    return next((g for g, sides in feature["groups"].items() if g and made and sides["synthetic"]["rows"] == made), "")


def _mean_text(value: float | None) -> str:
    return format_number(value, 0 if value is not None and abs(value) >= 1000 else 2)


def histogram_figure(feature: FeatureHistograms, group: str = "") -> go.Figure:
    """The share of the rows in each bin; real rows as bars, the compared ones as a line of markers over them."""
    against = compared_side(feature, group)
    fig = new_figure(x=feature["feature"], y="share of the rows", height=320)
    real, other = _bin_shares(feature, group, "before"), _bin_shares(feature, group, against)
    fig.add_trace(
        go.Bar(
            x=feature["labels"],
            y=real,
            name=SIDE_TITLES["before"],
            marker={"color": BASELINE_COLOUR, "opacity": 0.55},
            hovertemplate="%{x}: %{y:.1%}<extra>real</extra>",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=feature["labels"],
            y=other,
            name=SIDE_TITLES[against],
            mode="lines+markers",
            line={"color": MITIGATED_COLOUR, "width": 2, "shape": "hvh"},
            marker={"size": 7, "symbol": "diamond", "color": MITIGATED_COLOUR},
            hovertemplate="%{x}: %{y:.1%}<extra>" + SIDE_TITLES[against] + "</extra>",
        )
    )
    fig.update_layout(bargap=0.06)
    fig.update_yaxes(tickformat=".0%", rangemode="tozero")
    fig.update_xaxes(type="category", nticks=12)
    return fig


def histogram_table(feature: FeatureHistograms, group: str = "") -> pd.DataFrame:
    """The figure as a table."""
    sides = feature["groups"][group]
    columns = {SIDE_TITLES[which]: sides[which]["counts"] for which in ("before", "synthetic", "after")}
    return pd.DataFrame({"value": feature["labels"], **columns})


def overlap_sentence(feature: FeatureHistograms, group: str = "", group_name: str = "") -> str:
    """How alike the two are, with their numbers of rows and means."""
    against = compared_side(feature, group)
    real, other = feature["groups"][group]["before"], feature["groups"][group][against]
    common = histogram_overlap(real["counts"], other["counts"])
    of = f" of {group_name}" if group_name else ""
    if common is None:
        return f"There are no {SIDE_TITLES[against]}{of} to compare."
    digits = 0 if max(abs(real["mean"] or 0), abs(other["mean"] or 0)) >= 1000 else 2
    return (
        f"{feature['feature']}: {format_percent(common, 0)} of the two distributions{of} is common. Mean "
        f"{format_number(real['mean'], digits)} in "
        f"{real['rows']:,} real rows, {format_number(other['mean'], digits)} in {other['rows']:,} "
        f"{SIDE_TITLES[against].removesuffix(' rows')}"
        f"{' rows' if against == 'synthetic' else ''}."
    )


def _bin_shares(feature: FeatureHistograms, group: str, which: str) -> list[float]:
    counts = feature["groups"][group][which]["counts"]
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
