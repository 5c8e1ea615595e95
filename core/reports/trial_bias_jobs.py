"""Jobs that measure the bias of all trials of a tuning job, on the validation rows."""

from __future__ import annotations

import json

from core.analysis.trials.trials_json import TrialsReport
from core.aws import aws_names, idempotency
from core.aws.target import Target
from core.data.column_roles import chosen_facets
from core.errors import Conflict
from core.identity import Identity, require_permission
from core.jobs import jobs, processing_requests
from core.jobs.jobs import Job, describe_job
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.training_data import find_rebalancing
from core.jobs.tuning import tuning_jobs

JOB_NAME_PREFIX = "governance-trials"
ROWS_FILE = "validation_header.csv"
MAX_FACETS = 10
"""Facets measured of every trial; of a version's bias report, which looks at one model, all are."""
MODELS_FOLDER = "/opt/ml/processing/input/models"


def find_newest_job(target: Target, tuning_job: str) -> Job | None:
    """The newest job that measures or measured a tuning job's trials, in any state; None if none was started."""
    return next(iter(_list_measurements(target, tuning_job)), None)


def _list_measurements(target: Target, tuning_job: str) -> list[Job]:
    return jobs.list_jobs(target, "processing", name_contains=f"{JOB_NAME_PREFIX}-{aws_names.short_hash(tuning_job)}")


def launch_job(target: Target, identity: Identity, tuning_job: str, *, threshold: float = 0.5) -> str:
    """Start a job that measures all trials with a model; returns its name. If one runs or has completed, returns its name.

    Raises Conflict while the tuning job runs, or if it didn't train on rebalanced rows; NotFound if it has no best trial.
    """
    require_permission(identity, "launch", resource=tuning_job)
    earlier = _list_measurements(target, tuning_job)
    if earlier and earlier[0].status not in {"Failed", "Stopped"}:
        return earlier[0].name
    job = tuning_jobs.describe_job(target, tuning_job)
    if job.status not in jobs.FINAL_STATUSES:
        raise Conflict(f"The tuning job {tuning_job} is still running.", resource=tuning_job, hint="Wait until it has ended, or stop it.")
    data = find_rebalancing(target, job)
    if data is None:
        raise Conflict(
            f"{tuning_job} didn't train on the rows of a rebalancing job, so the roles of their columns are unknown.",
            resource=tuning_job,
            hint="Tune on rebalanced rows.",
        )
    best = tuning_jobs.named_best_job(target, tuning_job)  # of trials that tie, the one that SageMaker names is the reference
    name = f"{JOB_NAME_PREFIX}-{aws_names.short_hash(tuning_job)}-{len(earlier) + 1}"  # two who start it at the same time start one job
    folder = target.uri("governance/trials", name)
    base, models = _model_paths(target, job)
    config = _job_config(data, tuning_job, best, threshold, models)
    manifest = [{"prefix": base}, *models.values()]
    local = "/opt/ml/processing/input"
    inputs = {
        "config": (target.files.write(f"{folder}/config/trials.json", json.dumps(config).encode(), "application/json"), f"{local}/config"),
        "data": (data.uri(ROWS_FILE), f"{local}/data"),
        "models": (target.files.write(f"{folder}/models.manifest", json.dumps(manifest).encode(), "application/json"), MODELS_FOLDER),
    }
    tags = {**aws_names.launched_by_tags(identity), "governance:tuning-job": tuning_job, "governance:rebalanced": data.job}
    request = processing_requests.build_processing_request(target, name, "trials", inputs, f"{folder}/output", tags)
    request["ProcessingInputs"][-1]["S3Input"]["S3DataType"] = "ManifestFile"
    idempotency.create_once(target, "ProcessingJob", request, shared=True)
    return name


def _model_paths(target: Target, job: Job) -> tuple[str, dict[str, str]]:
    """(folder of a tuning job's models, trial -> path of its model in the folder), for trials whose model exists."""
    base = tuning_jobs.list_definitions(job)[0]["OutputDataConfig"]["S3OutputPath"].rstrip("/") + "/"
    existing = set(target.files.list_uris(f"{base}{job.name}-"))
    paths = {
        trial.name: f"{trial.name}/output/model.tar.gz"
        for trial in tuning_jobs.list_trials(target, job.name)
        if trial.objective is not None
    }
    return base, {name: path for name, path in paths.items() if base + path in existing}


def _job_config(data: RebalancedData, tuning_job: str, reference: str, threshold: float, trials: dict[str, str]) -> dict[str, object]:
    roles = data.roles
    return {
        "tuning_job": tuning_job,
        "rebalancing_job": data.job,
        "label": roles.label,
        "favourable": roles.favourable,
        "facets": [{"name": column, "value": value} for column, value in chosen_facets(roles)[:MAX_FACETS]],
        "group": roles.group,
        "value_names": data.value_names.to_json(),
        "threshold": threshold,
        "features": data.manifest.get("features"),
        "derived": list(dict(roles.derived)),
        "reference": reference,
        "trials": [{"name": name, "path": path} for name, path in trials.items()],
    }


def read_result(target: Target, name: str) -> TrialsReport:
    """The result of a completed measurement (its trials.json). Raises Conflict if it hasn't completed."""
    job = describe_job(target, "processing", name)
    jobs.require_completed(job, name)
    return target.files.read_json(f"{jobs.output_uri(job)}/trials.json", TrialsReport)


def trials_csv_uri(target: Target, name: str) -> str:
    """The URI of the measurement's CSV file."""
    return f"{jobs.output_uri(describe_job(target, 'processing', name))}/trials.csv"
