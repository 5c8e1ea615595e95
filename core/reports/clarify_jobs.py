"""Bias and SHAP jobs: on the product's own image, or on AWS's Clarify container, as ``settings.clarify`` says.

AWS's container takes no key of ours and writes none of our files: beside each of its bias jobs one of the product's image measures the same
rows, for what AWS's report lacks (quality, intervals, scores, counts). See docs/decisions/0006-own-clarify.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from core import creating, images, jobs, models
from core.clients import Clients
from core.errors import DataError, NotFound
from core.identity import Identity
from core.jobs import Job
from core.rebalancing import Rebalanced

ROWS = {"test": "test_header.csv", "validation": "validation_header.csv", "train": "train_res_header.csv"}
"""The rows that a report may be measured on; ``test`` is the rule, ``train`` is marked."""
COMPANION = "governance-quality"
LOCAL = "/opt/ml/processing/input"
OURS = "governance"
"""The key of the configuration and of the report that AWS's container doesn't know."""
STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")
HOURS = 4
"""At most, of a job of AWS's container: Kernel SHAP asks an endpoint some thousand times for every row."""


def config(data: Rebalanced, rows: str, model: str | None, title: str) -> dict[str, Any]:
    """The part of analysis_config.json that bias and SHAP jobs share."""
    found: dict[str, Any] = {
        "version": "1.0",
        "dataset_type": "text/csv",
        "headers": data.manifest["files"][ROWS[rows]]["columns"],
        "label": data.roles.label,
        "methods": {"report": {"name": "report", "title": title}},
    }
    if model:
        found["predictor"] = {"model_name": model, "instance_type": "ml.m5.xlarge", "initial_instance_count": 1, "accept_type": "text/csv"}
    return found


def for_aws(config: dict[str, Any]) -> dict[str, Any]:
    """The same for AWS's container: no key of ours, and the columns' names from the data's own first line."""
    return {key: value for key, value in config.items() if key not in {OURS, "headers"}}


def submit(
    clients: Clients, identity: Identity, name: str, data: Rebalanced, rows: str, config: dict[str, Any], tags: dict[str, str]
) -> str:
    """Start the job on the named rows, with its companion where it needs one; returns its name."""
    tags = {**jobs.launched_by(identity), "governance:rebalanced": data.job, "governance:rows": rows, **tags}
    folder, dataset = clients.uri("governance/clarify", name), data.uri(ROWS[rows])
    if clients.settings.clarify == "own":
        _create(clients, name, folder, dataset, config, tags, image=None)
        return name
    _create(clients, name, folder, dataset, for_aws(config), tags, image=aws_image(clients))
    if OURS in config:
        _create(clients, companion(name), f"{folder}/own", dataset, config, tags, image=None)
    return name


def _create(
    clients: Clients, name: str, folder: str, dataset: str, config: dict[str, Any], tags: dict[str, str], *, image: str | None
) -> None:
    content = json.dumps(config).encode()
    inputs = {
        "analysis_config": (clients.write(f"{folder}/config/analysis_config.json", content, "application/json"), f"{LOCAL}/config"),
        "dataset": (dataset, f"{LOCAL}/data"),
    }
    if image is None and "predictor" in config:  # AWS's container asks an endpoint of the model; an image of one's own is handed it
        inputs["model"] = (models.artifact(clients, config["predictor"]["model_name"]), f"{LOCAL}/model")
    entry, hours = ("clarify", 1) if image is None else (None, HOURS)
    request = jobs.processing_request(
        clients, name, entry, inputs, f"{folder}/output", tags, image=image, output_name="analysis_result", hours=hours
    )
    creating.once(clients, "ProcessingJob", request)


def aws_image(clients: Clients) -> str:
    """AWS's Clarify container. Raises DataError where the region has none."""
    try:
        return images.uri("clarify", clients.region)
    except ValueError as error:
        remedy = "Set GOVERNANCE_CLARIFY=own: the product's image measures the same."
        raise DataError(f"AWS's Clarify is not in {clients.region}.", subject=clients.region, remedy=remedy) from error


# the companion of a bias job on AWS's container --------------------------------------------------------


def companion(name: str) -> str:
    """The name of the product's own measurement beside a bias job."""
    return f"{COMPANION}-{name.removeprefix('governance-bias-')}"


def names(clients: Clients, name: str) -> list[str]:
    """The jobs that a bias job's report needs: itself, and its companion."""
    return [name] if clients.settings.clarify == "own" else [name, companion(name)]


def joint(clients: Clients, job: Job | None) -> Job | None:
    """A bias job as it stands together with its companion: done when both are, failed when one is."""
    if job is None or job.status != "Completed":
        return job
    beside = _companion(clients, job.name) if clients.settings.clarify == "aws" else None
    return job if beside is None else replace(job, status=beside.status, reason=beside.reason)


def _companion(clients: Clients, name: str) -> Job | None:
    try:
        return jobs.describe(clients, "processing", companion(name))
    except NotFound:
        return None


def own_folder(folder: str) -> str:
    """Where the companion of the bias job with this output writes."""
    return f"{folder.removesuffix('/output')}/own/output"


def completed(clients: Clients, folder: str, raw: dict[str, Any]) -> dict[str, Any]:
    """A report of AWS's container with what its companion knows; the report as it is where there is no such measurement.

    The metrics stay AWS's. Where the companion measured another value (AWS groups by single values, and this product by bins), what it
    says of that metric's interval is left out.
    """
    uri = f"{own_folder(folder)}/analysis.json"
    if OURS in raw or not folder.startswith(clients.uri("governance/clarify/")) or not clients.exists(uri):
        return raw
    own = clients.read_json(uri)
    words, values = own[OURS].get("metrics", {}), _values(own)
    for stage, facet, value, metric in _metrics(raw):
        said = words.get(stage, {}).get(facet, {}).get(value, {}).get(metric["name"], {})
        if not _same(metric.get("value"), values.get((stage, facet, value, metric["name"]))):
            said.pop("interval", None)
    return raw | {OURS: own[OURS]}


def _metrics(raw: dict[str, Any]) -> list[tuple[str, str, str, dict[str, Any]]]:
    return [
        (stage, facet, str(entry["value_or_threshold"]), metric)
        for stage in STAGES
        for facet, entries in raw.get(stage, {}).get("facets", {}).items()
        for entry in entries
        for metric in entry["metrics"]
    ]


def _values(raw: dict[str, Any]) -> dict[tuple[str, str, str, str], Any]:
    return {(stage, facet, value, metric["name"]): metric.get("value") for stage, facet, value, metric in _metrics(raw)}


def _same(a: Any, b: Any) -> bool:
    """Whether two values of a metric agree to six digits; infinities are strings there, and None is undefined."""
    if a is None or b is None:
        return a is b
    return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)
