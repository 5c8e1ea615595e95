"""SageMaker models: one per training job."""

from __future__ import annotations

import hashlib

from core import creating, jobs, placement
from core.clients import Clients
from core.errors import Conflict, DataError, NotFound, translated
from core.identity import Identity, require
from core.training import describe


def artifact(clients: Clients, model: str) -> str:
    """The S3 URI of a model's ``model.tar.gz``. Raises NotFound, and DataError where the model has none of its own."""
    with translated(model):
        container = clients.sagemaker.describe_model(ModelName=model).get("PrimaryContainer", {})
    if not container.get("ModelDataUrl"):
        raise DataError(f"The model {model} names no model.tar.gz.", subject=model, remedy="Choose a model that a training job made.")
    return str(container["ModelDataUrl"])


def ensure_model(clients: Clients, identity: Identity, training_job: str) -> str:
    """The model of a training job, made at the first call. Raises Conflict for a job without an artifact."""
    require(identity, "register", subject=training_job)
    job = describe(clients, training_job)
    artifact = job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    image = job.raw.get("AlgorithmSpecification", {}).get("TrainingImage")
    if job.status not in {"Completed", "Stopped"} or not artifact or not image:
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
            "PrimaryContainer": {"Image": image, "ModelDataUrl": artifact},
            "Tags": placement.tags(clients.settings, tags),
            **placement.vpc(clients.settings),
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
