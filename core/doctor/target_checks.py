"""One check for each resource that the workflow needs: bucket, roles, keys, network, images, quotas. Each only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Literal

from botocore.model import StringShape

from core.aws import container_images, request_defaults
from core.aws.target import Target, connect
from core.doctor.findings import Finding
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, SignedOut, TargetUnavailable, translate_aws_errors
from core.identity import Identity, Role
from core.ledger import signing

PARALLEL_JOBS_NEEDED = {"training": 3, "processing": 5}
"""The most jobs that the whole workflow runs at a time: the baseline and two trials; the reports of two models and XGBoost's own."""
NOT_SET_CODES = (
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
)


def state_for_error(error: GovernanceError) -> Literal["unknown", "missing"]:
    """The state of a resource whose read failed: unknown if the error doesn't tell whether it exists."""
    return "unknown" if isinstance(error, INCONCLUSIVE_ERRORS) else "missing"


def check_caller(target: Target) -> Iterator[Finding]:
    """Who the app is signed in as, and whether the setting of the region has an effect."""
    with translate_aws_errors("sign-in"):
        arn = target.client("sts").get_caller_identity()["Arn"]
    yield Finding("sign-in", arn, "ok", f"signed in to account {target.account}, region {target.region}.")
    if target.settings.region not in {None, target.region}:
        what = f"it has no effect: this target is in {target.region}."
        yield Finding("sign-in", f"GOVERNANCE_REGION={target.settings.region}", "advice", what, "Don't set it.")


def check_assumed_roles(target: Target) -> Iterator[Finding]:
    """Whether the app can assume the IAM roles that people act in; the sessions are opened and not used."""
    for role, arn in target.settings.assume.items():
        try:
            connect(target.settings, Identity("governance doctor", Role(role)))
        except GovernanceError as error:
            unseen = isinstance(error, SignedOut | TargetUnavailable)
            remedy = "Name an existing role in GOVERNANCE_ASSUME whose trust policy lets the app's own role assume it (docs/aws.md)."
            what = f"the app can't assume it for the role {role}: {error.message}"
            yield Finding("sign-in", arn, "unknown" if unseen else "missing", what, error.hint if unseen else remedy)
        else:
            yield Finding("sign-in", arn, "ok", f"the app can assume it for the role {role}.")


def check_bucket(target: Target) -> Iterator[Finding]:
    """Whether the bucket exists in the jobs' region, and how it is protected."""
    name = target.bucket
    with translate_aws_errors(f"the bucket {name}"):
        region = target.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", target.region)
    if region != target.region:
        remedy = f"Set GOVERNANCE_REGION={region}, or name another bucket."
        yield Finding("bucket", name, "missing", f"it is in {region}, but the jobs run in {target.region}.", remedy)
    else:
        yield Finding("bucket", name, "ok", f"exists, in {region}.")
    protections: tuple[tuple[str, str, Callable[[], bool], str], ...] = (
        (
            "versioning",
            "overwritten and deleted files are kept as earlier versions, and evidence names the version of each of its files",
            lambda: target.s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled",
            f"Switch versioning on: aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled",
        ),
        (
            "Object Lock",
            "nobody can delete the log and the evidence",
            lambda: target.s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled",
            "Use a bucket with Object Lock: aws/template.yaml creates one.",
        ),
        (
            "encryption",
            "files are encrypted at rest",
            lambda: bool(target.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]),
            "Set a default encryption.",
        ),
        (
            "public access block",
            "no file in it can be made public",
            lambda: all(target.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()),
            "Block public access.",
        ),
        (
            "TLS only",
            "requests without TLS are refused",
            lambda: "aws:SecureTransport" in target.s3.get_bucket_policy(Bucket=name)["Policy"],
            "Deny requests without aws:SecureTransport in the bucket's policy, as aws/template.yaml does.",
        ),
    )
    for subject, why, is_on, remedy in protections:
        yield _check_protection(f"{name}: {subject}", why, is_on, remedy)


def _check_protection(subject: str, benefit: str, is_on: Callable[[], bool], hint: str) -> Finding:
    """A finding on one protection of the bucket; ``benefit``: what is true while it is on."""
    from botocore.exceptions import ClientError

    try:
        with translate_aws_errors(subject):
            try:
                found = is_on()
            except ClientError as error:
                if error.response["Error"]["Code"] not in NOT_SET_CODES:
                    raise
                found = False
    except GovernanceError as error:
        return Finding("bucket", subject, "unknown", error.message, error.hint)
    return Finding(
        "bucket",
        subject,
        "ok" if found else "advice",
        f"{benefit}." if found else f"off; if it is on, {benefit}.",
        "" if found else hint,
    )


def check_execution_role(target: Target) -> Iterator[Finding]:
    """Whether the role that jobs run in exists, and SageMaker may assume it."""
    name = target.role.rpartition("/")[2]
    with translate_aws_errors(target.role):
        role = target.client("iam").get_role(RoleName=name)["Role"]
    document = role["AssumeRolePolicyDocument"]
    trust = json.dumps(document) if isinstance(document, dict) else str(document)
    if "sagemaker.amazonaws.com" not in trust:
        remedy = "Let sagemaker.amazonaws.com assume it (sts:AssumeRole) in its trust policy."
        yield Finding("execution role", target.role, "missing", "SageMaker can't assume it.", remedy)
    else:
        yield Finding("execution role", target.role, "ok", "exists, and SageMaker may assume it.")


def check_signing_key(target: Target) -> Iterator[Finding]:
    """Whether the key that signs the log works."""
    own = signing.check_signing_key(target)
    yield Finding("signing key", own.keyid[:16], "ok", f"signs the log ({own.scheme}).")


def check_encryption_key(target: Target) -> Iterator[Finding]:
    """Whether the KMS key that encrypts files and disks is enabled, if one is set."""
    key = target.settings.kms_key
    if key is None:
        yield Finding(
            "encryption key",
            "GOVERNANCE_KMS_KEY",
            "ok",
            "not set: files and disks have the default encryption of the bucket and of SageMaker.",
        )
        return
    with translate_aws_errors(key):
        found = target.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    usable = found["Enabled"] and found["KeyUsage"] == "ENCRYPT_DECRYPT"
    what = "enabled." if usable else f"it is {found['KeyState']}, for {found['KeyUsage']}."
    yield Finding("encryption key", key, "ok" if usable else "missing", what, "" if usable else "Name an enabled symmetric key.")


def check_network(target: Target) -> Iterator[Finding]:
    """Whether subnets and security groups are set together, and the subnets are in one VPC."""
    its = target.settings
    if its.security_groups and not its.subnets:
        what, remedy = "security groups are set, but no subnets: jobs would run outside of any VPC.", "Name subnets in GOVERNANCE_SUBNETS."
        yield Finding("network", "GOVERNANCE_SECURITY_GROUPS", "missing", what, remedy)
        return
    if not its.subnets:
        yield Finding("network", "GOVERNANCE_SUBNETS", "ok", "not set: jobs run in SageMaker's own network.")
        return
    if not its.security_groups:
        remedy = "Name at least one in GOVERNANCE_SECURITY_GROUPS."
        yield Finding("network", "GOVERNANCE_SECURITY_GROUPS", "missing", "subnets are set, but no security group.", remedy)
    with translate_aws_errors(", ".join(its.subnets)):
        found = target.client("ec2").describe_subnets(SubnetIds=list(its.subnets))["Subnets"]
    networks = sorted({subnet["VpcId"] for subnet in found})
    one = len(networks) == 1
    remedy = "" if one else "Name subnets of one VPC."
    yield Finding("network", ", ".join(its.subnets), "ok" if one else "missing", f"{len(found)} subnets of {', '.join(networks)}.", remedy)


def check_images(target: Target) -> Iterator[Finding]:
    """Whether the region has the container images that jobs run."""
    yield Finding("images", container_images.xgboost_image(target), "ok", "AWS's own, of this region.")
    try:
        yield Finding("images", container_images.built_in_image(target, "debugger"), "ok", "AWS's own, of this region.")
    except GovernanceError as error:
        yield Finding("images", "debugger", "advice", error.message, "Here a processing job makes each model's XGBoost report.")
    image = container_images.analysis_image(target)
    registry, _, path = image.partition("/")
    repository, digest = re.match(r"([^:@]*)(?:.*@(.+))?", path).groups()  # type: ignore[union-attr]
    tag = path.removeprefix(repository).partition("@")[0].removeprefix(":")
    asked = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    remedy = "Build and push it (docs/aws.md says how), or name another one in GOVERNANCE_ANALYSIS_IMAGE."
    try:
        with translate_aws_errors(image):
            ecr = target.client("ecr")
            found = ecr.describe_images(registryId=registry.partition(".")[0], repositoryName=repository, imageIds=[asked])["imageDetails"]
    except GovernanceError as error:
        yield Finding("images", image, state_for_error(error), error.message, remedy)
        return
    size = found[0].get("imageSizeInBytes")
    yield Finding("images", image, "ok", f"exists, {size / 1e6:,.0f} MB." if size else "exists.")


def _known_instance_types(target: Target, use: str) -> list[str]:
    """The instance types that botocore's model of SageMaker lists."""
    shape = target.sagemaker.meta.service_model.shape_for(f"{use.capitalize()}InstanceType")
    return list(shape.enum) if isinstance(shape, StringShape) else []


def check_quotas(target: Target) -> Iterator[Finding]:
    """Whether the account's quotas allow the jobs that the workflow runs at a time."""
    types = {"training": target.settings.instance_type, "processing": request_defaults.processing_instance_type(target.settings)}
    wanted = {f"{instance} for {use} job usage": use for use, instance in types.items()}
    try:
        with translate_aws_errors("service quotas"):
            pages = target.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            found = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] in wanted}
    except GovernanceError as error:
        yield Finding("quotas", "SageMaker", "unknown", error.message, "Check Service Quotas in the console: a new account may have 0.")
        return
    for name, use in wanted.items():
        value, needed = found.get(name), PARALLEL_JOBS_NEEDED[use]
        more = f"Request {needed} in Service Quotas, or name another instance type for {use}."
        if value is None and types[use] not in _known_instance_types(target, use):
            remedy = "Check GOVERNANCE_INSTANCE_TYPE and GOVERNANCE_PROCESSING_INSTANCE_TYPE."
            yield Finding("quotas", name, "missing", f"SageMaker has no instance type {types[use]} for {use}.", remedy)
        elif value is None:
            yield Finding("quotas", name, "unknown", "the account's quotas don't list it.", "Check Service Quotas in the console.")
        elif value < 1:
            yield Finding("quotas", name, "missing", "the account may run none.", more)
        elif value < needed:
            what = f"{value:,.0f} at a time; the whole workflow runs up to {needed}, and SageMaker refuses those above the quota."
            yield Finding("quotas", name, "advice", what, more)
        else:
            yield Finding("quotas", name, "ok", f"{value:,.0f} may run at a time.")
