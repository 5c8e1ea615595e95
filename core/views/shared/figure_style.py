"""What all figures share: margins, colours that are readable on a light and a dark page, short names."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

BASELINE_COLOUR = "#C2620E"
MITIGATED_COLOUR = "#2F80D0"
ACCENT_COLOUR = "#1F8F88"
GREY = "#8A93A0"
RAISES_COLOUR = "#D1495B"
LOWERS_COLOUR = "#2F80D0"
FAINT_COLOUR = "rgba(138,147,160,0.35)"
SERIES_COLOURS = ("#2F80D0", "#C2620E", "#1F8F88", "#8A63C9", "#D1495B", "#8F7B22", "#8A93A0")


def new_figure(*, x: str = "", y: str = "", height: int = 340, legend: bool = True) -> go.Figure:
    """An empty figure with the product's margins; the legend is above, so that a phone has the whole width."""
    result = go.Figure()
    apply_layout(result, height=height, legend=legend)
    result.update_xaxes(title_text=x)
    result.update_yaxes(title_text=y)
    return result


def apply_layout(fig: go.Figure, *, height: int, legend: bool = True, top: int | None = None) -> None:
    """Put the product's margins on a figure made elsewhere (subplots, parallel coordinates)."""
    fig.update_layout(
        height=height,
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        margin={"l": 8, "r": 12, "t": top if top is not None else (44 if legend else 16), "b": 8},
        hovermode="closest",
    )
    fig.update_xaxes(automargin=True)
    fig.update_yaxes(automargin=True)


def shorten_middle(name: str, length: int = 28) -> str:
    """``name`` with its middle left out where it's longer than ``length``: the ends tell jobs apart."""
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return f"{name[: length - 1 - tail]}…{name[-tail:]}"


def grid_shape(titles: Sequence[str], max_columns: int = 2) -> tuple[int, int]:
    """(rows, columns) of a grid of small figures."""
    across = min(max_columns, max(1, len(titles)))
    return -(-len(titles) // across), across
