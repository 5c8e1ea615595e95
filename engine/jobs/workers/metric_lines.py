"""The lines of a log in which the XGBoost algorithm tells the metrics of a round: ``[3]\\ttrain-auc:0.78\\tvalidation-auc:0.77``."""

from __future__ import annotations

import re

METRIC_PATTERN = re.compile(r"([\w.]+)-([\w@.\-]+):([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan))")
ROUND_PATTERN = re.compile(r"^\[\d+\]")


def read_metrics(line: str) -> list[tuple[str, float]]:
    """(metric, value) for each metric of a round's line, such as (``train:auc``, 0.78); none for any other line."""
    found = METRIC_PATTERN.findall(line) if ROUND_PATTERN.match(line) else ()
    return [(f"{channel}:{name}", float(value)) for channel, name, value in found]
