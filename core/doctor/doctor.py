"""``python -m core doctor``: whether the target has what the workflow needs. Nothing is written, nothing is launched (but for the
embedded engine, where that is the target and doesn't run yet): permissions are simulated (SimulatePrincipalPolicy), the signing key signs a
trial, everything else is read. One finding for each permission and resource, with the remedy. Ends with 1 where something is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from core import identity, jobs, placement, prices, settings
from core.clients import ROLE, Clients, connect
from core.errors import UNSEEN, GovernanceError, SignedOut, TargetUnavailable, translated
from core.governance import policy, profiles, signing
from core.identity import Identity, Role
from core.permissions import Finding, permissions
from core.settings import InvalidSetting, Settings


def examine(given: Callable[[], Settings]) -> Iterator[Finding]:
    """What ``check`` finds; where no connection can be made, what the settings alone show, and why."""
    try:
        its = given()
    except InvalidSetting as error:
        yield Finding("settings", error.subject, "missing", error.what, error.remedy)
        return
    try:
        clients = connect(its)
    except GovernanceError as error:
        yield from _settings(its)
        yield Finding("target", its.target, "missing", error.what, error.remedy)
    else:
        yield from check(clients)


def check(clients: Clients) -> Iterator[Finding]:
    """Every finding, the resources first."""
    yield from _settings(clients.settings)
    for area, look in (
        ("sign-in", _caller),
        ("sign-in", _roles),
        ("bucket", _bucket),
        ("execution role", _execution_role),
        ("signing key", _signing_key),
        ("encryption key", _encryption_key),
        ("network", _network),
        ("images", _images),
        ("quotas", _quotas),
    ):
        try:
            yield from look(clients)
        except GovernanceError as error:
            yield Finding(area, error.subject or area, _seen(error) if area in LOOKED_UP else "missing", error.what, error.remedy)
    yield from permissions(clients)


LOOKED_UP = {"execution role", "encryption key", "network"}
"""What the doctor alone reads: where it may not, the jobs may use it all the same."""


def _seen(error: GovernanceError) -> Literal["unknown", "missing"]:
    return "unknown" if isinstance(error, UNSEEN) else "missing"


def passed(findings: list[Finding]) -> bool:
    """Whether nothing is missing."""
    return not any(finding.state == "missing" for finding in findings)


# settings ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InForce:
    """A setting as it is in force. ``given``: whether it is another than the product's own."""

    variable: str
    value: str
    given: bool
    what: str


def in_force(clients: Clients) -> list[InForce]:
    """All settings, in their order."""
    its = clients.settings
    without = {
        "bucket": clients.bucket,
        "role": f"the role {ROLE} of the account",
        "processing_instance_type": its.instance_type,
        "analysis_image": jobs.analysis_image(clients),
        "prices": "the product's own",
        "policy": "the product's own",
        "profiles": "the product's own",
        "signing_key": f"{its.workspace / signing.KEY_FILE}, on the local target only",
    }
    return [
        InForce(
            settings.variable(name),
            clients.region if name == "region" else settings.plain(getattr(its, name)) or without.get(name, "none"),
            getattr(its, name) != field.default,
            field.description or "",
        )
        for name, field in type(its).model_fields.items()
    ]


def _settings(its: Settings) -> Iterator[Finding]:
    """Misspelt ones, and the files that they name."""
    for name, meant in settings.unknown().items():
        remedy = f"Do you mean {meant}?" if meant else "The settings page lists those that there are."
        yield Finding("settings", name, "advice", "no setting is called so: it has no effect.", remedy)

    readers: tuple[tuple[str, Any, Callable[[], Any]], ...] = (
        ("prices", its.prices, lambda: prices.in_force(its)),
        ("policy", its.policy, lambda: policy.load(its.policy or policy.BUNDLED)),
        ("profiles", its.profiles, lambda: profiles.load(its.profiles)),
        ("roles_file", its.roles_file, lambda: identity.account({"iss": "-", "sub": "-", "exp": 1e12}, its)),
        ("trusted_keys", its.trusted_keys, lambda: signing.trusted(its)),
    )
    for name, value, read in readers:
        if value:
            variable = settings.variable(name)
            try:
                read()
            except GovernanceError as error:
                yield Finding("settings", variable, "missing", error.what, error.remedy)
            else:
                yield Finding("settings", variable, "ok", f"{settings.plain(value)} can be read.")


# resources -----------------------------------------------------------------------------------------


def _caller(clients: Clients) -> Iterator[Finding]:
    with translated("sign-in"):
        arn = clients.client("sts").get_caller_identity()["Arn"]
    yield Finding("sign-in", arn, "ok", f"signed in to account {clients.account}, region {clients.region}.")
    if clients.settings.region not in {None, clients.region}:
        what = f"it has no effect: this target is in {clients.region}."
        yield Finding("sign-in", f"GOVERNANCE_REGION={clients.settings.region}", "advice", what, "Leave it out.")


def _roles(clients: Clients) -> Iterator[Finding]:
    """Whether the IAM roles that people act in can be taken: a session of each is begun, and not used."""
    for role, arn in clients.settings.assume.items():
        try:
            connect(clients.settings, Identity("governance doctor", Role(role)))
        except GovernanceError as error:
            unseen = isinstance(error, SignedOut | TargetUnavailable)
            remedy = "Name one in GOVERNANCE_ASSUME that is there and whose trust policy lets the app's own role take it (docs/aws.md)."
            what = f"whoever acts as {role} can't take it: {error.what}"
            yield Finding("sign-in", arn, "unknown" if unseen else "missing", what, error.remedy if unseen else remedy)
        else:
            yield Finding("sign-in", arn, "ok", f"can be taken for whoever acts as {role}.")


def _bucket(clients: Clients) -> Iterator[Finding]:
    name = clients.bucket
    with translated(f"the bucket {name}"):
        region = clients.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", clients.region)
    if region != clients.region:
        remedy = f"Set GOVERNANCE_REGION={region}, or name another bucket."
        yield Finding("bucket", name, "missing", f"it is in {region}, the jobs run in {clients.region}.", remedy)
    else:
        yield Finding("bucket", name, "ok", f"there, in {region}.")
    protections: tuple[tuple[str, str, Callable[[], Any], Callable[[Any], bool], str], ...] = (
        (
            "versioning",
            "earlier versions of overwritten and deleted files are kept",
            lambda: clients.s3.get_bucket_versioning(Bucket=name),
            lambda found: found.get("Status") == "Enabled",
            "Switch versioning on.",
        ),
        (
            "Object Lock",
            "the log and the evidence can't be deleted, whoever asks",
            lambda: clients.s3.get_object_lock_configuration(Bucket=name),
            lambda found: found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled",
            "Use a bucket with Object Lock: aws/template.yaml makes one.",
        ),
        (
            "encryption",
            "files are encrypted at rest",
            lambda: clients.s3.get_bucket_encryption(Bucket=name),
            lambda found: bool(found["ServerSideEncryptionConfiguration"]["Rules"]),
            "Set a default encryption.",
        ),
        (
            "public access block",
            "nothing of it can be made public",
            lambda: clients.s3.get_public_access_block(Bucket=name),
            lambda found: all(found["PublicAccessBlockConfiguration"].values()),
            "Block public access.",
        ),
        (
            "TLS only",
            "requests without TLS are refused",
            lambda: clients.s3.get_bucket_policy(Bucket=name),
            lambda found: "aws:SecureTransport" in found["Policy"],
            "Deny requests without aws:SecureTransport in the bucket's policy, as aws/template.yaml does.",
        ),
    )
    for subject, why, read, holds, remedy in protections:
        yield _protection(f"{name}: {subject}", why, read, holds, remedy)


NOT_SET = (
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
)


def _protection(subject: str, why: str, read: Callable[[], Any], holds: Callable[[Any], bool], remedy: str) -> Finding:
    from botocore.exceptions import ClientError

    try:
        with translated(subject):
            try:
                found = holds(read())
            except ClientError as error:
                if error.response["Error"]["Code"] not in NOT_SET:
                    raise
                found = False
    except GovernanceError as error:
        return Finding("bucket", subject, "unknown", error.what, error.remedy)
    return Finding(
        "bucket",
        subject,
        "ok" if found else "advice",
        f"{why}." if found else f"off; with it {why}.",
        "" if found else remedy,
    )


def _execution_role(clients: Clients) -> Iterator[Finding]:
    name = clients.role.rpartition("/")[2]
    with translated(clients.role):
        role = clients.client("iam").get_role(RoleName=name)["Role"]
    document = role["AssumeRolePolicyDocument"]
    trust = json.dumps(document) if isinstance(document, dict) else str(document)
    if "sagemaker.amazonaws.com" not in trust:
        remedy = "Let sagemaker.amazonaws.com take it (sts:AssumeRole) in its trust policy."
        yield Finding("execution role", clients.role, "missing", "SageMaker can't take it.", remedy)
    else:
        yield Finding("execution role", clients.role, "ok", "there, and SageMaker may take it.")


def _signing_key(clients: Clients) -> Iterator[Finding]:
    own = signing.usable(clients)
    yield Finding("signing key", own.keyid[:16], "ok", f"signs the log ({own.scheme}).")


def _encryption_key(clients: Clients) -> Iterator[Finding]:
    key = clients.settings.kms_key
    if key is None:
        yield Finding(
            "encryption key",
            "GOVERNANCE_KMS_KEY",
            "ok",
            "not set: files and disks are encrypted as the bucket and SageMaker do by default.",
        )
        return
    with translated(key):
        found = clients.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    usable = found["Enabled"] and found["KeyUsage"] == "ENCRYPT_DECRYPT"
    what = "enabled." if usable else f"it is {found['KeyState']}, for {found['KeyUsage']}."
    yield Finding("encryption key", key, "ok" if usable else "missing", what, "" if usable else "Name an enabled symmetric key.")


def _network(clients: Clients) -> Iterator[Finding]:
    its = clients.settings
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
    with translated(", ".join(its.subnets)):
        found = clients.client("ec2").describe_subnets(SubnetIds=list(its.subnets))["Subnets"]
    networks = sorted({subnet["VpcId"] for subnet in found})
    one = len(networks) == 1
    remedy = "" if one else "Name subnets of one VPC."
    yield Finding("network", ", ".join(its.subnets), "ok" if one else "missing", f"{len(found)} subnets of {', '.join(networks)}.", remedy)


def _images(clients: Clients) -> Iterator[Finding]:
    yield Finding("images", jobs.xgboost_image(clients), "ok", "AWS's own, of this region.")
    try:
        yield Finding("images", jobs.built_in_image(clients, "debugger"), "ok", "AWS's own, of this region.")
    except GovernanceError as error:
        yield Finding("images", "debugger", "advice", error.what, "Models get their XGBoost report by a job of its own here.")
    image = jobs.analysis_image(clients)
    registry, _, path = image.partition("/")
    repository, digest = re.match(r"([^:@]*)(?:.*@(.+))?", path).groups()  # type: ignore[union-attr]
    tag = path.removeprefix(repository).partition("@")[0].removeprefix(":")
    wanted: Any = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    remedy = "Build and push it: docs/aws.md says how; or name another one in GOVERNANCE_ANALYSIS_IMAGE."
    try:
        with translated(image):
            ecr = clients.client("ecr")
            found = ecr.describe_images(registryId=registry.partition(".")[0], repositoryName=repository, imageIds=[wanted])["imageDetails"]
    except GovernanceError as error:
        yield Finding("images", image, _seen(error), error.what, remedy)
        return
    size = found[0].get("imageSizeInBytes")
    yield Finding("images", image, "ok", f"there, {size / 1e6:,.0f} MB." if size else "there.")


AT_ONCE = {"training": 3, "processing": 5}
"""Jobs that the whole workflow has running at a time: two trials beside the baseline; the reports of two models and XGBoost's own."""


def _types(clients: Clients, use: str) -> list[str]:
    """The instance types that the SDK knows."""
    shape: Any = clients.sagemaker.meta.service_model.shape_for(f"{use.capitalize()}InstanceType")
    return list(shape.enum)


def _quotas(clients: Clients) -> Iterator[Finding]:
    types = {"training": clients.settings.instance_type, "processing": placement.processing_instance(clients.settings)}
    wanted = {f"{instance} for {use} job usage": use for use, instance in types.items()}
    try:
        with translated("service quotas"):
            pages = clients.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            found = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] in wanted}
    except GovernanceError as error:
        yield Finding("quotas", "SageMaker", "unknown", error.what, "Look at Service Quotas in the console: a new account may have 0.")
        return
    for name, use in wanted.items():
        value, needed = found.get(name), AT_ONCE[use]
        more = f"Ask for {needed} in Service Quotas, or name another instance type for {use}."
        if value is None and types[use] not in _types(clients, use):
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
