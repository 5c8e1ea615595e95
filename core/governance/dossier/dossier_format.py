"""How the dossier writes figures: intervals, differences, and values with their meaning."""

from __future__ import annotations

from typing import Any

from core.analysis.performance.performance_difference import PerformanceDifference
from core.jobs.rebalancing_jobs import RebalancedData


def value_with_meaning(data: RebalancedData | None, column: str, value: Any) -> str:
    """A value of a column: the text that it stood for before it was coded as a number, with the code."""
    codes = data.dataset.coding.get(column, {}) if data else {}
    return next((f"{text} (coded {value})" for text, code in codes.items() if str(code) == str(value)), str(value))


def format_interval(value: dict[str, Any]) -> str:
    if value.get("value") is None:
        return "not defined"
    bounds = "" if value.get("low") is None else f" [{value['low']:.4f}, {value['high']:.4f}]"
    return f"{value['value']:.4f}{bounds}"


def format_difference(difference: PerformanceDifference | None) -> str:
    if difference is None or difference.value is None:
        return "—"
    bounds = "" if difference.low is None or difference.high is None else f" [{difference.low:+.4f}, {difference.high:+.4f}]"
    return f"{difference.value:+.4f}{bounds}"


def format_beyond_noise(difference: PerformanceDifference | None) -> str:
    return "" if difference is None or difference.value is None else "yes" if difference.beyond_noise else "no"


def format_number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4f}"
