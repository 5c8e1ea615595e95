"""``xgboost_report.json``: what the report of an XGBoost training job contains."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from core.analysis.performance.performance_json import PerformanceJson

LabelHistogram = TypedDict("LabelHistogram", {"edges": list[float], "label 0": list[int], "label 1": list[int]})
"""Rows of each label in each bin; there is one edge more than bins."""


class XgboostReport(TypedDict):
    """``judged_on``: train or validation, the rows that the report shows. ``performance``: rows -> figures; ``importance``: gain, weight or
    cover -> feature -> value; ``history``: rows -> metric -> value of each round; ``distributions``: rows -> score or residual (label −
    score) -> histogram, which older reports lack."""

    rounds: int
    judged_on: str
    performance: dict[str, PerformanceJson]
    importance: dict[str, dict[str, float]]
    history: dict[str, dict[str, list[float]]]
    distributions: NotRequired[dict[str, dict[str, LabelHistogram]]]
