"""The least policies (aws/policies) put into force on an engine: a role of IAM for each role of the product; and what the doctor says when
one permission is taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.aws.target import Target, connect
from core.doctor import permissions
from core.doctor.findings import Finding
from core.settings import Settings

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}]}
EXECUTION = "governance-execution"
ROLES = {role.value: [file, "read-only.json"] for role, file in permissions.POLICY_FILES.items()} | {"viewer": ["read-only.json"]}


def name(role: str) -> str:
    return f"governance-{role.replace(' ', '-')}"


def install(workspace: Path) -> Settings:
    """Settings under which everybody acts in the IAM role of theirs, and the jobs under the execution role's policy."""
    target = connect(Settings(workspace=workspace))
    for role, files in ROLES.items():
        target.client("iam").create_role(RoleName=name(role), AssumeRolePolicyDocument=json.dumps(TRUST))
        for file in files:
            put(target, name(role), file, policy(target, file))
    put(target, EXECUTION, "execution-role.json", policy(target, "execution-role.json"))
    return Settings(workspace=workspace, assume={role: f"arn:aws:iam::{target.account}:role/{name(role)}" for role in ROLES})


def policy(target: Target, file: str) -> dict[str, Any]:
    """A policy file with its placeholders filled in."""
    document: dict[str, Any] = json.loads(permissions.fill_placeholders(target, file))
    return document


def put(target: Target, role: str, file: str, document: dict[str, Any]) -> None:
    target.client("iam").put_role_policy(RoleName=role, PolicyName=file.removesuffix(".json"), PolicyDocument=json.dumps(document))


def without(document: dict[str, Any], action: str) -> dict[str, Any]:
    """The policy, not allowing one action any more."""
    kept = []
    for statement in document["Statement"]:
        actions = [one for one in statement["Action"] if one != action or statement["Effect"] == "Deny"]
        kept += [statement | {"Action": actions}] if actions else []
    return document | {"Statement": kept}


def taken_away(target: Target) -> Iterator[tuple[str, str, list[Finding]]]:
    """(policy file, action, what is then missing) of every action of every policy, each taken away by itself. ``target``: of an engine on
    which the policies were installed."""
    holders = {files[0]: name(role) for role, files in ROLES.items()} | {"execution-role.json": EXECUTION}
    for file, role in sorted(holders.items()):
        whole, arn = policy(target, file), f"arn:aws:iam::{target.account}:role/{role}"
        wanted = dict.fromkeys(permissions.read_needs(target, file), file)
        for action in sorted({need.action for need in wanted}):
            put(target, role, file, without(whole, action))
            found = [finding for finding in permissions.simulate_needs(target, arn, wanted) if finding.state != "ok"]
            put(target, role, file, whole)
            yield file, action, found
