"""Rebalancing: a Processing job that splits once and rebalances the training part."""

from __future__ import annotations

import io
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from core import creating, jobs
from core.analysis import resampling, resampling_parameters
from core.analysis.resampling import METHODS, TARGETS, ResamplingError
from core.analysis.resampling_parameters import PARAMETERS
from core.analysis.splitting import SplitError, split
from core.clients import Clients
from core.datasets import Dataset, get
from core.errors import Conflict, DataError, NotFound
from core.identity import Identity, require
from core.jobs import Job
from core.tables import Checked, Roles

__all__ = [
    "METHODS",
    "PARAMETERS",
    "TARGETS",
    "Rebalance",
    "Rebalanced",
    "check",
    "distributions",
    "launch",
    "launch_each",
    "list_jobs",
    "result",
]
PREFIX = "governance-rebalance"


@dataclass(frozen=True)
class Rebalance:
    """What to do to the training part. ``order``: split_first, or workshop (rebalance, then split: a leak, and marked as one)."""

    method: str = "smote-nc"
    target: str = "facet"
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 42
    validation_size: float = 0.16
    test_size: float = 0.2
    order: str = "split_first"


@dataclass(frozen=True)
class Rebalanced:
    """The result of a job: the manifest, and where its files are."""

    job: str
    folder: str
    manifest: dict[str, Any]
    dataset: Dataset

    def uri(self, name: str) -> str:
        return f"{self.folder}/{name}"

    @property
    def roles(self) -> Roles:
        return self.dataset.roles

    @property
    def weights(self) -> bool:
        return bool(self.manifest["weights"])


def check(checked: Checked, options: Rebalance) -> None:
    """Raise DataError, before anything is uploaded, for a table too small to split or to rebalance as the job would."""
    frame, roles = checked.frame, checked.roles
    ask = resampling.Rebalance(
        roles.label, roles.facet, roles.facet_value, options.method, options.target, roles.categorical, options.parameters, options.seed
    )
    sizes = {"validation_size": options.validation_size, "test_size": options.test_size}
    try:
        parts = split(frame, roles.label, roles.facet, roles.facet_value, seed=options.seed, **sizes)
        resampling.check(frame.iloc[parts.train] if options.order == "split_first" else frame, ask)
    except (SplitError, ResamplingError) as error:
        raise DataError(str(error), subject=roles.facet) from error


def launch(clients: Clients, identity: Identity, dataset: Dataset, options: Rebalance, *, name: str | None = None) -> str:
    """Start the job; returns its name."""
    require(identity, "launch", subject=dataset.name)
    if options.method not in METHODS or options.target not in TARGETS:
        raise DataError(f"There is no method {options.method} with target {options.target}.", remedy=f"Choose one of {', '.join(METHODS)}.")
    wrong = resampling_parameters.problem(options.method, options.parameters)
    if wrong:
        raise DataError(f"{METHODS[options.method]}: {wrong}", subject=options.method, remedy="Change it, or leave it out.")
    name = name or f"{PREFIX}-{options.method}-{secrets.token_hex(4)}"
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
        "parameters": resampling_parameters.used(options.method, options.parameters),
        "seed": options.seed,
        "validation_size": options.validation_size,
        "test_size": options.test_size,
        "order": options.order,
    }
    folder = clients.uri("governance/rebalanced", name)
    config_uri = clients.write(f"{folder}/config/rebalance.json", json.dumps(config).encode(), "application/json")
    inputs = {
        "config": (config_uri, "/opt/ml/processing/input/config"),
        "data": (dataset.uri, "/opt/ml/processing/input/data"),
    }
    tags = {**jobs.launched_by(identity), "governance:dataset": dataset.uri}
    creating.once(clients, "ProcessingJob", jobs.processing_request(clients, name, "rebalance", inputs, f"{folder}/output", tags))
    return name


def result(clients: Clients, name: str) -> Rebalanced:
    """The result of a job that has Completed. Raises Conflict while it runs or when it failed."""
    job = jobs.describe(clients, "processing", name)
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            subject=name,
            remedy="Wait for it, or start another.",
        )
    folder, source = jobs.output_of(job), jobs.input_of(job, "data")
    if not source:
        raise NotFound(f"The job {name} rebalanced nothing.", subject=name, remedy="Choose another one from the list.")
    return Rebalanced(name, folder, clients.read_json(f"{folder}/manifest.json"), get(clients, source))


def launch_each(
    clients: Clients, identity: Identity, dataset: Dataset, options: Rebalance, methods: dict[str, dict[str, Any]]
) -> list[str]:
    """Start one job for each method (name → its parameters), all else being as ``options`` says; returns their names, to be compared."""
    return [launch(clients, identity, dataset, replace(options, method=m, parameters=given)) for m, given in methods.items()]


def by_facet(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The manifest as each facet sees it, under ``SEX = 1``; the one that was balanced comes first."""
    config = manifest["config"]
    found = {f"{config['facet']} = {config['facet_value']}": manifest}
    for other in manifest.get("further_facets", []):
        name = {"facet": other["facet"], "facet_value": other["facet_value"]}
        found[f"{other['facet']} = {other['facet_value']}"] = {**manifest, **other, "config": {**config, **name}}
    return found


def distributions(clients: Clients, data: Rebalanced) -> list[dict[str, Any]]:
    """The histograms of each feature, as the job wrote them; none for a job of before there were any."""
    if "distributions.json" not in data.manifest.get("details", {}):
        return []
    found: list[dict[str, Any]] = clients.read_json(data.uri("distributions.json"))["features"]
    return found


def synthetic_parts(data: Rebalanced) -> list[tuple[str, int]]:
    """(URI, rows) of the files that list the synthetic rows, in order."""
    details = data.manifest.get("details", {})
    return [(data.uri(name), about["rows"]) for name, about in sorted(details.items()) if name.startswith("synthetic/")]


def synthetic_rows(clients: Clients, parts: list[tuple[str, int]], start: int, count: int) -> pd.DataFrame:
    """``count`` synthetic rows from the ``start``-th on; only the files that hold them are read."""
    found, at = [], 0
    for uri, rows in parts:
        if at < start + count and at + rows > start:
            table = pd.read_csv(io.BytesIO(clients.read(uri)), dtype={"copy of": "Int64"})
            found.append(table.iloc[max(start - at, 0) : start + count - at])
        at += rows
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def list_jobs(clients: Clients, named: str | None = None) -> list[Job]:
    """The newest rebalancing jobs; before them the one that is ``named``, where it is older."""
    return jobs.listed(clients, "processing", contains=PREFIX, named=named)
