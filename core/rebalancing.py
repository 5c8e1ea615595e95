"""Rebalancing: a Processing job that splits once and rebalances the training part."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from core import jobs
from core.analysis import resampling
from core.analysis.resampling import METHODS, TARGETS, ResamplingError
from core.analysis.splitting import SplitError, split
from core.clients import Clients
from core.datasets import Checked, Dataset, Roles, get
from core.errors import Conflict, DataError, translated
from core.identity import Identity, require
from core.jobs import Job

__all__ = ["METHODS", "TARGETS", "Rebalance", "Rebalanced", "check", "launch", "list_jobs", "result"]
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
        "method": options.method,
        "target": options.target,
        "parameters": options.parameters,
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
    with translated(name):
        clients.sagemaker.create_processing_job(**jobs.processing_request(clients, name, "rebalance", inputs, f"{folder}/output", tags))
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
    folder = jobs.output_of(job)
    return Rebalanced(name, folder, clients.read_json(f"{folder}/manifest.json"), get(clients, jobs.input_of(job, "data")))


def list_jobs(clients: Clients) -> list[Job]:
    """The newest rebalancing jobs."""
    return jobs.listed(clients, "processing", contains=PREFIX)
