"""Every trial of a tuning job measured for bias, by one job over all their models on the validation rows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from core import creating, jobs, tuning
from core.clients import Clients
from core.errors import Conflict
from core.evaluation import data_of
from core.identity import Identity, require
from core.jobs import Job, describe
from core.rebalancing import Rebalanced

PREFIX = "governance-trials"
ROWS = "validation_header.csv"
MODELS = "/opt/ml/processing/input/models"


def of(clients: Clients, tuning_job: str) -> Job | None:
    """The newest measurement of a tuning job's trials, in whatever state; None where none was started."""
    return next(iter(_all(clients, tuning_job)), None)


def _all(clients: Clients, tuning_job: str) -> list[Job]:
    return jobs.listed(clients, "processing", contains=f"{PREFIX}-{_mark(tuning_job)}")


def launch(clients: Clients, identity: Identity, tuning_job: str, *, threshold: float = 0.5) -> str:
    """Start measuring all trials that have a model; returns the job's name, the running or completed one's where there is one.

    Raises Conflict while the tuning job runs, has no best trial, or trained on rows whose columns nobody knows.
    """
    require(identity, "launch", subject=tuning_job)
    earlier = _all(clients, tuning_job)
    if earlier and earlier[0].status not in {"Failed", "Stopped"}:
        return earlier[0].name
    job = tuning.describe(clients, tuning_job)
    if job.status not in jobs.FINAL:
        raise Conflict(f"The tuning job {tuning_job} is still running.", subject=tuning_job, remedy="Wait until it has ended, or stop it.")
    data = data_of(clients, job)
    if data is None:
        raise Conflict(
            f"{tuning_job} didn't train on the rows of a rebalancing: their columns are unknown.",
            subject=tuning_job,
            remedy="Tune on rebalanced rows.",
        )
    best = tuning.best(clients, tuning_job)
    name = f"{PREFIX}-{_mark(tuning_job)}-{len(earlier) + 1}"  # two who start it at once start one job
    folder = clients.uri("governance/trials", name)
    base, models = _models(clients, job)
    config = _config(data, tuning_job, best, threshold, models)
    manifest = [{"prefix": base}, *models.values()]
    local = "/opt/ml/processing/input"
    inputs = {
        "config": (clients.write(f"{folder}/config/trials.json", json.dumps(config).encode(), "application/json"), f"{local}/config"),
        "data": (data.uri(ROWS), f"{local}/data"),
        "models": (clients.write(f"{folder}/models.manifest", json.dumps(manifest).encode(), "application/json"), MODELS),
    }
    tags = {**jobs.launched_by(identity), "governance:tuning-job": tuning_job, "governance:rebalanced": data.job}
    request = jobs.processing_request(clients, name, "trials", inputs, f"{folder}/output", tags)
    request["ProcessingInputs"][-1]["S3Input"]["S3DataType"] = "ManifestFile"
    creating.once(clients, "ProcessingJob", request, shared=True)
    return name


def _mark(tuning_job: str) -> str:
    return hashlib.sha256(tuning_job.encode()).hexdigest()[:10]


def _models(clients: Clients, job: Job) -> tuple[str, dict[str, str]]:
    """The folder of a tuning job's models, and the path in it of each trial's: a training job's name says where its model is."""
    base = tuning.definitions(job)[0]["OutputDataConfig"]["S3OutputPath"].rstrip("/") + "/"
    there = set(clients.keys(f"{base}{job.name}-"))
    paths = {trial.name: f"{trial.name}/output/model.tar.gz" for trial in tuning.trials(clients, job.name) if trial.objective is not None}
    return base, {name: path for name, path in paths.items() if base + path in there}


def _config(data: Rebalanced, tuning_job: str, reference: str, threshold: float, trials: dict[str, str]) -> dict[str, Any]:
    roles = data.roles
    return {
        "tuning_job": tuning_job,
        "rebalancing_job": data.job,
        "label": roles.label,
        "favourable": roles.favourable,
        "facets": [{"name": roles.facet, "value": roles.facet_value}],
        "group": roles.group,
        "threshold": threshold,
        "reference": reference,
        "trials": [{"name": name, "path": path} for name, path in trials.items()],
    }


def read(clients: Clients, name: str) -> dict[str, Any]:
    """What a job that has Completed found. Raises Conflict while there is nothing."""
    job = describe(clients, "processing", name)
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            subject=name,
            remedy="Wait for it, or start another.",
        )
    found: dict[str, Any] = clients.read_json(f"{jobs.output_of(job)}/trials.json")
    return found


def table_uri(clients: Clients, name: str) -> str:
    """Where the job's CSV is."""
    return f"{jobs.output_of(describe(clients, 'processing', name))}/trials.csv"
