"""The lineage that SageMaker records by itself for jobs and model packages.

Entities and associations are those of
https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html, their types and names as the
service gives them (``<job>-aws-training-job``; DataSet, Image, Model, ModelPackage; Approval, ModelGroup). S3 artifacts go by the
URI that the request named, so that two jobs on one data set meet in one artifact. Each function may be called
again: existing entities are kept. CreateModel records no entities.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.context import Context
from engine.errors import AWSError
from engine.sagemaker.lineage import lineage_entities
from engine.sagemaker.tracking import job_metrics, trial_components
from engine.store.records import Body, RecordExists

MAX_VALUE_LENGTH = 2500


# entities ------------------------------------------------------------------------------------------


def ensure_artifact(context: Context, uri: str, type: str) -> str:
    """The ARN of the artifact of ``uri``, which is created if it doesn't exist."""
    return lineage_entities.create_entity(context, "artifact", {"Source": {"SourceUri": uri}, "ArtifactType": type}, created_by={})


def ensure_association(context: Context, source: str, destination: str, type: str) -> None:
    """Associate two entities, unless they are associated already."""
    with contextlib.suppress(RecordExists):
        context.store.add_association(source, destination, type, now=context.now())


def _ensure_named_entity(context: Context, kind: str, name: str, request: Body) -> str:
    """The ARN of an action or context, which is created if it doesn't exist."""
    if context.store.get(kind, name) is not None:
        return context.arn(f"{kind}/{name}")
    return lineage_entities.create_entity(context, kind, {f"{lineage_entities.MEMBER_PREFIXES[kind]}Name": name, **request}, created_by={})


def _ensure_component(context: Context, name: str, request: Body) -> str:
    """The ARN of a job's trial component, which is created if it doesn't exist."""
    if context.store.get(trial_components.COMPONENT_KIND, name) is None:
        trial_components.create_component(context, name, request, created_by={})
    return context.arn(f"{trial_components.COMPONENT_KIND}/{name}")


def _parameter_value(text: str) -> dict[str, Any]:
    """The value of a trial component's parameter: a number if the text is one."""
    try:
        number = float(text)
    except ValueError:
        return {"StringValue": text[:MAX_VALUE_LENGTH]}
    return {"NumberValue": number} if abs(number) < float("inf") else {"StringValue": text}


def _component_status(status: str, secondary: str, reason: str | None) -> dict[str, str]:
    message = f"Status: {status}, secondary status: {secondary}, failure reason: {reason or ''}."
    return {"PrimaryStatus": status, "Message": message[:1024]}


def _add_to_trial(context: Context, name: str, experiment: dict[str, str]) -> None:
    """Put a job's component in the trial that its ExperimentConfig names."""
    if experiment.get("TrialName"):
        with contextlib.suppress(AWSError):  # the trial doesn't exist: the job runs all the same
            trial_components.associate_trial_component(context, {"TrialComponentName": name, "TrialName": experiment["TrialName"]})


# training jobs -------------------------------------------------------------------------------------


def record_training_created(context: Context, body: Body) -> None:
    """Make the job's trial component, and join its image and the data of its channels to it."""
    algorithm, resources = body["AlgorithmSpecification"], body.get("ResourceConfig") or {}
    image = algorithm.get("TrainingImage") or algorithm.get("AlgorithmName", "")
    parameters = {key: _parameter_value(value) for key, value in (body.get("HyperParameters") or {}).items()}
    parameters["SageMaker.ImageUri"] = {"StringValue": image}
    for key in ("InstanceCount", "VolumeSizeInGB"):
        if resources.get(key) is not None:
            parameters[f"SageMaker.{key}"] = {"NumberValue": float(resources[key])}
    if resources.get("InstanceType"):
        parameters["SageMaker.InstanceType"] = {"StringValue": resources["InstanceType"]}
    channels = list(_input_channels(body))
    outputs = {}
    if (body.get("DebugHookConfig") or {}).get("S3OutputPath"):
        outputs["SageMaker.DebugHookOutput"] = {"Value": body["DebugHookConfig"]["S3OutputPath"]}
    _record_job_created(
        context,
        f"{body['TrainingJobName']}-aws-training-job",
        source={"SourceArn": body["TrainingJobArn"], "SourceType": "SageMakerTrainingJob"},
        body=body,
        parameters=parameters,
        image=image,
        inputs={name: {"Value": uri} | ({"MediaType": media} if media else {}) for name, uri, media in channels},
        outputs=outputs,
    )


def _input_channels(body: Body) -> Iterator[tuple[str, str, str | None]]:
    """(name, S3 URI, content type) of each input channel."""
    for channel in body.get("InputDataConfig") or ():
        source = channel.get("DataSource") or {}
        uri = (source.get("S3DataSource") or {}).get("S3Uri")
        if uri:
            yield channel["ChannelName"], uri, channel.get("ContentType")


def record_training_finished(context: Context, body: Body) -> None:
    """Bring the job's trial component to its end: status, metrics, and the model artifact that it produced."""
    with context.store.transaction():
        record_training_created(context, body)
        model = (body.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
        _record_job_finished(
            context,
            f"{body['TrainingJobName']}-aws-training-job",
            status=_component_status(body["TrainingJobStatus"], body.get("SecondaryStatus", ""), body.get("FailureReason")),
            start=body.get("TrainingStartTime"),
            end=body.get("TrainingEndTime"),
            outputs={"SageMaker.ModelArtifact": (model, "Model")} if model else {},
            metrics=job_metrics.summarize_job_metrics(context, body),
        )


# processing jobs -----------------------------------------------------------------------------------


def record_processing_created(context: Context, body: Body) -> None:
    """Make the job's trial component, and join its image and inputs to it."""
    application = body["AppSpecification"]
    resources = (body.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    parameters = {key: _parameter_value(value) for key, value in (body.get("Environment") or {}).items()}
    parameters["SageMaker.ImageUri"] = {"StringValue": application["ImageUri"]}
    for key in ("InstanceCount", "VolumeSizeInGB"):
        if resources.get(key) is not None:
            parameters[f"SageMaker.{key}"] = {"NumberValue": float(resources[key])}
    if resources.get("InstanceType"):
        parameters["SageMaker.InstanceType"] = {"StringValue": resources["InstanceType"]}
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        if application.get(key):
            parameters[f"SageMaker.{key}"] = {"StringValue": " ".join(application[key])[:MAX_VALUE_LENGTH]}
    inputs = {
        entry["InputName"]: {"Value": entry["S3Input"]["S3Uri"]}
        for entry in body.get("ProcessingInputs") or ()
        if (entry.get("S3Input") or {}).get("S3Uri")
    }
    _record_job_created(
        context,
        f"{body['ProcessingJobName']}-aws-processing-job",
        source={"SourceArn": body["ProcessingJobArn"], "SourceType": "SageMakerProcessingJob"},
        body=body,
        parameters=parameters,
        image=application["ImageUri"],
        inputs=inputs,
        outputs={},
    )


def record_processing_finished(context: Context, body: Body) -> None:
    """Bring the job's trial component to its end; where it completed, with the data that it produced."""
    status = body["ProcessingJobStatus"]
    outputs = {
        entry["OutputName"]: (entry["S3Output"]["S3Uri"], "DataSet")
        for entry in (body.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
        if (entry.get("S3Output") or {}).get("S3Uri")
    }
    with context.store.transaction():
        record_processing_created(context, body)
        _record_job_finished(
            context,
            f"{body['ProcessingJobName']}-aws-processing-job",
            status=_component_status(status, status, body.get("FailureReason")),
            start=body.get("ProcessingStartTime"),
            end=body.get("ProcessingEndTime"),
            outputs=outputs if status == "Completed" else {},
            metrics=[],
        )


# what both kinds of job share ----------------------------------------------------------------------


def _record_job_created(
    context: Context,
    name: str,
    *,
    source: dict[str, str],
    body: Body,
    parameters: dict[str, dict[str, Any]],
    image: str,
    inputs: dict[str, dict[str, str]],
    outputs: dict[str, dict[str, str]],
) -> None:
    experiment = body.get("ExperimentConfig") or {}
    with context.store.transaction():
        component = _ensure_component(
            context,
            name,
            {
                "DisplayName": experiment.get("TrialComponentDisplayName") or name,
                "Source": source,
                "Status": _component_status("InProgress", "Starting", None),
                "Parameters": dict(list(parameters.items())[: trial_components.MEMBER_LIMITS["Parameters"]]),
                "InputArtifacts": inputs,
                "OutputArtifacts": outputs,
            },
        )
        if image:
            ensure_association(context, ensure_artifact(context, image, "Image"), component, "ContributedTo")
        for entry in inputs.values():
            ensure_association(context, ensure_artifact(context, entry["Value"], "DataSet"), component, "ContributedTo")
        _add_to_trial(context, name, experiment)


def _record_job_finished(
    context: Context,
    name: str,
    *,
    status: dict[str, str],
    start: float | None,
    end: float | None,
    outputs: dict[str, tuple[str, str]],
    metrics: list[dict[str, Any]],
) -> None:
    component = context.arn(f"{trial_components.COMPONENT_KIND}/{name}")
    for uri, type in outputs.values():
        ensure_association(context, component, ensure_artifact(context, uri, type), "Produced")
    changes = {
        "Status": status,
        "StartTime": start,
        "EndTime": end,
        "OutputArtifacts": {output: {"Value": uri} for output, (uri, _) in outputs.items()},
        "Metrics": metrics,
    }
    trial_components.update_component(context, name, {key: value for key, value in changes.items() if value}, changed_by={})


# model packages ------------------------------------------------------------------------------------


def record_package_created(context: Context, body: Body) -> None:
    """Make the package's artifact, join its images and model data to it, it to its group, and record its first approval status."""
    arn = body["ModelPackageArn"]
    with context.store.transaction():
        package = ensure_artifact(context, arn, "ModelPackage")
        for container in (body.get("InferenceSpecification") or {}).get("Containers") or ():
            if container.get("Image"):
                ensure_association(context, ensure_artifact(context, container["Image"], "Image"), package, "ContributedTo")
            data = container.get("ModelDataUrl") or ((container.get("ModelDataSource") or {}).get("S3DataSource") or {}).get("S3Uri")
            if data:
                ensure_association(context, ensure_artifact(context, data, "Model"), package, "ContributedTo")
        for algorithm in (body.get("SourceAlgorithmSpecification") or {}).get("SourceAlgorithms") or ():
            ensure_association(context, ensure_artifact(context, algorithm["AlgorithmName"], "Algorithm"), package, "ContributedTo")
            if algorithm.get("ModelDataUrl"):
                ensure_association(context, ensure_artifact(context, algorithm["ModelDataUrl"], "Model"), package, "ContributedTo")
        if body.get("ModelPackageGroupName"):
            group = body["ModelPackageGroupName"]
            source = {"SourceUri": context.arn(f"model-package-group/{group}"), "SourceType": "ARN"}
            joined = _ensure_named_entity(context, "context", f"{group}-aws-model-group", {"Source": source, "ContextType": "ModelGroup"})
            ensure_association(context, package, joined, "AssociatedWith")
            record_approval_change(context, body)


def record_approval_change(context: Context, body: Body) -> None:
    """Record a version's approval status as an action that contributed to it: one for each change."""
    arn, status = body["ModelPackageArn"], body["ModelApprovalStatus"]
    at = int((body.get("LastModifiedTime") or body["CreationTime"]) * 1000)
    name = f"{body['ModelPackageGroupName'][:55]}-{body['ModelPackageVersion']}-{status}-{at}-aws-model-package"
    source = {"SourceUri": arn, "SourceType": "ARN"}
    request = {"Source": source, "ActionType": "Approval", "Status": "Completed", "Properties": {"ModelApprovalStatus": status}}
    if body.get("ApprovalDescription"):
        request["Description"] = body["ApprovalDescription"]
    with context.store.transaction():
        ensure_association(
            context, _ensure_named_entity(context, "action", name, request), ensure_artifact(context, arn, "ModelPackage"), "ContributedTo"
        )
