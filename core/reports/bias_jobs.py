"""Bias jobs: the Clarify container on held-out rows, and its report."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from core import analysis_json, clarify, jobs
from core.bias_report import BiasReport, FacetReport, Measure, parse
from core.clarify import ROWS
from core.clients import Clients
from core.errors import Conflict, DataError, NotFound, translated
from core.identity import Identity, require
from core.jobs import Job
from core.rebalancing import Rebalanced

__all__ = [
    "PREFIX",
    "ROWS",
    "BiasReport",
    "FacetReport",
    "Measure",
    "Origin",
    "launch",
    "list_jobs",
    "origin",
    "parse",
    "people",
    "read",
    "report",
]
PREFIX = "governance-bias"
CREDIT = frozenset({"LIMIT_BAL", "PAY_0", "BILL_AMT1", "PAY_AMT1"})
CREDIT_NAMES = {"SEX": {1: "men", 2: "women"}}
"""What the codes of the bundled data mean (UCI, default of credit card clients), known by its columns."""


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
    config = clarify.config(data, rows, model, f"Bias of {model} on the {rows} rows")
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
    return clarify.submit(clients, identity, name, data, rows, config, {"governance:model": model})


def report(clients: Clients, name: str) -> BiasReport:
    """The report of a job that has Completed, and its companion with it. Raises Conflict while there is none."""
    job = jobs.describe(clients, "processing", name)
    beside = clarify.joint(clients, job)
    if beside and job.status == "Completed" and beside.status not in jobs.FINAL:
        job = beside
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            subject=name,
            remedy="Wait for it, or start another.",
        )
    return read(clients, jobs.output_of(job), name)


def read(clients: Clients, folder: str, name: str = "") -> BiasReport:
    """The report in a folder of S3, or at a URI that ends in .json; with what its companion measured where AWS's container wrote it."""
    uri = folder if folder.endswith(".json") else f"{folder}/analysis.json"
    written = analysis_json.load(clients.read(uri), uri)
    raw = clarify.completed(clients, folder, written)
    return parse(raw, folder, name) if raw is written else replace(parse(raw, folder, name), beside=clarify.own_folder(folder))


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
