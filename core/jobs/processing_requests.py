"""Builds the CreateProcessingJob requests of this product's jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.aws import request_defaults
from core.aws.container_images import analysis_image
from core.aws.target import Target
from core.jobs.jobs import MAX_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateProcessingJobRequestTypeDef


def build_processing_request(
    target: Target,
    name: str,
    entry_point: str | None,
    inputs: dict[str, tuple[str, str]],
    output: str,
    tags: dict[str, str],
    *,
    image: str | None = None,
    output_name: str = "result",
    max_hours: int = 1,
) -> CreateProcessingJobRequestTypeDef:
    """A CreateProcessingJob request. ``entry_point``: of the product's image; ``inputs``: name -> (S3 URI, local path); ``output``: the S3
    folder of the results. With another ``image``, its own entry point runs, and it has network access."""
    settings = target.settings
    request: Any = {
        "ProcessingJobName": name,
        "RoleArn": target.role,
        "AppSpecification": {
            "ImageUri": image or analysis_image(target),
            **({"ContainerEntrypoint": [entry_point]} if entry_point else {}),
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": request_defaults.processing_instance_type(settings),
                "VolumeSizeInGB": 20,
                **request_defaults.volume_encryption(settings),
            }
        },
        **request_defaults.network_config(settings, isolated=image is None),
        "ProcessingInputs": [
            {
                "InputName": label,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": path,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3CompressionType": "None",
                },
            }
            for label, (uri, path) in inputs.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": output_name,
                    "S3Output": {"S3Uri": output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                }
            ],
            **request_defaults.output_encryption(settings),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": max_hours * MAX_SECONDS},
        "Tags": request_defaults.tags(settings, tags),
    }
    found: CreateProcessingJobRequestTypeDef = request
    return found
