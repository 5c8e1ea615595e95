"""Rebalancing: a Processing job that splits once and rebalances the training part."""

from __future__ import annotations

import io
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from core.analysis.resampling import resampling, resampling_parameters
from core.analysis.resampling.resampling import BALANCE_TARGETS, METHODS, ResamplingError
from core.analysis.resampling.resampling_parameters import PARAMETERS
from core.analysis.resampling.splitting import SplitError, split_rows
from core.aws import aws_names, idempotency
from core.aws.target import Target
from core.data.column_roles import CheckedTable, ColumnRoles
from core.data.datasets import Dataset, read_dataset
from core.errors import Conflict, DataError, NotFound
from core.identity import Identity, require_permission
from core.jobs import jobs, processing_requests
from core.jobs.jobs import Job

__all__ = [
    "BALANCE_TARGETS",
    "METHODS",
    "PARAMETERS",
    "RebalancedData",
    "RebalancingOptions",
    "check_feasible",
    "launch_job",
    "launch_job_per_method",
    "list_jobs",
    "read_distributions",
    "read_result",
]
JOB_NAME_PREFIX = "governance-rebalance"


@dataclass(frozen=True)
class RebalancingOptions:
    """What to do to the training part. ``order``: split_first, or workshop (rebalance, then split: a leak, and marked as one)."""

    method: str = "smote-nc"
    target: str = "facet"
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 42
    validation_size: float = 0.16
    test_size: float = 0.2
    order: str = "split_first"


@dataclass(frozen=True)
class RebalancedData:
    """The result of a job: the manifest, and where its files are."""

    job: str
    folder: str
    manifest: dict[str, Any]
    dataset: Dataset

    def uri(self, name: str) -> str:
        return f"{self.folder}/{name}"

    @property
    def roles(self) -> ColumnRoles:
        return self.dataset.roles

    @property
    def has_weights(self) -> bool:
        return bool(self.manifest["weights"])


def check_feasible(checked: CheckedTable, options: RebalancingOptions) -> None:
    """Raise DataError, before anything is uploaded, for a table too small to split or to rebalance as the job would."""
    frame, roles = checked.frame, checked.roles
    ask = resampling.RebalanceConfig(
        roles.label, roles.facet, roles.facet_value, options.method, options.target, roles.categorical, options.parameters, options.seed
    )
    sizes = {"validation_size": options.validation_size, "test_size": options.test_size}
    try:
        parts = split_rows(frame, roles.label, roles.facet, roles.facet_value, seed=options.seed, **sizes)
        resampling.check_rebalancing(frame.iloc[parts.train] if options.order == "split_first" else frame, ask)
    except (SplitError, ResamplingError) as error:
        raise DataError(str(error), resource=roles.facet) from error


def launch_job(target: Target, identity: Identity, dataset: Dataset, options: RebalancingOptions, *, name: str | None = None) -> str:
    """Start the job; returns its name."""
    require_permission(identity, "launch", resource=dataset.name)
    if options.method not in METHODS or options.target not in BALANCE_TARGETS:
        raise DataError(f"There is no method {options.method} with target {options.target}.", hint=f"Choose one of {', '.join(METHODS)}.")
    wrong = resampling_parameters.find_problem(options.method, options.parameters)
    if wrong:
        raise DataError(f"{METHODS[options.method]}: {wrong}", resource=options.method, hint="Change it, or leave it out.")
    name = name or f"{JOB_NAME_PREFIX}-{options.method}-{secrets.token_hex(4)}"
    roles = dataset.roles
    config = {
        "label": roles.label,
        "favourable": roles.favourable,
        "facet": roles.facet,
        "facet_value": roles.facet_value,
        "group": roles.group,
        "categorical": list(roles.categorical),
        "ignored": list(roles.ignored),
        "further_facets": [list(facet) for facet in roles.further_facets],
        "method": options.method,
        "target": options.target,
        "parameters": resampling_parameters.with_defaults(options.method, options.parameters),
        "seed": options.seed,
        "validation_size": options.validation_size,
        "test_size": options.test_size,
        "order": options.order,
    }
    folder = target.uri("governance/rebalanced", name)
    config_uri = target.files.write(f"{folder}/config/rebalance.json", json.dumps(config).encode(), "application/json")
    inputs = {
        "config": (config_uri, "/opt/ml/processing/input/config"),
        "data": (dataset.uri, "/opt/ml/processing/input/data"),
    }
    tags = {**aws_names.launched_by_tags(identity), "governance:dataset": dataset.uri}
    idempotency.create_once(
        target, "ProcessingJob", processing_requests.build_processing_request(target, name, "rebalance", inputs, f"{folder}/output", tags)
    )
    return name


def read_result(target: Target, name: str) -> RebalancedData:
    """The result of a job that has Completed. Raises Conflict while it runs or when it failed."""
    job = jobs.describe_job(target, "processing", name)
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            resource=name,
            hint="Wait for it, or start another.",
        )
    folder, source = jobs.output_uri(job), jobs.input_uri(job, "data")
    if not source:
        raise NotFound(f"The job {name} rebalanced nothing.", resource=name, hint="Choose another one from the list.")
    return RebalancedData(name, folder, target.files.read_json(f"{folder}/manifest.json"), read_dataset(target, source))


def launch_job_per_method(
    target: Target, identity: Identity, dataset: Dataset, options: RebalancingOptions, methods: dict[str, dict[str, Any]]
) -> list[str]:
    """Start one job for each method (name → its parameters), all else being as ``options`` says; returns their names, to be compared."""
    return [launch_job(target, identity, dataset, replace(options, method=m, parameters=given)) for m, given in methods.items()]


def manifest_by_facet(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The manifest as each facet sees it, under ``SEX = 1``; the one that was balanced comes first."""
    config = manifest["config"]
    found = {f"{config['facet']} = {config['facet_value']}": manifest}
    for other in manifest.get("further_facets", []):
        name = {"facet": other["facet"], "facet_value": other["facet_value"]}
        found[f"{other['facet']} = {other['facet_value']}"] = {**manifest, **other, "config": {**config, **name}}
    return found


def read_distributions(target: Target, data: RebalancedData) -> list[dict[str, Any]]:
    """The histograms of each feature, as the job wrote them; none for a job of before there were any."""
    if "distributions.json" not in data.manifest.get("details", {}):
        return []
    found: list[dict[str, Any]] = target.files.read_json(data.uri("distributions.json"))["features"]
    return found


def list_synthetic_files(data: RebalancedData) -> list[tuple[str, int]]:
    """(URI, rows) of the files that list the synthetic rows, in order."""
    details = data.manifest.get("details", {})
    return [(data.uri(name), about["rows"]) for name, about in sorted(details.items()) if name.startswith("synthetic/")]


def read_synthetic_rows(target: Target, parts: list[tuple[str, int]], start: int, count: int) -> pd.DataFrame:
    """``count`` synthetic rows from the ``start``-th on; only the files that hold them are read."""
    found, at = [], 0
    for uri, rows in parts:
        if at < start + count and at + rows > start:
            table = pd.read_csv(io.BytesIO(target.files.read(uri)), dtype={"copy of": "Int64"})
            found.append(table.iloc[max(start - at, 0) : start + count - at])
        at += rows
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The newest rebalancing jobs; before them the one that is ``including``, where it is older."""
    return jobs.list_jobs(target, "processing", name_contains=JOB_NAME_PREFIX, including=including)
