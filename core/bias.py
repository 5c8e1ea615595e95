"""Bias jobs: the Clarify container on held-out rows, and its report."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from core import creating, jobs
from core.analysis.bias_intervals import Interval
from core.analysis.thresholds import Sweep
from core.clients import Clients
from core.errors import Conflict, DataError, NotFound, translated
from core.identity import Identity, require
from core.jobs import Job
from core.rebalancing import Rebalanced

PREFIX = "governance-bias"
ROWS = {"test": "test_header.csv", "validation": "validation_header.csv", "train": "train_res_header.csv"}
"""The rows that a report may be measured on; ``test`` is the rule, ``train`` is marked."""
CREDIT = frozenset({"LIMIT_BAL", "PAY_0", "BILL_AMT1", "PAY_AMT1"})
CREDIT_NAMES = {"SEX": {1: "men", 2: "women"}}
"""What the codes of the bundled data mean (UCI, default of credit card clients), known by its columns."""


@dataclass(frozen=True)
class Measure:
    """One metric: ``value`` None where it is undefined, ``error`` then says why; infinities are floats. ``interval``: at 95 %, None in
    reports of others."""

    name: str
    description: str
    value: float | None
    error: str | None
    low: float
    high: float
    in_words: str
    interval: Interval | None = None


@dataclass(frozen=True)
class FacetReport:
    """The metrics of one facet value, by name."""

    facet: str
    value: str
    pre_training: dict[str, Measure]
    post_training: dict[str, Measure]

    @property
    def key(self) -> str:
        return f"{self.facet}={self.value}"


@dataclass(frozen=True)
class BiasReport:
    """A Clarify report as the pages use it. ``governance``: counts by facet and group, performance; {} in reports of others."""

    job: str
    folder: str
    facets: tuple[FacetReport, ...]
    governance: dict[str, Any]
    raw: dict[str, Any]

    @property
    def threshold(self) -> float:
        return float(self.governance.get("threshold", 0.5))

    @property
    def measured_on(self) -> str:
        """test, validation or train; "" where the report doesn't say."""
        return str(self.governance.get("measured_on", ""))

    def people(self, key: str) -> tuple[str, str]:
        """What the facet's people and the rest are called."""
        facet, _, value = key.partition("=")
        name, rest = self.governance.get("names", {}).get(key, [f"people with {facet} = {value}", "all others"])
        return str(name), str(rest)

    def sweep(self, key: str) -> Sweep | None:
        """Counts at other thresholds; None in reports that don't have them."""
        found = next((s for s in self.governance.get("sweeps", []) if f"{s['facet']}={s['value_or_threshold']}" == key), None)
        return None if found is None else Sweep.from_json(found)

    def counts(self, key: str) -> dict[str, Any]:
        """Rows and favourable labels of facet and rest; {} in reports of others."""
        counts = self.governance.get("counts") or self.governance.get("facets") or []  # the older reports' name
        found = (c for c in counts if f"{c['facet']}={c['value_or_threshold']}" == key)
        return dict(next(found, {}))


def people(data: Rebalanced) -> dict[str, list[str]]:
    """What the facet's people and the rest are called, as the report's ``names`` has it."""
    roles, dataset = data.roles, data.dataset
    words = {code: f"people with {roles.facet} = {text}" for text, code in dataset.coding.get(roles.facet, {}).items()}
    if set(dataset.columns) >= CREDIT:
        words |= CREDIT_NAMES.get(roles.facet, {})
    others = {c["facet"] for c in data.manifest["counts"]["before"]} - {roles.facet_value}

    def called(value: Any) -> str:
        return words.get(value, f"people with {roles.facet} = {value}")

    rest = called(others.pop()) if len(others) == 1 else "all others"
    return {f"{roles.facet}={roles.facet_value}": [called(roles.facet_value), rest]}


def clarify_config(data: Rebalanced, rows: str, model: str | None, title: str) -> dict[str, Any]:
    """The part of analysis_config.json that bias and SHAP jobs share."""
    roles = data.roles
    config: dict[str, Any] = {
        "dataset_type": "text/csv",
        "headers": data.manifest["files"][ROWS[rows]]["columns"],
        "label": roles.label,
        "methods": {"report": {"name": "report", "title": title}},
    }
    if model:
        config["predictor"] = {"model_name": model, "instance_type": "ml.m5.xlarge", "initial_instance_count": 1, "accept_type": "text/csv"}
    return config


def submit(
    clients: Clients, identity: Identity, name: str, data: Rebalanced, rows: str, config: dict[str, Any], tags: dict[str, str]
) -> str:
    """Start a job of the Clarify container on the named rows."""
    folder = clients.uri("governance/clarify", name)
    inputs = {
        "analysis_config": (
            clients.write(f"{folder}/config/analysis_config.json", json.dumps(config).encode(), "application/json"),
            "/opt/ml/processing/input/config",
        ),
        "dataset": (data.uri(ROWS[rows]), "/opt/ml/processing/input/data"),
    }
    tags = {**jobs.launched_by(identity), "governance:rebalanced": data.job, "governance:rows": rows, **tags}
    creating.once(clients, "ProcessingJob", jobs.processing_request(clients, name, "clarify", inputs, f"{folder}/output", tags))
    return name


def launch(
    clients: Clients,
    identity: Identity,
    model: str,
    data: Rebalanced,
    *,
    rows: str = "test",
    threshold: float = 0.5,
    group_bins: int | None = 5,
    name: str | None = None,
) -> str:
    """Start the bias job of a model; returns its name. ``rows``: test, validation, or train (marked as such)."""
    require(identity, "launch", subject=model)
    if rows not in ROWS:
        raise DataError(f"There are no rows called {rows}.", subject="rows", remedy=f"Choose one of {', '.join(ROWS)}.")
    name = name or f"{PREFIX}-{'' if rows == 'test' else f'{rows}-'}{secrets.token_hex(5)}"
    roles = data.roles
    config = clarify_config(data, rows, model, f"Bias of {model} on the {rows} rows")
    config |= {
        "label_values_or_threshold": [roles.favourable],
        "facet": [{"name_or_index": roles.facet, "value_or_threshold": [roles.facet_value]}],
        "probability_threshold": threshold,
        "governance": {"categorical": [roles.facet], "measured_on": rows, "names": people(data)},
    }
    if roles.group:
        config["group_variable"] = roles.group
        if group_bins:
            config["governance"]["group_bins"] = group_bins
    config["methods"] |= {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}
    return submit(clients, identity, name, data, rows, config, {"governance:model": model})


def report(clients: Clients, name: str) -> BiasReport:
    """The report of a job that has Completed. Raises Conflict while there is none."""
    job = jobs.describe(clients, "processing", name)
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            subject=name,
            remedy="Wait for it, or start another.",
        )
    return read(clients, jobs.output_of(job), name)


def read(clients: Clients, folder: str, name: str = "") -> BiasReport:
    """The report in a folder of S3."""
    return parse(clients.read_json(f"{folder}/analysis.json"), folder, name)


def parse(raw: dict[str, Any], folder: str = "", name: str = "") -> BiasReport:
    """An ``analysis.json`` of Clarify's, ours or another's: missing parts are missing in the result."""
    facets: dict[tuple[str, str], dict[str, dict[str, Measure]]] = {}
    governance = raw.get("governance", {})
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, entries in raw.get(stage, {}).get("facets", {}).items():
            for entry in entries:
                value = str(entry["value_or_threshold"])
                words = governance.get("metrics", {}).get(stage, {}).get(facet, {}).get(value, {})
                found = {m["name"]: _measure(m, words.get(m["name"], {})) for m in entry["metrics"]}
                facets.setdefault((facet, value), {})[stage] = found
    return BiasReport(
        name,
        folder,
        tuple(
            FacetReport(facet, value, found.get("pre_training_bias_metrics", {}), found.get("post_training_bias_metrics", {}))
            for (facet, value), found in facets.items()
        ),
        governance,
        raw,
    )


def _measure(metric: dict[str, Any], words: dict[str, Any]) -> Measure:
    return Measure(
        metric["name"],
        metric.get("description", ""),
        _float(metric.get("value")),
        metric.get("error"),
        _float(words.get("low")) if words.get("low") is not None else float("-inf"),  # type: ignore[arg-type]
        _float(words.get("high")) if words.get("high") is not None else float("inf"),  # type: ignore[arg-type]
        words.get("in_words", ""),
        _interval(words.get("interval")),
    )


def _interval(raw: dict[str, Any] | None) -> Interval | None:
    return None if raw is None else Interval(_float(raw["low"]), _float(raw["high"]), raw["n"], raw["why"])


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def list_jobs(clients: Clients, named: str | None = None) -> list[Job]:
    """The newest bias jobs; before them the one that is ``named``, where it is older."""
    return jobs.listed(clients, "processing", contains=PREFIX, named=named)


@dataclass(frozen=True)
class Origin:
    """What a report came from; parts that aren't known are None."""

    model: str | None
    training_job: str | None
    rebalanced: str | None


def origin(clients: Clients, name: str) -> Origin:
    """The model, its training job, and the rebalancing behind a bias job."""
    with translated(name):
        arn = clients.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobArn"]
        tags = {tag["Key"]: tag["Value"] for tag in clients.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    model, training = tags.get("governance:model"), None
    if model:
        try:
            with translated(model):
                of_model = clients.sagemaker.describe_model(ModelName=model)["ModelArn"]
                found = {tag["Key"]: tag["Value"] for tag in clients.sagemaker.list_tags(ResourceArn=of_model)["Tags"]}
            training = found.get("governance:training-job")
        except NotFound:
            model = None
    return Origin(model, training, tags.get("governance:rebalanced"))
