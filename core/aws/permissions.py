"""Which permissions the workflow needs, and whether whoever acts has them: the least policies (aws/policies), simulated one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.clients import Clients
from core.errors import GovernanceError, translated
from core.identity import Role

POLICIES = Path(__file__).parents[1] / "aws" / "policies"
FILES = {role: f"{role.value.replace(' ', '-')}.json" for role in Role if role != Role.VIEWER}
"""The least policy of each role, beside read-only.json, which all have."""
State = Literal["ok", "advice", "missing", "unknown"]
MARKS: dict[State, str] = {"ok": "ok", "advice": "advice", "missing": "MISSING", "unknown": "unknown"}


@dataclass(frozen=True)
class Finding:
    """``subject``: a resource or a permission; ``what``: how it stands; ``remedy``: what to do, where it isn't ok. ``advice`` is for what
    the workflow can do without, ``unknown`` for what could not be looked at."""

    area: str
    subject: str
    state: State
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{MARKS[self.state]:8}{self.area}: {self.subject}: {self.what}" + (f" {self.remedy}" if self.remedy else "")


def permissions(clients: Clients) -> Iterator[Finding]:
    """Whether whoever acts has what the least policies allow; an explicit Deny that the files hold is not looked for."""
    try:
        caller, execution = _principal(clients), clients.role
    except GovernanceError as error:
        yield Finding("permissions", "sign-in", "unknown", error.what, error.remedy)
        return
    files: dict[str, list[str]] = {}
    for role, file in FILES.items():
        files.setdefault(clients.settings.assume.get(role.value, caller), ["read-only.json"]).append(file)
    for principal, its in [*files.items(), (execution, ["execution-role.json"])]:
        yield from simulated(clients, principal, {need: file for file in its for need in needs(clients, file)})


@dataclass(frozen=True)
class Need:
    """An action on a resource, under the condition that the policy sets: ((key, value), …)."""

    action: str
    resource: str
    condition: tuple[tuple[str, str], ...]


def filled(clients: Clients, file: str) -> str:
    """A policy file with this target's own names in place of its placeholders."""
    names = {
        "${AWS::Partition}": clients.partition,
        "${AWS::Region}": clients.region,
        "${AWS::AccountId}": clients.account,
        "${Bucket}": clients.bucket,
        "${ExecutionRole}": clients.role.partition(":role/")[2],
        "${KmsKeyArn}": clients.settings.kms_key or "*",
    }
    text = (POLICIES / file).read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def needs(clients: Clients, file: str) -> list[Need]:
    """What a policy file allows."""
    text = filled(clients, file)
    found = []
    for statement in json.loads(text)["Statement"]:
        if statement["Effect"] == "Allow" and not _idle(clients, statement):
            keys = tuple(
                _example(operator, key, value) for operator, of in statement.get("Condition", {}).items() for key, value in of.items()
            )
            condition = tuple(pair for pair in keys if pair is not None)
            found += [Need(action, resource, condition) for action in statement["Action"] for resource in statement["Resource"]]
    return found


def _idle(clients: Clients, statement: dict[str, Any]) -> bool:
    """Whether a statement is about a key or a network that isn't set."""
    services = {action.partition(":")[0] for action in statement["Action"]}
    return (services == {"kms"} and not clients.settings.kms_key) or (services == {"ec2"} and not clients.settings.subnets)


def _example(operator: str, key: str, value: str | list[str]) -> tuple[str, str] | None:
    """A value under which the condition holds; None where it holds without one."""
    first = value if isinstance(value, str) else value[0]
    return None if operator == "Null" else (key, first.replace("*", "x"))


def _principal(clients: Clients) -> str:
    """The caller as IAM's simulation takes it: the role behind a session."""
    with translated("sign-in"):
        arn: str = clients.client("sts").get_caller_identity()["Arn"]
        if ":assumed-role/" not in arn:
            return arn
        name = arn.partition(":assumed-role/")[2].partition("/")[0]
        return str(clients.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def simulated(clients: Clients, principal: str, wanted: dict[Need, str]) -> Iterator[Finding]:
    """One finding for each action and resource; ``wanted``: need → the file that allows it."""
    who = principal.rpartition("/")[2]
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Need]] = {}
    for need in wanted:
        groups.setdefault((need.resource, need.condition), []).append(need)
    for (resource, condition), group in groups.items():
        entries = [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in condition]
        for part in (group[i : i + 50] for i in range(0, len(group), 50)):
            try:
                with translated(principal):
                    answer = clients.client("iam").simulate_principal_policy(
                        PolicySourceArn=principal, ActionNames=[n.action for n in part], ResourceArns=[resource], ContextEntries=entries
                    )
            except GovernanceError as error:
                remedy = f"{error.remedy} Or compare its policies with aws/policies by hand."
                yield Finding("permissions", who, "unknown", error.what, remedy)
                return  # of another action or resource it says the same
            decisions = {found["EvalActionName"]: found["EvalDecision"] for found in answer["EvaluationResults"]}
            for need in part:
                yield _permission(who, need, decisions.get(need.action, "implicitDeny"), wanted[need])


def _permission(who: str, need: Need, decision: str, file: str) -> Finding:
    short = need.resource.rpartition(":")[2] if need.resource.startswith("arn:") else need.resource
    when = "".join(f", {key} = {value}" for key, value in need.condition)
    subject = f"{who}: {need.action} on {short}{when}"
    if decision == "allowed":
        return Finding("permissions", subject, "ok", "allowed.")
    if decision == "explicitDeny":
        remedy = f"Take the Deny away that covers it, or narrow it; it is in aws/policies/{file}."
        return Finding("permissions", subject, "missing", "a policy denies it.", remedy)
    return Finding("permissions", subject, "missing", "no policy allows it.", f"Allow it as aws/policies/{file} does.")
