"""Metrics that a client measures itself, point by point (the SDK's ``Run.log_metric``): BatchPutMetrics of SageMaker Metrics."""

from __future__ import annotations

import math

from engine.context import Context, Request, Response
from engine.operations import named, operation
from engine.sagemaker.tracking.job_metrics import summarize_metric
from engine.sagemaker.tracking.trial_components import COMPONENT_KIND, find_component
from engine.store.records import Body

POINTS_MEMBER = "_Points"
"""Metric -> its points [time, step, value], in the order in which they were received; not sent to clients."""
MAX_POINTS = 10_000
"""Points that a trial component may have."""


@operation("sagemaker-metrics", "BatchPutMetrics", on=named("experiment-trial-component", "TrialComponentName"))
def batch_put_metrics(context: Context, request: Request) -> Response:
    """Keep the points; those that can't be kept are listed in the answer."""
    name = find_component(context, request["TrialComponentName"])["TrialComponentName"]
    now = context.now()
    errors = []

    def add(body: Body) -> None:
        kept: dict[str, list[tuple[float, int | None, float]]] = body.setdefault(POINTS_MEMBER, {})
        room = MAX_POINTS - sum(map(len, kept.values()))
        for index, point in enumerate(request["MetricData"]):
            if not math.isfinite(point["Value"]) or room <= 0:
                errors.append({"Code": "METRIC_LIMIT_EXCEEDED" if room <= 0 else "VALIDATION_ERROR", "MetricIndex": index})
                continue
            kept.setdefault(point["MetricName"], []).append((point["Timestamp"], point.get("Step"), float(point["Value"])))
            room -= 1
        others = [entry for entry in body.get("Metrics") or () if entry["MetricName"] not in kept]
        own = [summarize_metric(metric, body["TrialComponentArn"], [(at, value) for at, _, value in kept[metric]]) for metric in kept]
        body |= {"Metrics": sorted(others + own, key=lambda entry: entry["MetricName"]), "LastModifiedTime": now}

    context.store.update(COMPONENT_KIND, name, add, now=now)
    return {"Errors": errors} if errors else {}
