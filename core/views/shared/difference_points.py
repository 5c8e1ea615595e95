"""Differences as points with their intervals along a line at zero: those beyond the noise are filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import plotly.graph_objects as go

from core.views.shared.figure_style import GREY


class HasInterval(Protocol):
    """A value with its 95 % interval."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def add_difference_points(
    fig: go.Figure,
    differences: Sequence[HasInterval],
    places: Sequence[str] | Sequence[int],
    beyond: Sequence[bool],
    texts: Sequence[str],
    *,
    colours: Sequence[str],
    hover: str = "%{y}: %{customdata}",
    size: int = 10,
) -> None:
    """Draw finite differences at their places of the y axis; one without an interval is a bare point. All sequences have a member for each
    difference. ``beyond``: which are beyond the noise, and filled; ``texts``: what ``hover`` shows as its customdata."""
    values = [d.value or 0.0 for d in differences]
    fig.add_trace(
        go.Scatter(
            x=values,
            y=list(places),
            mode="markers",
            showlegend=False,
            marker={"size": size, "color": list(colours), "symbol": ["circle" if b else "circle-open" for b in beyond]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [0.0 if d.high is None else d.high - v for d, v in zip(differences, values, strict=True)],
                "arrayminus": [0.0 if d.low is None else v - d.low for d, v in zip(differences, values, strict=True)],
                "color": GREY,
                "thickness": 2,
            },
            customdata=list(texts),
            hovertemplate=f"{hover}<extra></extra>",
        )
    )
    fig.add_vline(x=0, line_width=1, line_color=GREY)
