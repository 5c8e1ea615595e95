"""The figures of a Clarify report, drawn without a display: SVG for HTML, PNG for PDF."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ParamSpec, cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from core.analysis.bias.bias_metrics import Metric
from core.analysis.bias.metric_registry import neutral_value, value_sign
from core.analysis.explanations.shap_values import Explanation
from core.analysis.performance.performance import Performance

P = ParamSpec("P")
BLUE, ORANGE, GREY = "#1f6fb2", "#c2571a", "#8795a1"
MAX_FEATURES = 12
MAX_DOTS = 600
MAX_NAME_LENGTH = 48
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "clarify",
    "font.size": 9,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def bias_svg(metrics: dict[str, Metric]) -> str:
    """One bar per metric with a bounded value, from its neutral value."""
    return _to_svg(_bias_figure(_finite_values(metrics)))


def bias_png(metrics: dict[str, Metric]) -> bytes:
    return _to_png(_bias_figure(_finite_values(metrics)))


def curves_svg(performance: Performance, positive: str) -> str:
    """ROC, precision and recall, and calibration; ``positive``: what label 1 is called."""
    return _to_svg(_curves_figure(performance, positive))


def curves_png(performance: Performance, positive: str) -> bytes:
    return _to_png(_curves_figure(performance, positive))


def global_values_svg(values: Sequence[tuple[str, float]]) -> str:
    """One bar per feature, of the first ``MAX_FEATURES``; names in any script, which the reader's browser draws."""
    return _to_svg(_global_figure(tuple(values)))


def global_values_png(values: Sequence[tuple[str, float]]) -> bytes:
    """The same as a picture; its font must have the names' characters."""
    return _to_png(_global_figure(tuple(values)))


def beeswarm_svg(explanation: Explanation, features: pd.DataFrame, order: Sequence[tuple[str, str]]) -> str:
    """``order``: (feature, what it is called), from the top down."""
    return _to_svg(_drawn(lambda: _beeswarm_figure(explanation, features, order)))


@contextmanager
def _no_missing_glyphs() -> Iterator[None]:
    """In SVG the browser draws the text, in a font that has the characters."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def _drawn(draw: Callable[[], Figure]) -> Figure:
    """The figure with its parts in their places, so that they aren't sought again for each format."""
    with matplotlib.rc_context(SETTINGS), _no_missing_glyphs():
        figure = draw()
        figure.draw_without_rendering()
        figure.set_layout_engine(None)
    return figure


def _to_svg(figure: Figure) -> str:
    stream = io.StringIO()
    with matplotlib.rc_context(SETTINGS), _no_missing_glyphs():
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _to_png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(stream, format="png", dpi=160)
    return stream.getvalue()


def _kept(build: Callable[P, Figure]) -> Callable[P, Figure]:
    """A figure of a report is drawn once, for its HTML and its PDF."""

    @lru_cache(maxsize=8)
    def drawn(*what: P.args, **more: P.kwargs) -> Figure:
        return _drawn(lambda: build(*what, **more))

    return cast(Callable[P, Figure], drawn)


def _new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)
    return figure, list(axes[0])


def _name_rows(axis: Any, names: Sequence[str]) -> None:
    """The names at the rows of a picture, from the top down, cut where they are long: the table beside it has them whole."""
    axis.set_yticks(range(len(names)), list(map(_shorten, names)))
    axis.invert_yaxis()


def _shorten(name: str) -> str:
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def _finite_values(metrics: dict[str, Metric]) -> tuple[tuple[str, float], ...]:
    return tuple((name, one.value) for name, one in metrics.items() if one.value is not None and math.isfinite(one.value))


@_kept
def _bias_figure(values: tuple[tuple[str, float], ...]) -> Figure:
    figure, (axis,) = _new_figure(7.5, 0.5 + 0.24 * max(len(values), 2))
    for name, value in values:
        neutral = neutral_value(name)
        offset = value - neutral
        colour = ORANGE if value_sign(name, value) > 0 else BLUE
        axis.barh(f"{name} − {neutral:g}" if neutral else name, offset, color=colour, height=0.65)
    axis.axvline(0, color="#1b2733", linewidth=0.8)
    axis.invert_yaxis()
    axis.tick_params(labelsize=8)
    axis.grid(axis="x", color="#e4e8ec")
    axis.set_axisbelow(True)
    return figure


@_kept
def _curves_figure(performance: Performance, positive: str) -> Figure:
    figure, (roc, pr, calibration) = _new_figure(9, 3, 3)
    if performance.roc:
        x, y, _ = zip(*performance.roc, strict=True)
        roc.plot(x, y, color=BLUE)
    roc.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
    roc.set(xlabel="False positive rate", ylabel="True positive rate", title="ROC")
    if performance.pr:
        x, y, _ = zip(*performance.pr, strict=True)
        pr.plot(x, y, color=BLUE)
    pr.axhline(performance.prevalence, color=GREY, linewidth=0.8, linestyle="--")
    pr.set(xlabel="Recall", ylabel="Precision", title="Precision and recall", ylim=(0, 1.02))
    bins = performance.calibration
    sizes = [8 + 160 * b.n / performance.n for b in bins]
    calibration.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
    calibration.scatter([b.mean_score for b in bins], [b.observed for b in bins], s=sizes, color=BLUE, zorder=3)
    calibration.set(xlabel="Mean score", ylabel=f"Share of {_shorten(positive)}", title="Calibration")
    for axis in (roc, pr, calibration):
        axis.grid(color="#eef1f4")
    return figure


@_kept
def _global_figure(values: tuple[tuple[str, float], ...]) -> Figure:
    top = values[:MAX_FEATURES]
    figure, (axis,) = _new_figure(7.5, 0.5 + 0.26 * max(len(top), 2))
    axis.barh(range(len(top)), [value for _, value in top], color=BLUE, height=0.65)
    _name_rows(axis, [name for name, _ in top])
    axis.tick_params(labelsize=8)
    axis.grid(axis="x", color="#e4e8ec")
    axis.set_axisbelow(True)
    return figure


def _beeswarm_figure(explanation: Explanation, features: pd.DataFrame, order: Sequence[tuple[str, str]]) -> Figure:
    names = order[:MAX_FEATURES]
    rows = np.random.default_rng(0).permutation(len(explanation.values))[:MAX_DOTS]
    figure, (axis,) = _new_figure(7.5, 0.6 + 0.32 * max(len(names), 2))
    for place, (name, _) in enumerate(names):
        values = explanation.values[rows, explanation.features.index(name)]
        ranks = features[name].iloc[rows].rank(pct=True).to_numpy(dtype=float)
        spread = _spread(values)
        known = ~np.isnan(ranks)
        style: dict[str, Any] = {"s": 5, "linewidths": 0, "rasterized": True}
        axis.scatter(values[known], (place + spread)[known], c=ranks[known], cmap="coolwarm", vmin=0, vmax=1, **style)
        axis.scatter(values[~known], (place + spread)[~known], color=GREY, **style)
    _name_rows(axis, [called for _, called in names])
    axis.axvline(0, color="#1b2733", linewidth=0.8)
    axis.tick_params(labelsize=8)
    axis.set_xlabel(f"SHAP value ({explanation.output})")
    return figure


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Vertical positions at which dots of similar value lie side by side."""
    width = np.ptp(values) / 60 or 1.0
    result = np.zeros(len(values))
    bins = np.round(values / width)
    for value in np.unique(bins):
        at = np.flatnonzero(bins == value)
        result[at] = (np.arange(len(at)) - (len(at) - 1) / 2) * min(0.02, 0.8 / len(at))
    return result
