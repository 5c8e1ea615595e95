"""How the dossier writes figures: intervals, differences, and values with their meaning."""

from __future__ import annotations

from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.performance.performance_json import EstimateJson


def format_interval(value: EstimateJson) -> str:
    """``0.7713 [0.7580, 0.7846]``, of a figure as reports have it."""
    figure, low, high = value["value"], value["low"], value["high"]
    if figure is None:
        return "not defined"
    bounds = "" if low is None or high is None else f" [{low:z.4f}, {high:z.4f}]"
    return f"{figure:z.4f}{bounds}"


def format_difference(difference: PerformanceDifference | None) -> str:
    """``+0.0113 [+0.0021, +0.0205]``; a dash where it is not known."""
    if difference is None or difference.value is None:
        return "—"
    bounds = "" if difference.low is None or difference.high is None else f" [{difference.low:+z.4f}, {difference.high:+z.4f}]"
    return f"{difference.value:+z.4f}{bounds}"


def format_beyond_noise(difference: PerformanceDifference | None) -> str:
    """yes or no; "" where it is not known."""
    return "" if difference is None or difference.value is None else "yes" if difference.beyond_noise else "no"


def format_number(value: float | None) -> str:
    """Four decimals, or "not defined"."""
    return "not defined" if value is None else f"{value:z.4f}"
