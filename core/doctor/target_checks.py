"""One check for each resource that the workflow needs: bucket, roles, keys, network, images, quotas. Each only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from core.aws import container_images, request_defaults
from core.aws.target import Target, connect
from core.doctor.findings import Finding
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, SignedOut, TargetUnavailable, translate_aws_errors
from core.identity import Identity, Role
from core.ledger import signing

PARALLEL_JOBS_NEEDED = {"training": 3, "processing": 5}
"""Jobs that the whole workflow has running at a time: two trials beside the baseline; the reports of two models and XGBoost's own."""
NOT_SET_CODES = (
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
)


def state_for_error(error: GovernanceError) -> Literal["unknown", "missing"]:
    return "unknown" if isinstance(error, INCONCLUSIVE_ERRORS) else "missing"


def check_caller(target: Target) -> Iterator[Finding]:
    with translate_aws_errors("sign-in"):
        arn = target.client("sts").get_caller_identity()["Arn"]
    yield Finding("sign-in", arn, "ok", f"signed in to account {target.account}, region {target.region}.")
    if target.settings.region not in {None, target.region}:
        what = f"it has no effect: this target is in {target.region}."
        yield Finding("sign-in", f"GOVERNANCE_REGION={target.settings.region}", "advice", what, "Leave it out.")


def check_assumed_roles(target: Target) -> Iterator[Finding]:
    """Whether the IAM roles that people act in can be taken: a session of each is begun, and not used."""
    for role, arn in target.settings.assume.items():
        try:
            connect(target.settings, Identity("governance doctor", Role(role)))
        except GovernanceError as error:
            unseen = isinstance(error, SignedOut | TargetUnavailable)
            remedy = "Name one in GOVERNANCE_ASSUME that is there and whose trust policy lets the app's own role take it (docs/aws.md)."
            what = f"whoever acts as {role} can't take it: {error.message}"
            yield Finding("sign-in", arn, "unknown" if unseen else "missing", what, error.hint if unseen else remedy)
        else:
            yield Finding("sign-in", arn, "ok", f"can be taken for whoever acts as {role}.")


def check_bucket(target: Target) -> Iterator[Finding]:
    name = target.bucket
    with translate_aws_errors(f"the bucket {name}"):
        region = target.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", target.region)
    if region != target.region:
        remedy = f"Set GOVERNANCE_REGION={region}, or name another bucket."
        yield Finding("bucket", name, "missing", f"it is in {region}, the jobs run in {target.region}.", remedy)
    else:
        yield Finding("bucket", name, "ok", f"there, in {region}.")
    protections: tuple[tuple[str, str, Callable[[], Any], Callable[[Any], bool], str], ...] = (
        (
            "versioning",
            "earlier versions of overwritten and deleted files are kept",
            lambda: target.s3.get_bucket_versioning(Bucket=name),
            lambda found: found.get("Status") == "Enabled",
            "Switch versioning on.",
        ),
        (
            "Object Lock",
            "the log and the evidence can't be deleted, whoever asks",
            lambda: target.s3.get_object_lock_configuration(Bucket=name),
            lambda found: found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled",
            "Use a bucket with Object Lock: aws/template.yaml makes one.",
        ),
        (
            "encryption",
            "files are encrypted at rest",
            lambda: target.s3.get_bucket_encryption(Bucket=name),
            lambda found: bool(found["ServerSideEncryptionConfiguration"]["Rules"]),
            "Set a default encryption.",
        ),
        (
            "public access block",
            "nothing of it can be made public",
            lambda: target.s3.get_public_access_block(Bucket=name),
            lambda found: all(found["PublicAccessBlockConfiguration"].values()),
            "Block public access.",
        ),
        (
            "TLS only",
            "requests without TLS are refused",
            lambda: target.s3.get_bucket_policy(Bucket=name),
            lambda found: "aws:SecureTransport" in found["Policy"],
            "Deny requests without aws:SecureTransport in the bucket's policy, as aws/template.yaml does.",
        ),
    )
    for subject, why, read, holds, remedy in protections:
        yield _check_protection(f"{name}: {subject}", why, read, holds, remedy)


def _check_protection(subject: str, benefit: str, read: Callable[[], Any], is_set: Callable[[Any], bool], hint: str) -> Finding:
    from botocore.exceptions import ClientError

    try:
        with translate_aws_errors(subject):
            try:
                found = is_set(read())
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
        f"{benefit}." if found else f"off; with it {benefit}.",
        "" if found else hint,
    )


def check_execution_role(target: Target) -> Iterator[Finding]:
    name = target.role.rpartition("/")[2]
    with translate_aws_errors(target.role):
        role = target.client("iam").get_role(RoleName=name)["Role"]
    document = role["AssumeRolePolicyDocument"]
    trust = json.dumps(document) if isinstance(document, dict) else str(document)
    if "sagemaker.amazonaws.com" not in trust:
        remedy = "Let sagemaker.amazonaws.com take it (sts:AssumeRole) in its trust policy."
        yield Finding("execution role", target.role, "missing", "SageMaker can't take it.", remedy)
    else:
        yield Finding("execution role", target.role, "ok", "there, and SageMaker may take it.")


def check_signing_key(target: Target) -> Iterator[Finding]:
    own = signing.check_signing_key(target)
    yield Finding("signing key", own.keyid[:16], "ok", f"signs the log ({own.scheme}).")


def check_encryption_key(target: Target) -> Iterator[Finding]:
    key = target.settings.kms_key
    if key is None:
        yield Finding(
            "encryption key",
            "GOVERNANCE_KMS_KEY",
            "ok",
            "not set: files and disks are encrypted as the bucket and SageMaker do by default.",
        )
        return
    with translate_aws_errors(key):
        found = target.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    usable = found["Enabled"] and found["KeyUsage"] == "ENCRYPT_DECRYPT"
    what = "enabled." if usable else f"it is {found['KeyState']}, for {found['KeyUsage']}."
    yield Finding("encryption key", key, "ok" if usable else "missing", what, "" if usable else "Name an enabled symmetric key.")


def check_network(target: Target) -> Iterator[Finding]:
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
    yield Finding("images", container_images.xgboost_image(target), "ok", "AWS's own, of this region.")
    try:
        yield Finding("images", container_images.built_in_image(target, "debugger"), "ok", "AWS's own, of this region.")
    except GovernanceError as error:
        yield Finding("images", "debugger", "advice", error.message, "Models get their XGBoost report by a job of its own here.")
    image = container_images.analysis_image(target)
    registry, _, path = image.partition("/")
    repository, digest = re.match(r"([^:@]*)(?:.*@(.+))?", path).groups()  # type: ignore[union-attr]
    tag = path.removeprefix(repository).partition("@")[0].removeprefix(":")
    wanted: Any = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    remedy = "Build and push it: docs/aws.md says how; or name another one in GOVERNANCE_ANALYSIS_IMAGE."
    try:
        with translate_aws_errors(image):
            ecr = target.client("ecr")
            found = ecr.describe_images(registryId=registry.partition(".")[0], repositoryName=repository, imageIds=[wanted])["imageDetails"]
    except GovernanceError as error:
        yield Finding("images", image, state_for_error(error), error.message, remedy)
        return
    size = found[0].get("imageSizeInBytes")
    yield Finding("images", image, "ok", f"there, {size / 1e6:,.0f} MB." if size else "there.")


def _known_instance_types(target: Target, use: str) -> list[str]:
    """The instance types that the SDK knows."""
    shape: Any = target.sagemaker.meta.service_model.shape_for(f"{use.capitalize()}InstanceType")
    return list(shape.enum)


def check_quotas(target: Target) -> Iterator[Finding]:
    types = {"training": target.settings.instance_type, "processing": request_defaults.processing_instance_type(target.settings)}
    wanted = {f"{instance} for {use} job usage": use for use, instance in types.items()}
    try:
        with translate_aws_errors("service quotas"):
            pages = target.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            found = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] in wanted}
    except GovernanceError as error:
        yield Finding("quotas", "SageMaker", "unknown", error.message, "Look at Service Quotas in the console: a new account may have 0.")
        return
    for name, use in wanted.items():
        value, needed = found.get(name), PARALLEL_JOBS_NEEDED[use]
        more = f"Ask for {needed} in Service Quotas, or name another instance type for {use}."
        if value is None and types[use] not in _known_instance_types(target, use):
            remedy = "Check GOVERNANCE_INSTANCE_TYPE and GOVERNANCE_PROCESSING_INSTANCE_TYPE."
            yield Finding("quotas", name, "missing", f"SageMaker has no instance type {types[use]} for {use}.", remedy)
        elif value is None:
            yield Finding("quotas", name, "unknown", "the account's quotas don't list it.", "Look at Service Quotas in the console.")
        elif value < 1:
            yield Finding("quotas", name, "missing", "the account may use none at a time.", more)
        elif value < needed:
            what = f"{value:,.0f} at a time, where the whole workflow starts up to {needed}: SageMaker refuses the others."
            yield Finding("quotas", name, "advice", what, more)
        else:
            yield Finding("quotas", name, "ok", f"{value:,.0f} may be started at a time.")
