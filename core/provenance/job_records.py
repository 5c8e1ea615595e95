"""The target's own records behind a version: its jobs, its model, and what lies where they read. Nothing here is judged."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from core.aws.file_snapshot import TargetSnapshot
from core.errors import NotFound, translate_aws_errors
from core.jobs import jobs
from core.jobs.jobs import Job, JobKind
from core.jobs.rebalancing_jobs import RebalancedData
from core.reports import clarify_jobs


@dataclass(frozen=True)
class Claim:
    """What a version says its evidence is. ``model_uri``: its archive; ``reports``: quality, bias, explainability -> URI; ``threshold``:
    the score above which label 1 is predicted."""

    training_job: str
    model_uri: str
    data: RebalancedData
    bias_job: str
    shap_job: str
    reports: dict[str, str]
    threshold: float


@dataclass(frozen=True)
class ModelRecord:
    """A SageMaker model: its archive's URI ("" if it has none), and when it was created."""

    uri: str
    created: datetime


@dataclass(frozen=True)
class JobRecords:
    """The jobs of a claim by their part (training, rebalancing, bias, companion, SHAP); None for one that the target doesn't know.
    ``configs``: part -> analysis_config.json as it lies there now; ``models``: name -> record, of models that a configuration names;
    ``objects``: prefix -> the files that lie under it."""

    jobs: dict[str, Job | None]
    configs: dict[str, dict[str, object]]
    models: dict[str, ModelRecord | None]
    objects: dict[str, list[str]]


def read_records(target: TargetSnapshot, claim: Claim) -> JobRecords:
    """Read the records of a claim, each once. Raises Forbidden and TargetUnavailable: what can't be read now says nothing."""
    names: dict[str, tuple[JobKind, str]] = {
        "training": ("training", claim.training_job),
        "rebalancing": ("processing", claim.data.job),
        "bias": ("processing", claim.bias_job),
        "SHAP": ("processing", claim.shap_job),
    }
    with ThreadPoolExecutor(len(names)) as pool:
        found = dict(zip(names, pool.map(lambda one: _find_job(target, *one), names.values()), strict=True))
    if (bias := found["bias"]) is not None and not clarify_jobs.is_own_job(bias):
        found["companion"] = _find_job(target, "processing", clarify_jobs.companion_name(bias.name))
    configs = {part: config for part in ("bias", "companion", "SHAP") if (config := _read_config(target, found.get(part))) is not None}
    named = {
        name: _find_model(target, name)
        for part, config in configs.items()
        if (job := found[part]) is not None and not clarify_jobs.is_own_job(job) and (name := _model_name(config))
    }
    return JobRecords(found, configs, named, _list_objects(target, _prefixes(claim, found.values(), named.values())))


def _find_job(target: TargetSnapshot, kind: JobKind, name: str) -> Job | None:
    try:
        return jobs.describe_job(target, kind, name)
    except NotFound:
        return None


def _read_config(target: TargetSnapshot, job: Job | None) -> dict[str, object] | None:
    uri = jobs.input_uri(job, "analysis_config") if job else ""
    try:
        found = target.files.read_json(uri) if uri else None
    except (NotFound, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _model_name(config: dict[str, object]) -> str:
    predictor = config.get("predictor")
    return str(predictor.get("model_name", "")) if isinstance(predictor, dict) else ""


def _find_model(target: TargetSnapshot, name: str) -> ModelRecord | None:
    try:
        with translate_aws_errors(name):
            raw = target.sagemaker.describe_model(ModelName=name)
    except NotFound:
        return None
    containers = raw.get("Containers") or []
    primary = raw.get("PrimaryContainer") or (containers[0] if len(containers) == 1 else {})
    return ModelRecord(primary.get("ModelDataUrl", ""), raw["CreationTime"])


def _prefixes(claim: Claim, found: Iterable[Job | None], models: Iterable[ModelRecord | None]) -> set[str]:
    """Where jobs read data and models from: an S3Prefix takes every file that begins with it."""
    uris = {claim.model_uri, claim.data.dataset.uri} | {model.uri for model in models if model}
    for job in found:
        if job is not None:
            uris |= (
                set(jobs.channel_uris(job).values())
                if job.kind == "training"
                else {jobs.input_uri(job, n) for n in ("data", "dataset", "model")}
            )
    return uris - {""}


def _list_objects(target: TargetSnapshot, prefixes: set[str]) -> dict[str, list[str]]:
    """The files under each prefix; the folder that several prefixes lie in is listed once."""
    folders: dict[str, list[str]] = {}
    for uri in sorted(prefixes):
        folders.setdefault(uri.rpartition("/")[0], []).append(uri)
    asked = [f"{folder}/" if len(uris) > 1 else uris[0] for folder, uris in folders.items()]
    with ThreadPoolExecutor(8) as pool:
        listed = dict(zip(folders, pool.map(lambda prefix: _list_once(target, prefix), asked), strict=True))
    return {uri: [one for one in listed[folder] if one.startswith(uri)] for folder, uris in folders.items() for uri in uris}


def _list_once(target: TargetSnapshot, prefix: str) -> list[str]:
    key = f"files under {prefix}"
    if not isinstance(found := target.recall(key), list):
        found = target.files.list_uris(prefix)
        target.keep(key, found)
    return found
