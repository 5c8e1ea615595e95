"""Checks of a job's request: what this engine doesn't have is refused when the job is created, and not ignored."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from engine.context import Context, Request
from engine.errors import AWSError
from engine.jobs.workers.job_files import InputError, resolve_container_path, split_uri

INPUT_MODES = {"File", "FastFile", None}
"""FastFile is the same as File here: the files are downloaded before the algorithm starts, and it can't tell the difference."""


def validation_error(message: str) -> AWSError:
    return AWSError("ValidationException", message)


def check_role(context: Context, arn: str) -> None:
    """Raises ValidationException for a role other than the one that IAM's GetRole knows."""
    if arn != context.role_arn:
        remedy = "Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role."
        raise validation_error(f"Could not assume role {arn}. {remedy} This engine has the role {context.role_arn}.")


def check_training_job(context: Context, request: Request) -> None:
    """Check a training job, or the definition of a tuning job's. Raises ValidationException."""
    check_role(context, request["RoleArn"])
    if request.get("ServerlessJobConfig"):
        raise validation_error("This engine has no serverless training.")
    for member in ("AlgorithmSpecification", "StoppingCondition"):
        if member not in request:
            raise validation_error(f"{member} is required.")
    resources = request.get("ResourceConfig") or request.get("HyperParameterTuningResourceConfig") or {}
    _check_one_instance(resources)
    if resources.get("InstanceGroups") or len(resources.get("InstanceConfigs") or ()) > 1:
        raise validation_error("This engine trains on one instance, without instance groups.")
    _check_input_mode(request["AlgorithmSpecification"].get("TrainingInputMode"))
    channels = request.get("InputDataConfig") or []
    _check_unique_names("channel", (channel["ChannelName"] for channel in channels))
    for channel in channels:
        name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
        if set(name) == {"."}:
            raise validation_error(f"The channel name {name!r} does not name a folder.")
        _check_input_mode(channel.get("InputMode"))
        if source is None or source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
            raise validation_error(
                f"The channel {name} must have an S3DataSource with the S3DataType S3Prefix or ManifestFile in this engine."
            )
        _check_uri(source["S3Uri"])
    _check_uri(request["OutputDataConfig"]["S3OutputPath"])


def check_processing_job(context: Context, request: Request) -> None:
    """Check a processing job. Raises ValidationException."""
    check_role(context, request["RoleArn"])
    _check_one_instance(request["ProcessingResources"]["ClusterConfig"])
    inputs, outputs = request.get("ProcessingInputs") or [], (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    _check_unique_names("input", (item["InputName"] for item in inputs))
    _check_unique_names("output", (item["OutputName"] for item in outputs))
    for item, what, name in [(item, "S3Input", item["InputName"]) for item in inputs] + [
        (item, "S3Output", item["OutputName"]) for item in outputs
    ]:
        if item.get("AppManaged") or item.get(what) is None:
            raise validation_error(f"{name} must have an {what} and not be AppManaged in this engine.")
        _check_input_mode(item[what].get("S3InputMode"))
        if not item[what].get("LocalPath"):
            raise validation_error(f"{name} must have a LocalPath in this engine.")
        _check_uri(item[what]["S3Uri"])
        try:
            resolve_container_path(context.workspace, item[what]["LocalPath"])
        except InputError as error:
            raise validation_error(str(error)) from error


def _check_one_instance(resources: dict[str, Any]) -> None:
    if resources.get("InstanceCount", 1) != 1:
        raise validation_error(f"This engine runs a job on one instance: InstanceCount must be 1, not {resources['InstanceCount']}.")


def _check_input_mode(mode: str | None) -> None:
    if mode not in INPUT_MODES:
        raise validation_error(f"This engine gives a job its input as files: the input mode must be File or FastFile, not {mode}.")


def _check_unique_names(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise validation_error(f"The {what} name {name} is given more than once.")
        seen.add(name)


def _check_uri(uri: str) -> None:
    try:
        split_uri(uri)
    except InputError as error:
        raise validation_error(str(error)) from error


def parse_finite(text: str, convert: type[int] | type[float]) -> float:
    """A bound of a range. Raises ValueError for a text that isn't a finite number of that type."""
    number = convert(text)
    if not math.isfinite(float(number)):
        raise ValueError(text)
    return number
