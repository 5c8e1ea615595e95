"""Jobs that say why a model declines and where its disparity comes from: reasons of each declined row, proxies, what dropping costs."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

from core.analysis.explanations import reason_groups
from core.analysis.explanations.reason_groups import ReasonError
from core.analysis.proxies.reasons_json import NOTICE_FILE, REASONS_FILE, RESULT_FILE, WhyJson
from core.analysis.tables.prohibited_bases import US_CREDIT
from core.aws import aws_names, idempotency
from core.aws.target import Target
from core.data.bundled_data import BUNDLED_REASONS
from core.data.column_roles import chosen_facets, sensitive_columns
from core.errors import Conflict, DataError, NotFound
from core.identity import Identity, require_permission
from core.jobs import jobs, models, processing_requests, training_jobs
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.references import JOB_NAME_PREFIXES
from core.reports.clarify_jobs import CONTAINER_INPUT, ROW_FILES

JOB_NAME_PREFIX = JOB_NAME_PREFIXES["reasons"]
ENTRY_POINT, REQUEST_FILE = "reasons", "reasons.json"
MAX_SEARCHED = 10
"""In so many of the newest jobs edited words are looked for."""


class ReasonsRequest(TypedDict):
    """``reasons.json``: what a job is asked. ``groups``: words -> the features that are one reason; ``prohibited``: columns that are never
    one; ``jurisdiction``: by whose law, "" for none; ``facets``: (column, value) of the groups whose disparity is followed; ``derived``:
    facet by a threshold -> the column that it is made of; ``favourable``: the label's value that is good for the person."""

    model: str
    training_job: str
    rebalancing_job: str
    label: str
    favourable: int
    threshold: float
    facets: list[tuple[str, int]]
    jurisdiction: str
    prohibited: list[str]
    groups: dict[str, list[str]]
    value_names: dict[str, object]
    features: list[str]
    derived: dict[str, str]
    has_weights: bool
    hyperparameters: dict[str, str]
    seed: int


def prohibited_columns(data: RebalancedData, jurisdiction: str = US_CREDIT) -> tuple[str, ...]:
    """The features that can't be a reason: those of the facets and the group, and those whose name speaks for a basis on which the law of
    the jurisdiction forbids to decide; "" for no law's."""
    return reason_groups.find_prohibited(data.manifest["features"], sensitive_columns(data.roles), jurisdiction or None)


def propose_groups(target: Target, data: RebalancedData, jurisdiction: str = US_CREDIT) -> dict[str, tuple[str, ...]]:
    """Words -> features: those of the newest job with the same features, as somebody edited them; else those of the bundled data, or by
    the columns' names."""
    features, prohibited = list(data.manifest["features"]), prohibited_columns(data, jurisdiction)
    proposed: Mapping[str, Sequence[str]] = reason_groups.propose_groups(features, prohibited)
    bundled = {feature for group in BUNDLED_REASONS.values() for feature in group}
    if bundled <= set(features):
        proposed = BUNDLED_REASONS
    for job in list_jobs(target)[:MAX_SEARCHED]:
        try:
            request = read_request(target, job.name)
        except NotFound:
            continue
        if set(request["features"]) == set(features):
            proposed = request["groups"]
            break
    left = {words: tuple(one for one in group if one not in prohibited) for words, group in proposed.items()}
    return reason_groups.complete_groups({words: group for words, group in left.items() if group}, features, prohibited)


def launch_job(
    target: Target,
    identity: Identity,
    training_job: str,
    data: RebalancedData,
    groups: Mapping[str, Sequence[str]],
    *,
    threshold: float = 0.5,
    jurisdiction: str = US_CREDIT,
) -> str:
    """Start a job on a trained model and its test rows; returns its name. ``groups``: words -> features; a feature in none is a reason of
    its own; ``jurisdiction``: whose prohibited bases can't be reasons, and by whose form the sample notice is written; "" for none. Raises
    DataError for groups that don't fit, Conflict if the model was trained on other data."""
    require_permission(identity, "launch", resource=training_job)
    prohibited = prohibited_columns(data, jurisdiction)
    try:
        reason_groups.complete_groups(groups, list(data.manifest["features"]), prohibited)
    except ReasonError as error:
        raise DataError(f"{error}.", resource=data.job, hint="Edit the words and the features that they stand for.") from error
    job = training_jobs.describe_job(target, training_job)
    trained_on = jobs.channel_uris(job).get("train", "")
    if trained_on.rpartition("/")[0] != data.folder:
        raise Conflict(
            f"{training_job} wasn't trained on the rows of {data.job}.",
            resource=training_job,
            hint="Choose the data that it was trained on.",
        )
    model = models.ensure_model(target, identity, training_job)
    name = f"{JOB_NAME_PREFIX}-{secrets.token_hex(5)}"
    folder = target.uri("governance/reasons", name)
    request: ReasonsRequest = {
        "model": model,
        "training_job": training_job,
        "rebalancing_job": data.job,
        "label": data.roles.label,
        "favourable": data.roles.favourable,
        "threshold": threshold,
        "facets": chosen_facets(data.roles),
        "jurisdiction": jurisdiction,
        "prohibited": list(prohibited),
        "groups": {words: list(features) for words, features in groups.items()},
        "value_names": data.value_names.to_json(),
        "features": list(data.manifest["features"]),
        "derived": dict(data.roles.derived),
        "has_weights": data.has_weights and trained_on == data.rebalanced_channels["train"],
        "hyperparameters": dict(job.raw.get("HyperParameters") or {}),
        "seed": 0,
    }
    uri = target.files.write(f"{folder}/config/{REQUEST_FILE}", json.dumps(request).encode(), "application/json")
    inputs = {
        "config": (uri, f"{CONTAINER_INPUT}/config"),
        "train": (trained_on, f"{CONTAINER_INPUT}/train"),
        "data": (data.uri(ROW_FILES["test"]), f"{CONTAINER_INPUT}/data"),
        "model": (models.artifact_uri(target, model), f"{CONTAINER_INPUT}/model"),
    }
    tags = {**aws_names.launched_by_tags(identity), "governance:model": model, "governance:rebalanced": data.job}
    asked = processing_requests.build_processing_request(target, name, ENTRY_POINT, inputs, f"{folder}/output", tags)
    idempotency.create_once(target, "ProcessingJob", asked)
    return name


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The newest of these jobs, newest first; before them the job named ``including``, if it is older."""
    return jobs.list_jobs(target, "processing", name_contains=JOB_NAME_PREFIX, including=including)


def read_request(target: Target, name: str) -> ReasonsRequest:
    """What a job was asked. Raises NotFound if its configuration was deleted."""
    return target.files.read_json(jobs.input_uri(jobs.describe_job(target, "processing", name), "config"), ReasonsRequest)


def read_result(target: Target, name: str) -> WhyJson:
    """The result of a completed job. Raises Conflict if it hasn't completed."""
    job = jobs.describe_job(target, "processing", name)
    jobs.require_completed(job, name)
    return target.files.read_json(f"{jobs.output_uri(job)}/{RESULT_FILE}", WhyJson)


def read_declined_rows(target: Target, name: str) -> tuple[pd.DataFrame, str]:
    """All declined rows with their reasons, as ``reason_notice.tabulate_reasons`` has them, and the sample notice."""
    folder = jobs.output_uri(jobs.describe_job(target, "processing", name))
    content = io.BytesIO(target.files.read(f"{folder}/{REASONS_FILE}"))
    rows = pd.read_csv(content, keep_default_na=False, na_values=[""])  # a reason may be called None
    return rows, target.files.read(f"{folder}/{NOTICE_FILE}").decode()


def read_applicants(target: Target, name: str) -> pd.DataFrame:
    """The rows that a job looked at, as its data set has them."""
    uri = jobs.input_uri(jobs.describe_job(target, "processing", name), "data")
    return pd.read_csv(io.BytesIO(target.files.read(uri)))
