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
    uri = _artifact(clients, model)
    if not uri:
        raise DataError(f"The model {model} names no model.tar.gz.", subject=model, remedy="Choose a model that a training job made.")
    return uri


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
    try:
        there = _artifact(clients, name)
    except NotFound:
        tags = {"governance:training-job": training_job, **jobs.launched_by(identity)}
        request = {
            "ModelName": name,
            "ExecutionRoleArn": clients.role,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": artifact},
            "Tags": placement.tags(clients.settings, tags),
            **placement.vpc(clients.settings),
        }
        creating.once(clients, "Model", request, shared=True)
        return name
    if there != artifact:
        raise Conflict(f"The model {name} is there, and isn't that of {training_job}.", subject=name, remedy="Delete it, or train anew.")
    return name


def _artifact(clients: Clients, name: str) -> str:
    """The URI of a model's artifact, "" where it names none. Raises NotFound."""

    def read() -> str:
        with translated(name):
            return clients.sagemaker.describe_model(ModelName=name).get("PrimaryContainer", {}).get("ModelDataUrl", "")

    return creating.settled(clients, "Model", name, read)
