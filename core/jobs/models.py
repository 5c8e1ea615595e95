"""SageMaker models: one for each training job that is registered."""

from __future__ import annotations

import hashlib

from core.aws import aws_names, idempotency, request_defaults
from core.aws.target import Target
from core.errors import Conflict, DataError, NotFound, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs.training_jobs import describe_job


def artifact_uri(target: Target, model: str) -> str:
    """The S3 URI of a model's ``model.tar.gz``. Raises NotFound; DataError if the model has no artifact."""
    uri = _read_artifact_uri(target, model)
    if not uri:
        raise DataError(f"The model {model} has no model.tar.gz.", resource=model, hint="Choose a model that a training job made.")
    return uri


def ensure_model(target: Target, identity: Identity, training_job: str) -> str:
    """The name of a training job's model, which the first call creates. Raises Conflict for a job without an artifact, or if another
    training job has a model of this name."""
    require_permission(identity, "register", resource=training_job)
    job = describe_job(target, training_job)
    artifact = job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    image = job.raw.get("AlgorithmSpecification", {}).get("TrainingImage")
    if job.status not in {"Completed", "Stopped"} or not artifact or not image:
        raise Conflict(
            f"The training job {training_job} is {job.status}, and has no model.",
            resource=training_job,
            hint="Wait until it has completed.",
        )
    name = training_job if len(training_job) <= 55 else f"{training_job[:46]}-{hashlib.sha256(training_job.encode()).hexdigest()[:8]}"
    name = f"{name.rstrip('-')}-model"
    try:
        there = _read_artifact_uri(target, name)
    except NotFound:
        tags = {"governance:training-job": training_job, **aws_names.launched_by_tags(identity)}
        request = {
            "ModelName": name,
            "ExecutionRoleArn": target.role,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": artifact},
            "Tags": request_defaults.tags(target.settings, tags),
            **request_defaults.vpc_config(target.settings),
        }
        idempotency.create_once(target, "Model", request, shared=True)
        return name
    if there != artifact:
        raise Conflict(f"A model named {name} already exists for another training job.", resource=name, hint="Delete it, or train again.")
    return name


def _read_artifact_uri(target: Target, name: str) -> str:
    """The URI of a model's artifact; "" if it has none. Raises NotFound."""

    def read() -> str:
        with translate_aws_errors(name):
            return target.sagemaker.describe_model(ModelName=name).get("PrimaryContainer", {}).get("ModelDataUrl", "")

    return idempotency.read_after_create(target, "Model", name, read)
