"""A training job's metrics over its rounds, as MetricSummary entries of its trial component."""

from __future__ import annotations

import math
import re
import statistics
from typing import Any

from engine.context import Context
from engine.jobs.states import LOG_GROUPS, TRAINING_JOB
from engine.store.records import Body

LOG_GROUP = LOG_GROUPS[TRAINING_JOB]
ROUND_LINE = re.compile(r"^\[\d+\]((?:\s+[\w-]+?-[\w@.-]+:\S+)+)\s*$")
METRIC_PAIR = re.compile(r"(train|validation)-([\w@.-]+):(\S+)")


def summarize_job_metrics(context: Context, body: Body) -> list[dict[str, Any]]:
    """Minimum, maximum, last, count, mean and standard deviation of each metric in the job's log, sorted by name.

    Rounds are read from the algorithm's own lines (``[3]\\ttrain-auc:0.78\\tvalidation-auc:0.77``); a metric that is only in
    FinalMetricDataList counts as one value.
    """
    values: dict[str, list[tuple[float, float]]] = {}
    name = body["TrainingJobName"]
    streams = sorted(context.store.list_log_streams(LOG_GROUP, f"{name}/"), key=lambda stream: stream[1])
    if streams:  # the newest: a job that a crash interrupted starts again, with another stream
        for at, metric, value in _read_logged_points(context, streams[-1][0]):
            values.setdefault(metric, []).append((at, value))
    for final in body.get("FinalMetricDataList") or ():
        values.setdefault(final["MetricName"], [(float(final.get("Timestamp") or context.now()), float(final["Value"]))])
    return [summarize_metric(metric, body["TrainingJobArn"], points) for metric, points in sorted(values.items())]


def _read_logged_points(context: Context, stream: str) -> list[tuple[float, str, float]]:
    found = []
    after = 0
    while events := context.store.read_log_events(LOG_GROUP, stream, after=after):
        for _, at, line in events:
            match = ROUND_LINE.match(line)
            for part, metric, text in METRIC_PAIR.findall(match.group(1)) if match else ():
                value = float(text) if re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", text) else math.nan
                if math.isfinite(value):
                    found.append((at / 1000, f"{part}:{metric}", value))
        after = events[-1][0]
    return found


def summarize_metric(metric: str, arn: str, points: list[tuple[float, float]]) -> dict[str, Any]:
    """The MetricSummary of a metric, from its (time, value) points in order."""
    values = [value for _, value in points]
    found: dict[str, Any] = {
        "MetricName": metric,
        "SourceArn": arn,
        "TimeStamp": points[-1][0],
        "Max": max(values),
        "Min": min(values),
        "Last": values[-1],
        "Count": len(values),
        "Avg": statistics.fmean(values),
    }
    return found | ({"StdDev": statistics.stdev(values)} if len(values) > 1 else {})
