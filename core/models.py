"""SageMaker models: one per training job."""

from __future__ import annotations

import hashlib

from core import creating, jobs
from core.clients import Clients
from core.errors import Conflict, NotFound, translated
from core.identity import Identity, require
from core.training import describe


def ensure_model(clients: Clients, identity: Identity, training_job: str) -> str:
    """The model of a training job, made at the first call. Raises Conflict for a job without an artifact."""
    require(identity, "register", subject=training_job)
    job = describe(clients, training_job)
    artifact = job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if job.status not in {"Completed", "Stopped"} or not artifact:
        raise Conflict(
            f"The training job {training_job} is {job.status}: it has no model.",
            subject=training_job,
            remedy="Wait until it has completed.",
        )
    name = training_job if len(training_job) <= 55 else f"{training_job[:46]}-{hashlib.sha256(training_job.encode()).hexdigest()[:8]}"
    name = f"{name.rstrip('-')}-model"
    there = _artifact(clients, name)
    if there is None:
        tags = {"governance:training-job": training_job, **jobs.launched_by(identity)}
        request = {
            "ModelName": name,
            "ExecutionRoleArn": clients.role,
            "PrimaryContainer": {"Image": job.raw["AlgorithmSpecification"]["TrainingImage"], "ModelDataUrl": artifact},
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        creating.once(clients, "Model", request, shared=True)
    elif there != artifact:
        raise Conflict(f"The model {name} is there, and isn't that of {training_job}.", subject=name, remedy="Delete it, or train anew.")
    return name


def _artifact(clients: Clients, name: str) -> str | None:
    """The URI of a model's artifact, "" where it names none; None where there is no such model."""

    def read() -> str:
        with translated(name):
            return clients.sagemaker.describe_model(ModelName=name).get("PrimaryContainer", {}).get("ModelDataUrl", "")

    try:
        return creating.settled(clients, "Model", name, read)
    except NotFound:
        return None
