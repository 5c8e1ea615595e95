"""``python -m tools.policies``: the least IAM policies, written from the calls that the product makes (aws/operations.json).

The suite records the calls, by what is being done ("launch", "approve" …); who may do that, `core.identity` says. What limits each of them
is here: the kind of resource that IAM takes for an action, the names that the product gives, and the condition keys. ``${…}`` in the files
is CloudFormation's; ``${aws:…}`` is IAM's own.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.aws.target import connect
from core.data import datasets
from core.doctor import permissions
from core.doctor.findings import Finding
from core.governance import evidence, policy
from core.identity import ROLES_BY_ACTION, Role
from core.ledger import audit_log
from core.reports import imported_reports
from engine import lifecycle
from tools import least

AWS = Path(__file__).parents[1] / "aws"
PAGE = AWS.parent / "docs" / "permissions.md"
SAGEMAKER = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}"
BUCKET = "arn:${AWS::Partition}:s3:::${Bucket}"
LOGS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/sagemaker"
ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${ExecutionRole}"
KINDS = {
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "ModelCardExportJobs": "model-card",
    "ModelCardExportJob": "model-card",
    "ModelCardVersions": "model-card",
    "ModelCard": "model-card",
    "ModelPackageGroup": "model-package-group",
    "ModelPackages": "model-package",
    "ModelPackage": "model-package",
    "ProcessingJob": "processing-job",
    "TrainingJob": "training-job",
    "TrialComponent": "experiment-trial-component",
    "Artifact": "artifact",
    "Action": "action",
    "Context": "context",
    "Model": "model",
}
"""What an operation's name ends with → the kind of its resource; the longer ones first."""
UNLIMITED = {"QueryLineage", "Search"} | {
    f"List{what}"
    for what in (
        *("Actions", "Artifacts", "Associations", "Contexts", "HyperParameterTuningJobs", "ModelPackageGroups", "Models"),
        *("ProcessingJobs", "TrainingJobs"),
    )
}
"""What IAM limits to no resource."""
NAMES = {
    "training-job": "governance-*",
    "processing-job": "governance-*",
    "hyper-parameter-tuning-job": "gov-tune-*",
    "model": "*-model",
}
"""What the product calls what it makes."""
OBJECTS = {"GetObject", "HeadObject", "PutObject", "AbortMultipartUpload"}
S3 = {
    "HeadObject": "s3:GetObject",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
"""Operations whose permission has another name."""
TAGS = "aws:PrincipalTag/governance-id"
OWN_WORK = {
    "Sid": "NobodyApprovesWhatTheyTrainedOrRegistered",
    "Effect": "Deny",
    "Action": ["sagemaker:UpdateModelPackage"],
    "Resource": [f"{SAGEMAKER}:model-package/*"],
}
"""Four eyes in IAM too: the app's sessions carry who acts as a tag, the version carries who trained it."""
LOG_FOLDER = audit_log.EVENTS_FOLDER.rpartition("/")[0]
WRITTEN_BY_PEOPLE = (LOG_FOLDER, evidence.FOLDER, evidence.FILES_FOLDER, policy.FOLDER, datasets.S3_FOLDER, imported_reports.FOLDER)
"""The folders that the app writes for those who have signed in, and no job: the log and what it rests on, data sets and kept reports."""
NOT_BY_JOBS = {
    "Sid": "NoJobWritesTheLogItsEvidenceOrPolicies",
    "Effect": "Deny",
    "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"],
    "Resource": [f"{BUCKET}/{folder}/*" for folder in sorted(WRITTEN_BY_PEOPLE)],
}
"""A job runs code and data that others brought: whatever else its role is allowed, it can't write these."""
BESIDES = {"export": ("s3:PutObject governance/cards", "sagemaker:ListModelCardExportJobs")}
"""What else an action takes: SageMaker writes a card's PDF in the caller's name, and a create whose answer was lost is looked for."""
KEY = "${KmsKeyArn}"
THROUGH_S3 = {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}


def _allow(actions: list[str], *resources: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources)}
    return found | ({"Condition": condition} if condition else {})


def _ec2(kind: str) -> str:
    return "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:" + f"{kind}/*"


ECR = "arn:${AWS::Partition}:ecr:${AWS::Region}"
PLATFORM = [
    _allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], f"{LOGS}/*"),
    _allow(["cloudwatch:PutMetricData"], "*", condition={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}),
    _allow(["ecr:GetAuthorizationToken"], "*"),
    _allow(
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        f"{ECR}:*:repository/sagemaker-*",
        ECR + ":${AWS::AccountId}:repository/governance-analysis",
    ),
    _allow(["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], KEY),
    _allow(
        [f"ec2:{do}NetworkInterface{what}" for do in ("Create", "Delete") for what in ("", "Permission")],
        *(_ec2(kind) for kind in ("network-interface", "security-group", "subnet")),
    ),
    _allow([f"ec2:Describe{what}" for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")], "*"),
]
"""What SageMaker itself does in the execution role, beside the jobs' own calls:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html"""
SETTINGS = [_allow(["kms:DescribeKey"], KEY), _allow(["ec2:DescribeSubnets"], "*")]
"""What the doctor reads where a key or subnets are set, which the engine has none of."""


def _keys(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the calls take of the key that encrypts files and disks: S3 and SageMaker use it in the caller's name."""
    actions = {action for statement in found for action in statement["Action"]}
    through = [name for name, of in (("kms:Decrypt", "s3:GetObject"), ("kms:GenerateDataKey", "s3:PutObject")) if of in actions]
    return ([_allow(through, KEY, condition=THROUGH_S3)] if through else []) + (
        [_allow(["kms:CreateGrant", "kms:DescribeKey"], KEY)] if "iam:PassRole" in actions else []
    )


def statements(role: str, operations: list[str]) -> list[dict[str, Any]]:
    """The statements that allow these operations, and nothing else."""
    allowed: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    for operation in operations:
        call, _, limit = operation.partition(" ")
        service, _, name = call.partition(":")
        action, resource, condition = _limited(role, service, name, limit)
        allowed[(resource, json.dumps(condition, sort_keys=True))].add(action)
    found = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": list(resource)} | _condition(condition)
        for (resource, condition), actions in sorted(allowed.items())
    ]
    found = _joined(found)
    if any("sagemaker:UpdateModelPackage" in statement["Action"] for statement in found):
        mine = {
            f"sagemaker:CurrentCustomerMetadataProperties/governance:{part}": f"${{{TAGS}}}" for part in ("trained-by", "registered-by")
        }
        approving = {"sagemaker:ModelApprovalStatus": "Approved"}
        found += [
            OWN_WORK | {"Sid": f"{OWN_WORK['Sid']}{i}", "Condition": {"StringEquals": approving | {key: value}}}
            for i, (key, value) in enumerate(mine.items(), 1)
        ]
    if role == "execution-role":
        return [*found, NOT_BY_JOBS, *PLATFORM]
    return found + _keys(found) + (SETTINGS if role == "doctor" else [])


def _condition(text: str) -> dict[str, Any]:
    condition = json.loads(text)
    return {"Condition": condition} if condition else {}


def _joined(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Statements that differ in their resources only, as one."""
    by_rest: dict[str, dict[str, Any]] = {}
    for statement in found:
        rest = json.dumps({key: value for key, value in statement.items() if key != "Resource"}, sort_keys=True)
        kept = by_rest.setdefault(rest, statement | {"Resource": []})
        kept["Resource"] = sorted({*kept["Resource"], *statement["Resource"]})
    return list(by_rest.values())


def _limited(role: str, service: str, name: str, limit: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """(action, resources, condition) of a call."""
    if service == "s3":
        if name in {"ListObjectsV2", "HeadBucket", "ListBucket"}:
            return "s3:ListBucket", (BUCKET,), {}
        action = S3.get(name) or f"s3:{name}"
        of_objects = name in OBJECTS
        return action, (f"{BUCKET}/{limit}/*" if limit else f"{BUCKET}/*" if of_objects else BUCKET,), {}
    if service == "logs":
        return f"logs:{name}", (f"{LOGS}/*",), {}
    if service == "iam" and name == "PassRole":
        return "iam:PassRole", (ROLE,), {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    if service != "sagemaker":
        return f"{service}:{name}", _neighbours(role, service, name), {}
    of = limit if name == "AddTags" else name
    resources = _resources(of)
    if name not in {"CreateModelPackage", "UpdateModelPackage"}:
        return f"sagemaker:{name}", resources, {}
    key = "sagemaker:ModelApprovalStatus"
    return f"sagemaker:{name}", resources, {"Null": {key: "true"}} if limit == "unchanged" else {"StringEquals": {key: limit}}


def _neighbours(role: str, service: str, name: str) -> tuple[str, ...]:
    return {
        "iam": (ROLE if name == "GetRole" and role != "doctor" else "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*",),
        "ecr": (ECR + ":${AWS::AccountId}:repository/governance-analysis",),
    }.get(service, ("*",))


def _resources(name: str) -> tuple[str, ...]:
    if name in UNLIMITED:
        return ("*",)
    if name == "ListTags":
        return tuple(
            f"{SAGEMAKER}:{kind}/*" for kind in ("hyper-parameter-tuning-job", "model", "model-card", "processing-job", "training-job")
        )
    if name == "AddAssociation":
        return tuple(f"{SAGEMAKER}:{kind}/*" for kind in ("action", "artifact", "context", "experiment-trial-component"))
    if name == "ListTrainingJobsForHyperParameterTuningJob":
        return (f"{SAGEMAKER}:hyper-parameter-tuning-job/*",)
    kind = next(kind for ending, kind in KINDS.items() if name.endswith(ending))
    made = NAMES.get(kind, "*") if name.startswith(("Create", "Stop", "Update")) else "*"
    return (f"{SAGEMAKER}:{kind}/{made}",)


def by_role() -> dict[str, list[str]]:
    """Policy → operations: what its role may do, and for whom there is no role, what the file of calls says."""
    calls: dict[str, list[str]] = json.loads((AWS / "operations.json").read_text())
    calls |= {action: [*calls.get(action, []), *more] for action, more in BESIDES.items()}
    allowed = {role.value: {action for action, roles in ROLES_BY_ACTION.items() if role in roles} for role in permissions.POLICY_FILES}
    allowed[Role.DATA_SCIENTIST.value].add("withdraw")  # what they have submitted themselves
    allowed[Role.COMPLIANCE_OFFICER.value].add("repair")
    found = {role: sorted({call for action in actions for call in calls.get(action, [])}) for role, actions in allowed.items()}
    return found | {name: calls[name] for name in ("read-only", "execution-role", "doctor")}


def documents() -> dict[str, dict[str, Any]]:
    """File name → policy."""
    return {role.replace(" ", "-"): {"Version": "2012-10-17", "Statement": statements(role, found)} for role, found in by_role().items()}


def text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def page(rows: Sequence[tuple[str, str, list[Finding]]]) -> str:
    """docs/permissions.md: the operations by role, and what the doctor says when one permission is taken away."""
    operations = by_role()
    files = {name: document["Statement"] for name, document in documents().items()}
    lines = [INTRODUCTION, "## Operations by role", "", "| role | calls | policy |", "|---|---|---|"]
    for role, calls in operations.items():
        name = role.replace(" ", "-")
        actions = sum(len(statement["Action"]) for statement in files[name] if statement["Effect"] == "Allow")
        lines.append(f"| {role} | {', '.join(f'`{call}`' for call in calls)} | [{actions} actions](../aws/policies/{name}.json) |")
    lines += [DENIED, "| policy | permission taken away | the doctor then says |", "|---|---|---|"]
    for file, action, found in rows:
        said = f"{found[0].subject}: {found[0].what} {found[0].remedy}"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        lines.append(f"| {file} | `{action}` | {said.replace('*', chr(92) + '*')}{more} |")
    return "\n".join(lines) + "\n"


INTRODUCTION = """# Permissions

Written by `make policies`, which runs the tests, records what the product calls at AWS by what is being done, and makes the least
policies of those who may do it. A test run ends in an error where a call is missing here; one that is here and was never made is printed.

Read-only is what everybody has; each role has its own beside it. A data scientist registers versions as pending and can set no other
status than rejected, for what they withdraw; officers approve and reject, and register nothing. Nobody approves what they trained or
registered, in whatever role: the app's sessions carry who acts as the tag `governance-id` (GOVERNANCE_ASSUME), and the version carries
who trained it, so IAM itself refuses.
Jobs run in `execution-role.json`: they write their results, and can't write or delete the log, its evidence, the policies or raw data.
`doctor.json` is what `python -m core doctor` takes.
"""
DENIED = """
## Taken away in turn

Each permission of each policy, taken away by itself on the embedded engine, and what `python -m core doctor` then reports as missing. The
first line is shown.
"""


def main() -> None:
    for name, document in documents().items():
        (AWS / "policies" / f"{name}.json").write_text(text(document))
        print(f"aws/policies/{name}.json: {sum(len(s['Action']) for s in document['Statement'])} actions")
    with tempfile.TemporaryDirectory() as folder:
        try:
            PAGE.write_text(page(list(least.taken_away(connect(least.install(Path(folder)))))))
        finally:
            lifecycle.stop(Path(folder))


if __name__ == "__main__":
    main()
