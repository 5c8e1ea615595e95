"""What bias and SHAP jobs share: they run the product's own image or AWS's Clarify container, as the setting ``clarify`` says.

AWS's container doesn't know this product's additions. Each of its bias jobs therefore has a companion: a job of the product's image, which
measures the same rows for what AWS's report lacks (quality, intervals, scores, counts). See docs/decisions/0006-own-clarify.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from core.analysis.tables.default_reading import find_misread_cells
from core.analysis.tables.feature_names import FeatureError, match_features
from core.analysis.tables.table_reading import read_table
from core.aws import aws_names, container_images, idempotency
from core.aws.target import Target
from core.data import column_roles
from core.errors import DataError, NotFound
from core.identity import Identity
from core.jobs import jobs, models, processing_requests, training_data
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.reports import analysis_json
from core.reports.bias_report import GovernancePart

ROW_FILES = {"test": "test_header.csv", "validation": "validation_header.csv", "train": "train_res_header.csv"}
"""The files of the rows that a report can be measured on. ``test`` is usual; a report on ``train`` says so."""
COMPANION_PREFIX = "governance-quality"
CONTAINER_INPUT = "/opt/ml/processing/input"
GOVERNANCE_KEY = "governance"
"""The key of this product's additions, in the configuration and in the report."""
CONDITIONAL_METRICS = frozenset({"CDDL", "CDDPL"})
"""AWS groups by single values, this product by bins: where one has no value, the other may."""
MAX_HOURS = 4
"""The time limit of a job of AWS's container: Kernel SHAP sends some thousand requests to an endpoint for every row."""


class Predictor(TypedDict):
    """The model, and the endpoint that AWS's container starts for it."""

    model_name: str
    instance_type: str
    initial_instance_count: int
    accept_type: str


class FacetRequest(TypedDict):
    """A column, and its values whose people are compared with all others."""

    name_or_index: str
    value_or_threshold: list[int]


class GovernanceRequest(TypedDict, total=False):
    """What only this product's container reads: columns of codes, the rows' name, what facet and rest are called, what codes stand for,
    bins of the group, the features in the order of the training, the columns of the facets and the group."""

    categorical: list[str]
    sensitive: list[str]
    measured_on: str
    names: dict[str, list[str]]
    value_names: dict[str, object]
    group_bins: int
    derived: dict[str, str]
    features: list[str]


class ClarifyRequest(TypedDict, total=False):
    """``analysis_config.json`` as this product writes it
    (https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html); ``methods``: name -> its options."""

    version: str
    dataset_type: str
    headers: list[str]
    label: str
    label_values_or_threshold: list[int]
    facet: list[FacetRequest]
    group_variable: str
    excluded_columns: list[str]
    probability_threshold: float
    methods: dict[str, Mapping[str, object]]
    predictor: Predictor
    governance: GovernanceRequest


def build_shared_config(data: RebalancedData, rows: str, model: str | None, title: str) -> ClarifyRequest:
    """The part of analysis_config.json that bias and SHAP jobs share."""
    found: ClarifyRequest = {
        "version": "1.0",
        "dataset_type": "text/csv",
        "headers": data.manifest["files"][ROW_FILES[rows]]["columns"],
        "label": data.roles.label,
        "methods": {"report": {"name": "report", "title": title}},
    }
    if data.roles.derived:
        found["excluded_columns"] = list(dict(data.roles.derived))
        found["governance"] = {"derived": dict(data.roles.derived)}
    found["governance"] = {**found.get("governance", {}), "sensitive": list(column_roles.sensitive_columns(data.roles))}
    if data.value_names.values:
        found["governance"]["value_names"] = data.value_names.to_json()
    if model:
        found["predictor"] = {"model_name": model, "instance_type": "ml.m5.xlarge", "initial_instance_count": 1, "accept_type": "text/csv"}
    return found


def config_for_aws(config: ClarifyRequest) -> ClarifyRequest:
    """The configuration for AWS's container: without this product's additions, and with the columns' names from the file's first line."""
    found = config.copy()
    found.pop("governance", None)
    found.pop("headers", None)
    return found


def submit_job(
    target: Target, identity: Identity, name: str, data: RebalancedData, rows: str, config: ClarifyRequest, tags: dict[str, str]
) -> str:
    """Start the job on the given rows, with its companion if it needs one; returns the job's name."""
    tags = {**aws_names.launched_by_tags(identity), "governance:rebalanced": data.job, "governance:rows": rows, **tags}
    folder, dataset = target.uri("governance/clarify", name), data.uri(ROW_FILES[rows])
    order = _trained_order(target, config["predictor"]["model_name"], data) if "predictor" in config else None
    if target.settings.clarify == "own":
        if order:
            config["governance"] = {**config.get("governance", {}), "features": order}
        _create_job(target, name, folder, dataset, config, tags, image=None)
        return name
    if order:
        raise DataError(
            f"The model was trained on {', '.join(order)} in this order, and {data.job} has them in another one.",
            resource=data.job,
            hint="Set GOVERNANCE_CLARIFY=own: the product's image orders them by name.",
        )
    _require_read_by_aws(target, dataset)
    _create_job(target, name, folder, dataset, config_for_aws(config), tags, image=aws_image(target))
    if "pre_training_bias" in config["methods"]:
        _create_job(target, companion_name(name), f"{folder}/own", dataset, config, tags, image=None)
    return name


def _trained_order(target: Target, model: str, data: RebalancedData) -> list[str] | None:
    """The features in the order of the model's training, if the data has the same ones in another order; None in the same order, or if the
    training isn't known. Raises DataError for other features: models of the built-in algorithm have no names, and would take them by
    position."""
    uri = models.artifact_uri(target, model)
    try:
        job = jobs.describe_job(target, "training", uri.removesuffix("/output/model.tar.gz").rpartition("/")[2])
    except NotFound:
        return None
    trained = training_data.find_rebalancing(target, job)
    if trained is None or not (trained.manifest.get("features") and data.manifest.get("features")):
        return None
    try:
        order = match_features(trained.manifest["features"], data.manifest["features"], owner=f"the training of {model}", table=data.job)
    except FeatureError as error:
        raise DataError(
            f"{data.job} doesn't fit the model: {error}.", resource=data.job, hint="Choose the data it was trained on."
        ) from error
    return None if order == list(data.manifest["features"]) else order


def _require_read_by_aws(target: Target, dataset: str) -> None:
    """Raises DataError for rows that AWS's container would read as something else, naming each column and a word."""
    misread = find_misread_cells(target.files.read(dataset).decode())
    if misread:
        cells = ", ".join(f"column {name}: {cell!r} in row {row}" for name, (cell, row) in misread.items())
        raise DataError(
            f"AWS's Clarify container reads some of the rows as something else ({cells}).",
            resource=dataset,
            hint="Set GOVERNANCE_CLARIFY=own: the product's image reads them as they are.",
        )


def require_no_gaps(target: Target, dataset: str, label: str) -> None:
    """Raises DataError for rows with empty cells in features, which AWS's container can't explain: it looks for the baseline by k-means,
    which takes no missing values, and its documentation asks for data that is cleaned already. Bias jobs take them: the model's endpoint
    reads an empty cell as a missing value."""
    frame = read_table(target.files.read(dataset).decode()).frame.drop(columns=label)
    gaps = {str(name): int(cells) for name, cells in frame.isna().sum().items() if cells}
    if gaps:
        shown = ", ".join(f"{name}: {cells:,}" for name, cells in list(gaps.items())[:10])
        raise DataError(
            f"AWS's Clarify container can't explain rows with empty cells ({shown}).",
            resource=dataset,
            hint="Set GOVERNANCE_CLARIFY=own, or upload the data with a category, a value or the median in place of them.",
        )


def _create_job(
    target: Target, name: str, folder: str, dataset: str, config: ClarifyRequest, tags: dict[str, str], *, image: str | None
) -> None:
    # a run that goes on leaves the one that its job has read
    uri = target.files.write_unless_same(f"{folder}/config/analysis_config.json", json.dumps(config).encode(), "application/json")
    inputs = {
        "analysis_config": (uri, f"{CONTAINER_INPUT}/config"),
        "dataset": (dataset, f"{CONTAINER_INPUT}/data"),
    }
    if image is None and "predictor" in config:  # AWS's container calls an endpoint; the product's image reads the model
        inputs["model"] = (models.artifact_uri(target, config["predictor"]["model_name"]), f"{CONTAINER_INPUT}/model")
    entry, hours = ("clarify", 1) if image is None else (None, MAX_HOURS)
    request = processing_requests.build_processing_request(
        target, name, entry, inputs, f"{folder}/output", tags, image=image, output_name="analysis_result", max_hours=hours
    )
    idempotency.create_once(target, "ProcessingJob", request)


def aws_image(target: Target) -> str:
    """The image of AWS's Clarify container. Raises DataError if the region has none."""
    try:
        return container_images.find_uri("clarify", target.region)
    except ValueError as error:
        remedy = "Set GOVERNANCE_CLARIFY=own: the product's image measures the same metrics."
        raise DataError(f"AWS's Clarify is not available in {target.region}.", resource=target.region, hint=remedy) from error


def read_threshold(target: Target, name: str) -> float:
    """The score above which a bias or SHAP job took label 1 for predicted, by its configuration. Raises NotFound."""
    uri = jobs.input_uri(jobs.describe_job(target, "processing", name), "analysis_config")
    return float(target.files.read_json(uri, ClarifyRequest).get("probability_threshold", 0.5))


def is_own_job(job: Job) -> bool:
    """Whether a bias or SHAP job (read in full) runs the product's image, which has an entry point of this name; AWS's has its own."""
    return job.raw.get("AppSpecification", {}).get("ContainerEntrypoint") == ["clarify"]


def is_aws_image(image: str) -> bool:
    """Whether an image's URI is that of AWS's Clarify container, in any region."""
    return image.rpartition("/")[2].partition(":")[0] == "sagemaker-clarify-processing"


# the companion of a bias job on AWS's container --------------------------------------------------------


def companion_name(name: str) -> str:
    """The name of a bias job's companion."""
    return f"{COMPANION_PREFIX}-{name.removeprefix('governance-bias-')}"


def job_and_companion(target: Target, name: str) -> list[str]:
    """The names of the jobs that a bias job's report needs: itself, and its companion if it has one."""
    return [name] if target.settings.clarify == "own" else [name, companion_name(name)]


def with_companion(target: Target, job: Job | None) -> Job | None:
    """A bias job with the status of it and its companion together: Completed once both are, Failed if one is."""
    if job is None or job.status != "Completed":
        return job
    beside = _describe_companion(target, job.name) if target.settings.clarify == "aws" else None
    return job if beside is None else replace(job, status=beside.status, reason=beside.reason)


def _describe_companion(target: Target, name: str) -> Job | None:
    try:
        return jobs.describe_job(target, "processing", companion_name(name))
    except NotFound:
        return None


def companion_output(folder: str) -> str:
    """The companion's output folder, from that of its bias job."""
    return f"{folder.removesuffix('/output')}/own/output"


def merged_with_companion(target: Target, folder: str, raw: Mapping[str, object]) -> Mapping[str, object]:
    """A report of AWS's container with its companion's additions; ``raw`` itself if there is no companion.

    The metrics' values are AWS's. If the companion measured another value (AWS groups by single values, this product by bins), its
    interval of that metric is left out. Where AWS takes 0 / 0 for 0, the metric is undefined as the companion has it, for its reason.
    """
    uri = f"{companion_output(folder)}/analysis.json"
    if GOVERNANCE_KEY in raw or not folder.startswith(target.uri("governance/clarify/")) or not target.files.exists(uri):
        return raw
    own = target.files.read_json(uri, _CompanionReport)
    governance = own["governance"]
    measured, words = _metrics_by_place(own, uri), governance.get("metrics", {})
    undefined: dict[tuple[str, str, str, str], str] = {}
    for place, written in _metrics_by_place(raw, f"{folder}/analysis.json").items():
        stage, facet, value, metric = place
        said = words.get(stage, {}).get(facet, {}).get(value, {}).get(metric, {})
        ours = measured.get(place)
        if not _is_same_value(written.value, ours.value if ours else None):
            said.pop("interval", None)
        if written.value is not None and ours is not None and ours.value is None and metric not in CONDITIONAL_METRICS:
            undefined[place] = analysis_json.error_text(ours.error) or ""
    return {**_without_values(raw, undefined), GOVERNANCE_KEY: governance}


def _without_values(raw: Mapping[str, object], undefined: Mapping[tuple[str, str, str, str], str]) -> dict[str, object]:
    """A report with these metrics undefined: place -> reason."""
    found: dict[str, Any] = json.loads(json.dumps(raw))
    for (stage, facet, value, name), reason in undefined.items():
        for entry in found[stage]["facets"][facet]:
            if analysis_json.value_as_text(entry["value_or_threshold"]) == value:
                for metric in entry["metrics"]:
                    if metric["name"] == name:
                        metric |= {"value": None, "error": f"{reason} (AWS's container gives {metric['value']})"}
    return found


class _CompanionReport(TypedDict):
    governance: GovernancePart


def _metrics_by_place(raw: Mapping[str, object], resource: str) -> dict[tuple[str, str, str, str], analysis_json.MetricPart]:
    """(stage, facet, value, metric) -> the metric. Raises DataError for what can't be read as a report."""
    report = analysis_json.validate_report(raw, resource)
    stages = zip(analysis_json.STAGES, (report.pre_training_bias_metrics, report.post_training_bias_metrics), strict=True)
    return {
        (stage, facet, entry.value_or_threshold, metric.name): metric
        for stage, part in stages
        if part is not None
        for facet, entries in part.facets.items()
        for entry in entries
        for metric in entry.metrics
    }


def _is_same_value(a: float | None, b: float | None) -> bool:
    """Whether two values of a metric agree to six digits; None is undefined."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
