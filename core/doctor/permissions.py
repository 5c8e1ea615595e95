"""Checks IAM permissions: IAM simulates each one that the policies in aws/policies grant, for the principals that need it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from core.aws.target import Target
from core.doctor.findings import Finding
from core.errors import GovernanceError, translate_aws_errors
from core.identity import Role
from core.installation import product_file

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import ContextEntryTypeDef

POLICIES_FOLDER = product_file("aws/policies")
POLICY_FILES = {role: f"{role.value.replace(' ', '-')}.json" for role in Role if role != Role.VIEWER}
"""The policy file of each role; all roles have read-only.json too."""


def check_permissions(target: Target) -> Iterator[Finding]:
    """Whether the app, its roles and the jobs have each permission that the policy files allow. Whether they lack what the files deny isn't
    checked."""
    try:
        caller, execution = _calling_principal(target), target.role
    except GovernanceError as error:
        yield Finding("permissions", "sign-in", "unknown", error.message, error.hint)
        return
    files: dict[str, list[str]] = {}
    for role, file in POLICY_FILES.items():
        files.setdefault(target.settings.assume.get(role.value, caller), ["read-only.json"]).append(file)
    for principal, its in [*files.items(), (execution, ["execution-role.json"])]:
        yield from simulate_needs(target, principal, {need: file for file in its for need in read_needs(target, file)})


@dataclass(frozen=True)
class Need:
    """An action on a resource, under the condition that the policy sets: ((key, value), …)."""

    action: str
    resource: str
    condition: tuple[tuple[str, str], ...]


def fill_placeholders(target: Target, file: str) -> str:
    """The text of a policy file, its placeholders replaced by this target's names."""
    names = {
        "${AWS::Partition}": target.partition,
        "${AWS::Region}": target.region,
        "${AWS::AccountId}": target.account,
        "${Bucket}": target.bucket,
        "${ExecutionRole}": target.role.partition(":role/")[2],
        "${KmsKeyArn}": target.settings.kms_key or "*",
    }
    text = (POLICIES_FOLDER / file).read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(name, value)
    return text


class Statement(TypedDict):
    """A statement of this product's policy files; ``Condition``: operator -> key -> value."""

    Effect: str
    Action: list[str]
    Resource: list[str]
    Condition: NotRequired[dict[str, dict[str, str | list[str]]]]


class _PolicyFile(TypedDict):
    Statement: list[Statement]


def read_needs(target: Target, file: str) -> list[Need]:
    """The permissions that a policy file allows."""
    policy: _PolicyFile = json.loads(fill_placeholders(target, file))
    found = []
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow" and not _is_irrelevant(target, statement):
            keys = tuple(
                _example_context(operator, key, value)
                for operator, of in statement.get("Condition", {}).items()
                for key, value in of.items()
            )
            condition = tuple(pair for pair in keys if pair is not None)
            found += [Need(action, resource, condition) for action in statement["Action"] for resource in statement["Resource"]]
    return found


def _is_irrelevant(target: Target, statement: Statement) -> bool:
    """Whether a statement is about a KMS key or a VPC, and the settings name none."""
    services = {action.partition(":")[0] for action in statement["Action"]}
    return (services == {"kms"} and not target.settings.kms_key) or (services == {"ec2"} and not target.settings.subnets)


def _example_context(operator: str, key: str, value: str | list[str]) -> tuple[str, str] | None:
    """A (key, value) that fulfils the condition; None if it needs no value."""
    first = value if isinstance(value, str) else value[0]
    return None if operator == "Null" else (key, first.replace("*", "x"))


def _calling_principal(target: Target) -> str:
    """The caller as IAM's simulation expects it: of a session, the role that it was assumed from."""
    with translate_aws_errors("sign-in"):
        arn: str = target.client("sts").get_caller_identity()["Arn"]
        if ":assumed-role/" not in arn:
            return arn
        name = arn.partition(":assumed-role/")[2].partition("/")[0]
        return str(target.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def simulate_needs(target: Target, principal: str, file_by_need: dict[Need, str]) -> Iterator[Finding]:
    """One finding for each action and resource. ``file_by_need``: need -> the policy file that allows it."""
    who = principal.rpartition("/")[2]
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Need]] = {}
    for need in file_by_need:
        groups.setdefault((need.resource, need.condition), []).append(need)
    for (resource, condition), group in groups.items():
        entries: list[ContextEntryTypeDef] = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in condition
        ]
        for part in (group[i : i + 50] for i in range(0, len(group), 50)):
            try:
                with translate_aws_errors(principal):
                    answer = target.client("iam").simulate_principal_policy(
                        PolicySourceArn=principal, ActionNames=[n.action for n in part], ResourceArns=[resource], ContextEntries=entries
                    )
            except GovernanceError as error:
                remedy = f"{error.hint} Or compare its policies with aws/policies yourself."
                yield Finding("permissions", who, "unknown", error.message, remedy)
                return  # the other actions and resources would give the same error
            decisions = {found["EvalActionName"]: found["EvalDecision"] for found in answer["EvaluationResults"]}
            for need in part:
                yield _finding_for_need(who, need, decisions.get(need.action, "implicitDeny"), file_by_need[need])


def _finding_for_need(who: str, need: Need, decision: str, file: str) -> Finding:
    short = need.resource.rpartition(":")[2] if need.resource.startswith("arn:") else need.resource
    when = "".join(f", {key} = {value}" for key, value in need.condition)
    subject = f"{who}: {need.action} on {short}{when}"
    if decision == "allowed":
        return Finding("permissions", subject, "ok", "allowed.")
    if decision == "explicitDeny":
        remedy = f"Remove or narrow the Deny statement that covers it. The permission is in aws/policies/{file}."
        return Finding("permissions", subject, "missing", "a policy denies it.", remedy)
    return Finding("permissions", subject, "missing", "no policy allows it.", f"Allow it as aws/policies/{file} does.")
