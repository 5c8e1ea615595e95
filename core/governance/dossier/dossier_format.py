"""How the dossier writes figures: intervals, differences, and values with their meaning."""

from __future__ import annotations

from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.performance.performance_json import EstimateJson
from core.reports.bias_report import Measure


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


def format_measure(measure: Measure) -> str:
    """``0.0312 [0.0101, 0.0523]``, of a bias metric; "not defined" where it has no value."""
    interval = measure.interval
    ends = f" [{interval.low:z.4f}, {interval.high:z.4f}]" if interval and interval.low is not None and interval.high is not None else ""
    return "not defined" if measure.value is None else f"{measure.value:z.4f}{ends}".replace("inf", "∞")


def format_estimate(estimate: ShapEstimate, *, digits: int = 4, percent: bool = False) -> str:
    """``0.0312 [0.0101, 0.0523]``, or ``3.1 % [1.0, 5.2]``; without the interval where there is none."""
    value, low, high = (f"{100 * x:z.1f}" if percent else f"{x:z.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    unit = " %" if percent else ""
    return f"{value}{unit}" if estimate.low != estimate.low else f"{value}{unit} [{low}, {high}]"


def format_share(share: float) -> str:
    """``31.2 %``."""
    return f"{100 * share:z.1f} %"
