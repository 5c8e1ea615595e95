"""A version made again from its data set: the job that does it, and what its result is worth. A result counts only where the target's own
record says that the product's container made it, from this version's data set and settings, and compared it with this version's files."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.analysis.reproduction.reproduction_json import (
    PARTS,
    RECIPE_FILE,
    RESULT_FILE,
    RESULT_FORMAT,
    MeasurementRecipe,
    PartResult,
    Recipe,
    ReproductionJson,
)
from core.analysis.resampling.rebalancing_manifest import RebalancingSettings
from core.aws import aws_names, container_images, idempotency
from core.aws.file_snapshot import TargetSnapshot, take_snapshot
from core.aws.target import Target
from core.errors import Conflict, DataError, NotFound
from core.identity import Identity, require_permission
from core.jobs import jobs, processing_requests
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.provenance import job_bindings, job_records
from core.provenance.job_files import CLOCK_TOLERANCE
from core.provenance.job_records import Claim, JobRecords
from core.reports import clarify_jobs

JOB_NAME_PREFIX = "governance-reproduce"
ENTRY_POINT = "reproduce"
MAX_HOURS = 4
COMPARED_FILES = frozenset({"data/source", "data/manifest.json", "model", "bias", "scores"})
"""What every result must have compared; the explanation's files too, unless AWS's container made it."""
_LOCAL = "/opt/ml/processing/input"


@dataclass(frozen=True)
class Reproduction:
    """The result of a job that made a version again. ``sha256`` and ``version``: of its file; ``problems``: why it doesn't count, in
    sentences."""

    job: str
    uri: str
    sha256: str
    version: str | None
    result: ReproductionJson
    problems: tuple[str, ...]

    @property
    def is_reproduced(self) -> bool:
        """Whether the result counts, and everything in it agrees."""
        return self.result["reproduced"] and not self.differing and not self.problems

    @property
    def differing(self) -> tuple[str, ...]:
        """The parts that aren't the evidence's, each in a sentence."""
        return tuple(_sentence(part) for part in self.result["parts"] if part["agrees"] is False)

    @property
    def findings(self) -> tuple[str, ...]:
        """Each part in a sentence."""
        return tuple(map(_sentence, self.result["parts"]))


def _sentence(part: PartResult) -> str:
    return f"{part['part'].capitalize()}: {part['found']}."


def launch_job(target: Target, identity: Identity, claim: Claim, version: str) -> str:
    """Start a job that makes a version again; returns its name. If one of the version runs, its name. ``version``: its ARN. Raises Conflict
    for a version whose jobs' records don't name one data set and its rows."""
    require_permission(identity, "reproduce", resource=version, target_kind=target.settings.target)
    running = [job for job in list_jobs(target, version) if job.status not in jobs.FINAL_STATUSES]
    if running:
        return running[0].name
    snapshot = take_snapshot(target)
    records = job_records.read_records(snapshot, claim)
    name = f"{_name_prefix(version)}-{secrets.token_hex(4)}"
    folder = target.uri("governance/reproductions", name)
    recipe = target.files.write(f"{folder}/config/{RECIPE_FILE}", json.dumps(_build_recipe(snapshot, claim, records)).encode())
    inputs = {part: (uri, f"{_LOCAL}/{part}") for part, uri in _input_uris(claim, records, recipe).items()}
    tags = {**aws_names.launched_by_tags(identity), "governance:training-job": claim.training_job}
    request = processing_requests.build_processing_request(target, name, ENTRY_POINT, inputs, f"{folder}/output", tags, max_hours=MAX_HOURS)
    idempotency.create_once(target, "ProcessingJob", request)
    return name


def list_jobs(target: Target, version: str) -> list[Job]:
    """The jobs that make or made a version again, newest first. ``version``: its ARN."""
    return jobs.list_jobs(target, "processing", name_contains=_name_prefix(version))


def _name_prefix(version: str) -> str:
    return f"{JOB_NAME_PREFIX}-{aws_names.short_hash(version)}"


def read_reproduction(target: Target, claim: Claim, name: str, pinned: Mapping[str, str] | None) -> Reproduction:
    """The result of a job that made the version again. ``pinned``: name of a file -> SHA-256, as the version's evidence names it; None
    without evidence. Raises
    NotFound for a job, or a result, that doesn't exist, and DataError for one that can't be read."""
    snapshot = take_snapshot(target)
    job = jobs.describe_job(snapshot, "processing", name)
    uri = f"{jobs.output_uri(job)}/{RESULT_FILE}"
    digest = snapshot.files.digest_all([uri])[uri]
    if digest is None:
        raise NotFound(f"{name} has no result.", resource=name, hint="Wait for it, or start another one.")
    result = snapshot.files.read_json(uri, ReproductionJson)
    if not isinstance(result, dict) or result.get("format") != RESULT_FORMAT:
        raise DataError(f"{uri} isn't the result of a reproduction.", resource=uri, hint="Start another one.")
    records = job_records.read_records(snapshot, claim)
    problems = [*_check_job(snapshot, job, claim, records), *_check_compared(job, result, records, pinned)]
    if digest.state.written - CLOCK_TOLERANCE > (job.ended or digest.state.written):
        problems.append(f"The result of {name} was written after the job had ended.")
    return Reproduction(name, uri, digest.sha256, digest.state.version, result, tuple(problems))


def _check_job(target: TargetSnapshot, job: Job, claim: Claim, records: JobRecords) -> Iterator[str]:
    """The job ran the product's container on this version's data set, by the settings of its jobs."""
    if job.status != "Completed":
        yield f"The job {job.name} is {job.status}."
    specification = job.raw.get("AppSpecification", {})
    image, entry = specification.get("ImageUri", ""), specification.get("ContainerEntrypoint") or []
    is_own = container_images.registry_of(image) in container_images.own_registries(target)
    same_repository = container_images.repository_of(image) == container_images.repository_of(container_images.analysis_image(target))
    if not is_own or not same_repository or entry != [ENTRY_POINT] or specification.get("ContainerArguments"):
        yield f"The job {job.name} ran {' '.join([image, *entry])}, which isn't the product's reproduction."
    if variables := job_bindings.added_variables(job):
        yield f"The job {job.name} was given the environment variables {', '.join(variables)}: they can change what it runs."
    recipe = jobs.input_uri(job, "config")
    read = {one["InputName"]: jobs.input_uri(job, one["InputName"]) for one in job.raw.get("ProcessingInputs", [])}
    for part, uri in _input_uris(claim, records, recipe).items():
        if read.pop(part, "") != uri:
            yield f"The job {job.name} didn't read {uri} as its input {part}."
    if read:
        yield f"The job {job.name} has more inputs: {', '.join(sorted(read))}."
    try:
        if target.files.read_json(recipe) != json.loads(json.dumps(_build_recipe(target, claim, records))):
            yield f"The job {job.name} was told other settings than the version's jobs were."
    except NotFound:
        yield f"The settings of {job.name} don't exist any more."


def _check_compared(job: Job, result: ReproductionJson, records: JobRecords, pinned: Mapping[str, str] | None) -> Iterator[str]:
    """The job compared with the files of the evidence, and all of them."""
    needed = COMPARED_FILES | (frozenset() if _left_out(records) else {"explainability", "explanation/out.csv"})
    if lacking := sorted(needed - result["evidence"].keys()):
        yield f"The job {job.name} compared with nothing of {', '.join(lacking)}."
    names = {"bias": "measured"} if records.jobs.get("companion") else {}
    for name, sha256 in result["evidence"].items():
        if pinned is not None and pinned.get(names.get(name, name)) != sha256:
            yield f"The job {job.name} compared with another {name} than the evidence names."
    if {part["part"] for part in result["parts"]} != set(PARTS):
        yield f"The result of {job.name} doesn't have the parts {', '.join(PARTS)}."


def _input_uris(claim: Claim, records: JobRecords, recipe: str) -> dict[str, str]:
    """Input -> where it lies: what the job starts from, and the evidence that it compares with."""
    bias, shap = (_require_job(records, part) for part in (_bias_part(records), "SHAP"))
    return {
        "config": recipe,
        "data": claim.data.dataset.uri,
        "rows": f"{claim.data.folder}/",
        "model": claim.model_uri,
        "bias": f"{jobs.output_uri(bias)}/",
        "explanation": f"{jobs.output_uri(shap)}/",
    }


def _build_recipe(target: TargetSnapshot, claim: Claim, records: JobRecords) -> Recipe:
    rebalancing, training = _require_job(records, "rebalancing"), _require_job(records, "training")
    channels = {channel: _file_of(claim.data, uri, training) for channel, uri in jobs.channel_uris(training).items()}
    return {
        "rebalance": target.files.read_json(jobs.input_uri(rebalancing, "config"), RebalancingSettings),
        "training": {
            "hyperparameters": dict(training.raw.get("HyperParameters") or {}),
            "channels": channels,
            "content_types": {c["ChannelName"]: c.get("ContentType", "") for c in training.raw.get("InputDataConfig", [])},
        },
        "measurements": {
            "bias": _measurement(claim, records, _bias_part(records)),
            "explanation": _measurement(claim, records, "SHAP"),
        },
        "left_out": _left_out(records),
    }


def _measurement(claim: Claim, records: JobRecords, part: str) -> MeasurementRecipe:
    job, config = _require_job(records, part), records.configs.get(part)
    if config is None:
        raise Conflict(f"The job {job.name} has no configuration any more.", resource=job.name, hint="Measure again, and register that.")
    return {"config": config, "rows": _file_of(claim.data, jobs.input_uri(job, "dataset"), job)}


def _left_out(records: JobRecords) -> dict[str, str]:
    """What AWS's own container measured isn't made again: it draws its samples at random."""
    shap = records.jobs.get("SHAP")
    if shap is None or clarify_jobs.is_own_job(shap):
        return {}
    return {"explanation": "AWS's Clarify container made it, which draws its samples at random, so it isn't made again"}


def _bias_part(records: JobRecords) -> str:
    """The bias job, or where AWS's container measured, its companion."""
    return "companion" if records.jobs.get("companion") else "bias"


def _require_job(records: JobRecords, part: str) -> Job:
    job = records.jobs.get(part)
    if job is None:
        raise Conflict(f"The target has no record of the {part} job.", resource=part, hint="Without it the version can't be made again.")
    return job


def _file_of(data: RebalancedData, uri: str, reader: Job) -> str:
    """The name of a file of the rebalancing job. Raises Conflict for one that lies elsewhere."""
    name = uri.removeprefix(f"{data.folder}/")
    if name == uri or name not in data.manifest["files"]:
        raise Conflict(
            f"{reader.name} read {uri}, which is no file of {data.job}.",
            resource=reader.name,
            hint="Register a version whose rows it made.",
        )
    return name
