"""``python -m core doctor``: whether the target has what the workflow needs. Nothing is written, nothing is launched (but for the
embedded engine, where that is the target and doesn't run yet): permissions are simulated (SimulatePrincipalPolicy), the signing key signs a
trial, everything else is read. One finding for each permission and resource, with the remedy. Ends with 1 where something is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from core import identity, settings
from core.aws import request_defaults
from core.aws.permissions import Finding, check_permissions
from core.aws.target import EXECUTION_ROLE, Target, connect
from core.costs import prices
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, SignedOut, TargetUnavailable, translate_aws_errors
from core.governance import policy, regulatory_profiles
from core.identity import Identity, Role
from core.jobs import jobs
from core.ledger import signing
from core.settings import InvalidSetting, Settings


def examine_target(read_settings: Callable[[], Settings]) -> Iterator[Finding]:
    """What ``check_target`` finds; where no connection can be made, what the settings alone show, and why."""
    try:
        its = read_settings()
    except InvalidSetting as error:
        yield Finding("settings", error.resource, "missing", error.message, error.hint)
        return
    try:
        target = connect(its)
    except GovernanceError as error:
        yield from _check_settings(its)
        yield Finding("target", its.target, "missing", error.message, error.hint)
    else:
        yield from check_target(target)


def check_target(target: Target) -> Iterator[Finding]:
    """Every finding, the resources first."""
    yield from _check_settings(target.settings)
    for area, look in (
        ("sign-in", _check_caller),
        ("sign-in", _check_assumed_roles),
        ("bucket", _check_bucket),
        ("execution role", _check_execution_role),
        ("signing key", _check_signing_key),
        ("encryption key", _check_encryption_key),
        ("network", _check_network),
        ("images", _check_images),
        ("quotas", _check_quotas),
    ):
        try:
            yield from look(target)
        except GovernanceError as error:
            yield Finding(
                area,
                error.resource or area,
                _state_for_error(error) if area in READ_BY_DOCTOR_ONLY else "missing",
                error.message,
                error.hint,
            )
    yield from check_permissions(target)


READ_BY_DOCTOR_ONLY = {"execution role", "encryption key", "network"}
"""What the doctor alone reads: where it may not, the jobs may use it all the same."""


def _state_for_error(error: GovernanceError) -> Literal["unknown", "missing"]:
    return "unknown" if isinstance(error, INCONCLUSIVE_ERRORS) else "missing"


def has_passed(findings: list[Finding]) -> bool:
    """Whether nothing is missing."""
    return not any(finding.state == "missing" for finding in findings)


# settings ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SettingInForce:
    """A setting as it is in force. ``is_changed``: whether it is another than the product's own."""

    variable: str
    value: str
    is_changed: bool
    description: str


def list_settings(target: Target) -> list[SettingInForce]:
    """All settings, in their order."""
    its = target.settings
    without = {
        "bucket": target.bucket,
        "role": f"the role {EXECUTION_ROLE} of the account",
        "processing_instance_type": its.instance_type,
        "analysis_image": jobs.analysis_image(target),
        "prices": "the product's own",
        "policy": "the product's own",
        "profiles": "the product's own",
        "signing_key": f"{its.workspace / signing.KEY_FILE}, on the local target only",
    }
    return [
        SettingInForce(
            settings.variable_name(name),
            target.region if name == "region" else settings.format_value(getattr(its, name)) or without.get(name, "none"),
            getattr(its, name) != field.default,
            field.description or "",
        )
        for name, field in type(its).model_fields.items()
    ]


def _check_settings(its: Settings) -> Iterator[Finding]:
    """Misspelt ones, and the files that they name."""
    for name, meant in settings.find_unknown_variables().items():
        remedy = f"Do you mean {meant}?" if meant else "The settings page lists those that there are."
        yield Finding("settings", name, "advice", "no setting is called so: it has no effect.", remedy)

    readers: tuple[tuple[str, Any, Callable[[], Any]], ...] = (
        ("prices", its.prices, lambda: prices.load_in_force(its)),
        ("policy", its.policy, lambda: policy.load_file(its.policy or policy.BUNDLED)),
        ("profiles", its.profiles, lambda: regulatory_profiles.load_profiles(its.profiles)),
        ("roles_file", its.roles_file, lambda: identity.account_from_claims({"iss": "-", "sub": "-", "exp": 1e12}, its)),
        ("trusted_keys", its.trusted_keys, lambda: signing.load_trusted_keys(its)),
    )
    for name, value, read in readers:
        if value:
            variable = settings.variable_name(name)
            try:
                read()
            except GovernanceError as error:
                yield Finding("settings", variable, "missing", error.message, error.hint)
            else:
                yield Finding("settings", variable, "ok", f"{settings.format_value(value)} can be read.")


# resources -----------------------------------------------------------------------------------------


def _check_caller(target: Target) -> Iterator[Finding]:
    with translate_aws_errors("sign-in"):
        arn = target.client("sts").get_caller_identity()["Arn"]
    yield Finding("sign-in", arn, "ok", f"signed in to account {target.account}, region {target.region}.")
    if target.settings.region not in {None, target.region}:
        what = f"it has no effect: this target is in {target.region}."
        yield Finding("sign-in", f"GOVERNANCE_REGION={target.settings.region}", "advice", what, "Leave it out.")


def _check_assumed_roles(target: Target) -> Iterator[Finding]:
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


def _check_bucket(target: Target) -> Iterator[Finding]:
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


NOT_SET_CODES = (
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
)


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


def _check_execution_role(target: Target) -> Iterator[Finding]:
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


def _check_signing_key(target: Target) -> Iterator[Finding]:
    own = signing.check_signing_key(target)
    yield Finding("signing key", own.keyid[:16], "ok", f"signs the log ({own.scheme}).")


def _check_encryption_key(target: Target) -> Iterator[Finding]:
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


def _check_network(target: Target) -> Iterator[Finding]:
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


def _check_images(target: Target) -> Iterator[Finding]:
    yield Finding("images", jobs.xgboost_image(target), "ok", "AWS's own, of this region.")
    try:
        yield Finding("images", jobs.built_in_image(target, "debugger"), "ok", "AWS's own, of this region.")
    except GovernanceError as error:
        yield Finding("images", "debugger", "advice", error.message, "Models get their XGBoost report by a job of its own here.")
    image = jobs.analysis_image(target)
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
        yield Finding("images", image, _state_for_error(error), error.message, remedy)
        return
    size = found[0].get("imageSizeInBytes")
    yield Finding("images", image, "ok", f"there, {size / 1e6:,.0f} MB." if size else "there.")


PARALLEL_JOBS_NEEDED = {"training": 3, "processing": 5}
"""Jobs that the whole workflow has running at a time: two trials beside the baseline; the reports of two models and XGBoost's own."""


def _known_instance_types(target: Target, use: str) -> list[str]:
    """The instance types that the SDK knows."""
    shape: Any = target.sagemaker.meta.service_model.shape_for(f"{use.capitalize()}InstanceType")
    return list(shape.enum)


def _check_quotas(target: Target) -> Iterator[Finding]:
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
