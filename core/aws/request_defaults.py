"""The parts of requests that the settings decide: encryption, VPC, instance type, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from core.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import NetworkConfigTypeDef, TagTypeDef, VpcConfigTypeDef


def tags(settings: Settings, own_tags: dict[str, str] | None = None) -> list[TagTypeDef]:
    """The tags of a new resource: those of the settings and its own, which win."""
    return [{"Key": key, "Value": value} for key, value in {**settings.tags, **(own_tags or {})}.items()]


def volume_encryption(settings: Settings) -> dict[str, str]:
    """The part of a job's resources that encrypts its disk. AWS refuses it for instances with local disks (such as ml.m5d)."""
    return {"VolumeKmsKeyId": settings.kms_key} if settings.kms_key else {}


def output_encryption(settings: Settings) -> dict[str, str]:
    """The part of a job's output that encrypts what it writes to S3."""
    return {"KmsKeyId": settings.kms_key} if settings.kms_key else {}


class PutEncryption(TypedDict, total=False):
    """The arguments of a PutObject that encrypt the object; none without a key."""

    ServerSideEncryption: Literal["aws:kms"]
    SSEKMSKeyId: str


def put_encryption(settings: Settings) -> PutEncryption:
    """The part of a PutObject that encrypts the object."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.kms_key} if settings.kms_key else {}


def vpc_config(settings: Settings) -> dict[str, VpcConfigTypeDef]:
    """The VPC of a training job or a model."""
    if not settings.subnets:
        return {}
    return {"VpcConfig": {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)}}


def network_config(settings: Settings, *, isolated: bool) -> dict[str, NetworkConfigTypeDef]:
    """The network of a processing job. An isolated container has no network access; SageMaker copies its files."""
    found: NetworkConfigTypeDef = {"EnableNetworkIsolation": True} if isolated else {}
    if vpc := vpc_config(settings):
        found["VpcConfig"] = vpc["VpcConfig"]
    return {"NetworkConfig": found} if found else {}


def processing_instance_type(settings: Settings) -> str:
    """The instance type of processing jobs."""
    return settings.processing_instance_type or settings.instance_type
