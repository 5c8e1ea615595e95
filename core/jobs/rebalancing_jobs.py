"""Rebalancing: a processing job that splits a data set into training, validation and test rows, and rebalances the training rows."""

from __future__ import annotations

import io
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import TypedDict

import pandas as pd

from core.analysis.resampling import resampling, resampling_parameters
from core.analysis.resampling.rebalancing_manifest import GroupLabelShareEntry, RebalancingManifest
from core.analysis.resampling.resampling import BALANCE_TARGETS, METHODS, ResamplingError
from core.analysis.resampling.resampling_parameters import PARAMETERS, ParameterValue
from core.analysis.resampling.splitting import SplitError, split_rows
from core.analysis.tables.histograms import FeatureHistograms
from core.analysis.tables.value_names import ValueNames
from core.aws import aws_names, idempotency
from core.aws.target import Target
from core.data.column_roles import ColumnRoles
from core.data.datasets import Dataset, coded_value_names, read_dataset, value_names
from core.data.table_check import CheckedTable
from core.errors import DataError, NotFound
from core.identity import Identity, require_permission
from core.jobs import jobs, processing_requests
from core.jobs.jobs import Job
from core.references import JOB_NAME_PREFIXES

__all__ = [
    "BALANCE_TARGETS",
    "METHODS",
    "ORDERS",
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
JOB_NAME_PREFIX = JOB_NAME_PREFIXES["rebalancing"]
ORDERS = {"split_first": "Split, then resample the training part", "workshop": "Resample, then split (leaks, and is marked so)"}
MANY_ROWS = 2000
"""With so many rows of each label and facet value, every method has enough neighbours."""


@dataclass(frozen=True)
class RebalancingOptions:
    """How to split and rebalance. ``target``: what is balanced; ``order``: split_first, or workshop (rebalance, then split, which leaks
    rows between the parts and is marked so); the sizes are shares of all rows."""

    method: str = "smote-nc"
    target: str = "facet"
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    seed: int = 42
    validation_size: float = 0.16
    test_size: float = 0.2
    order: str = "split_first"


@dataclass(frozen=True)
class RebalancedData:
    """The result of a rebalancing job: its manifest, the folder of its files, and the data set that it read."""

    job: str
    folder: str
    manifest: RebalancingManifest
    dataset: Dataset

    def uri(self, name: str) -> str:
        return f"{self.folder}/{name}"

    @property
    def roles(self) -> ColumnRoles:
        return self.dataset.roles

    @property
    def value_names(self) -> ValueNames:
        """What the codes in its rows stand for."""
        return value_names(self.dataset)

    @property
    def label_names(self) -> tuple[str, str]:
        """What labels 0 and 1 are called: ``paid = yes``."""
        zero, one = (self.value_names.describe(self.roles.label, code) for code in (0, 1))
        return zero, one

    @property
    def has_weights(self) -> bool:
        """Whether the rebalanced rows have a weight in their second column; then so do the validation rows beside them."""
        return bool(self.manifest["weights"])

    @property
    def rebalanced_channels(self) -> dict[str, str]:
        """Channel -> URI of the rebalanced rows and of the validation rows to train with. Raises DataError for a reweighing by an earlier
        version, whose validation rows have no weight."""
        if self.has_weights and "__weight" not in self.manifest["files"]["validation_res.csv"]["columns"]:
            raise DataError(
                f"{self.job} was made by an earlier version: its validation rows have no weight, and XGBoost reads one in both channels.",
                resource="rebalanced rows",
                hint="Rebalance the data set again.",
            )
        return {"train": self.uri("train_res.csv"), "validation": self.uri("validation_res.csv")}

    @property
    def original_channels(self) -> dict[str, str]:
        """Channel -> URI of the training rows before rebalancing, and of the validation rows, both without weights."""
        plain = "validation.csv" if "validation.csv" in self.manifest["files"] else "validation_res.csv"
        return {"train": self.uri("train.csv"), "validation": self.uri(plain)}


def check_feasible(checked: CheckedTable, options: RebalancingOptions) -> None:
    """Raises DataError if the table is too small for the job to split or rebalance it; so nothing needs to be uploaded first."""
    roles, names = checked.roles, coded_value_names(checked.coding, checked.frame.columns)
    ask = resampling.RebalanceConfig(
        roles.label,
        roles.facet,
        roles.facet_value,
        options.method,
        options.target,
        roles.categorical,
        options.parameters,
        options.seed,
        (*(column for column, _ in roles.further_facets), *dict(roles.derived).values()),
        names,
    )
    frame = _enough_of_each_group(checked.frame, roles)
    sizes = {"validation_size": options.validation_size, "test_size": options.test_size}
    try:
        parts = split_rows(frame, roles.label, roles.facet, roles.facet_value, seed=options.seed, names=names, **sizes)
        resampling.check_rebalancing(frame.iloc[parts.train] if options.order == "split_first" else frame, ask)
    except (SplitError, ResamplingError) as error:
        raise DataError(str(error), resource=roles.facet) from error


def _enough_of_each_group(frame: pd.DataFrame, roles: ColumnRoles) -> pd.DataFrame:
    """The first rows of each label and facet value if all have many: whether a split and a method are possible is then the same, and
    soon known; else the whole table."""
    groups = frame.groupby([roles.label, roles.facet])
    return frame[groups.cumcount() < MANY_ROWS] if (groups.size() >= MANY_ROWS).all() else frame


def launch_job(target: Target, identity: Identity, dataset: Dataset, options: RebalancingOptions, *, name: str | None = None) -> str:
    """Start a rebalancing job; returns its name. Raises DataError for options that don't exist or don't fit the method."""
    require_permission(identity, "launch", resource=dataset.name)
    if options.method not in METHODS or options.target not in BALANCE_TARGETS:
        raise DataError(
            f"The method {options.method} with target {options.target} doesn't exist.", hint=f"Choose one of {', '.join(METHODS)}."
        )
    wrong = resampling_parameters.find_problem(options.method, options.parameters)
    if wrong:
        raise DataError(f"{METHODS[options.method]}: {wrong}", resource=options.method, hint="Change the value, or omit it.")
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
    if roles.ordered:
        config["ordered"] = {column: list(values) for column, values in roles.ordered}
    if roles.derived:
        config["derived"] = dict(roles.derived)
    medians = {column: treatment for column, treatment in roles.missing if treatment == "median"}
    if medians:  # other treatments are done already, and in the notes
        config["missing"] = medians
    if dataset.treatments:
        config["treatments"] = dict(dataset.treatments)
    if dataset.notes:
        config["notes"] = list(dataset.notes)
    names = value_names(dataset)
    if names.values:
        config["value_names"] = names.to_json()
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
    """The result of a completed rebalancing job. Raises Conflict if it runs or has failed."""
    job = jobs.describe_job(target, "processing", name)
    jobs.require_completed(job, name)
    folder, source = jobs.output_uri(job), jobs.input_uri(job, "data")
    if not source:
        raise NotFound(f"The job {name} is not a rebalancing job.", resource=name, hint="Choose another one from the list.")
    return RebalancedData(
        name, folder, target.files.read_json(f"{folder}/manifest.json", RebalancingManifest), read_dataset(target, source)
    )


def launch_job_per_method(
    target: Target, identity: Identity, dataset: Dataset, options: RebalancingOptions, methods: dict[str, dict[str, ParameterValue]]
) -> list[str]:
    """Start one job for each method (name -> its parameters), with the other ``options`` the same; returns the jobs' names."""
    return [launch_job(target, identity, dataset, replace(options, method=m, parameters=given)) for m, given in methods.items()]


def manifest_by_facet(manifest: RebalancingManifest) -> dict[str, RebalancingManifest]:
    """Facet, such as ``SEX = 1``, -> the manifest with the counts of this facet; the balanced facet comes first."""
    config = manifest["config"]
    found = {f"{config['facet']} = {config['facet_value']}": manifest}
    for other in manifest.get("further_facets", []):
        config = {**config, "facet": other["facet"], "facet_value": other["facet_value"]}
        counts, bias = other["counts"], other["pre_training_bias"]
        found[f"{other['facet']} = {other['facet_value']}"] = {
            **manifest,
            "config": config,
            "counts": counts,
            "pre_training_bias": bias,
        }
    return found


def label_shares_by_facet(manifest: RebalancingManifest) -> dict[str, list[GroupLabelShareEntry]]:
    """Facet column -> for each of its groups, its share of favourable labels before and after; {} for jobs of earlier versions."""
    found = {manifest["config"]["facet"]: manifest.get("label_shares", [])}
    found |= {one["facet"]: one.get("label_shares", []) for one in manifest.get("further_facets", [])}
    return {facet: groups for facet, groups in found.items() if groups}


class _Distributions(TypedDict):
    features: list[FeatureHistograms]


def read_distributions(target: Target, data: RebalancedData) -> list[FeatureHistograms]:
    """The histograms of each feature; empty for jobs of older releases, which wrote none."""
    if "distributions.json" not in data.manifest.get("details", {}):
        return []
    found = target.files.read_json(data.uri("distributions.json"), _Distributions)["features"]
    return [_with_value_labels(feature, data.value_names) for feature in found]


def _with_value_labels(feature: FeatureHistograms, names: ValueNames) -> FeatureHistograms:
    """A column's histograms with its values in place of the codes that its bins are named after."""
    if feature["kind"] != "values" or not names.is_coded(feature["feature"]):
        return feature
    return {**feature, "labels": [names.value(feature["feature"], code) for code in feature["edges"]]}


def list_synthetic_files(data: RebalancedData) -> list[tuple[str, int]]:
    """(URI, number of rows) of the files with the synthetic rows, in order."""
    details = data.manifest.get("details", {})
    return [(data.uri(name), about["rows"]) for name, about in sorted(details.items()) if name.startswith("synthetic/")]


def read_synthetic_rows(target: Target, parts: list[tuple[str, int]], start: int, count: int) -> pd.DataFrame:
    """``count`` synthetic rows from number ``start`` (counted from 0); only the files that contain them are read."""
    found, at = [], 0
    for uri, rows in parts:
        if at < start + count and at + rows > start:
            table = pd.read_csv(io.BytesIO(target.files.read(uri)), dtype={"copy of": "Int64"})
            found.append(table.iloc[max(start - at, 0) : start + count - at])
        at += rows
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The newest rebalancing jobs, newest first; before them the job named ``including``, if it is older."""
    return jobs.list_jobs(target, "processing", name_contains=JOB_NAME_PREFIX, including=including)
