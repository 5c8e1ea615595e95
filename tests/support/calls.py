"""What `core` and the pages call at AWS, by what whoever acts is doing ("launch", "approve" …): recorded in every test, compared with
aws/operations.json.

A call that only reads is anyone's. A write belongs to the action that the innermost function of `core` on the stack was permitted
(`core.identity.explain_refusal`). The jobs' own calls are the execution role's: the engines' records of access name it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import botocore.client
from paths import ROOT

from core import identity as identities
from core.identity import Identity

RECORDED = ROOT / "aws" / "operations.json"
READS = re.compile("(Get|Head|List|Describe|Query|Search|Batch(Describe|Get)|Simulate)")
DOCTOR = {f"core/doctor/{name}.py" for name in ("doctor", "permissions", "settings_in_force", "target_checks")}
READ_ONLY, EXECUTION = "read-only", "execution-role"
SERVICES = {"sagemaker", "s3", "logs", "iam", "ecr", "servicequotas"}
"""Those that take permissions of whoever acts; KMS signs for the app itself, and STS takes none."""
NOT_THE_PRODUCT = {"core/aws/target.py", "core/aws/s3_files.py"}
"""What tests call on their own account too; all but ``connect``."""
REPLAY = "core/governance/lawfulness.py"
REPAIR, NOBODY = "repair", "nobody"
"""`python -m core audit repair`; and what no permission was asked for."""
seen: dict[str, set[str]] = {}
"""Action → operations, as ``sagemaker:CreateModel``, with what a policy limits them by: ``s3:PutObject governance/log``."""
_asked: dict[Any, set[str]] = {}
"""A function of `core` (its code) → the actions that it asked a permission for."""
_call, _refusal = botocore.client.BaseClient._make_api_call, identities.explain_refusal


def start() -> None:
    """Record from now on in this process."""

    def call(self, operation, parameters):
        note(self.meta.service_model, operation, parameters)
        return _call(self, operation, parameters)

    def refusal(identity, action, **about):
        found = _refusal(identity, action, **about)
        if found is None:
            around = ""
            for name, frame in _frames():
                if name == REPLAY:
                    break  # it asks about events of the past
                if around and frame.f_code.co_qualname != around:
                    continue  # what calls a function that was made within another one: it asks for that one
                around = frame.f_code.co_qualname.rpartition(".<locals>.")[0]
                if not around and name != "core/identity.py" and isinstance(frame.f_locals.get("identity"), Identity):
                    _asked.setdefault(frame.f_code, set()).add(action)
                    if not frame.f_code.co_name.startswith("_"):
                        break
        return found

    botocore.client.BaseClient._make_api_call = call
    identities.explain_refusal = refusal


def _frames():
    """The frames of `core` and of the pages on the stack, innermost first, by file."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        name = file.removeprefix(f"{ROOT}/")
        if name != file and name.startswith(("core/", "ui/", "pages/")):
            yield name, frame
        frame = frame.f_back


def note(model, operation, parameters) -> None:
    if operation == "PutObject" and not parameters["Key"].startswith("governance/"):
        return
    actions = _actions(READS.match(operation) is not None)
    service = model.service_name.replace("-", "")
    if not actions or service not in SERVICES:
        return
    found = {f"{service}:{operation}{_limit(service, operation, parameters)}"}
    if operation.startswith("Create") and parameters.get("Tags"):
        found.add(f"sagemaker:AddTags {operation}")
    if {"RoleArn", "ExecutionRoleArn"} & (parameters.keys() | parameters.get("TrainingJobDefinition", {}).keys()):
        found.add(f"iam:PassRole {operation}")
    for action in actions:
        seen.setdefault(action, set()).update(found)


def _limit(service, operation, parameters) -> str:
    """What a policy limits the call by: the folder that is written to, the approval status that is set."""
    if service == "s3" and operation == "PutObject":
        return " " + "/".join(parameters["Key"].split("/")[:2])
    if operation in {"CreateModelPackage", "UpdateModelPackage"}:
        return " " + parameters.get("ModelApprovalStatus", "unchanged")
    return ""


def _actions(reads: bool) -> set[str]:
    """None for what the product did not ask for."""
    frames = [(n, f) for n, f in _frames() if n not in NOT_THE_PRODUCT or f.f_code.co_name == "connect"]
    if not frames:
        return set()
    if any(name in DOCTOR for name, _ in frames):
        return {"doctor"}
    if reads:
        return {READ_ONLY}
    if any(frame.f_code.co_name == "repair_registry_and_lineage" for _, frame in frames):
        return {REPAIR}
    asked = [_asked[frame.f_code] for _, frame in frames if frame.f_code in _asked]
    return next((one for one in asked if len(one) == 1), asked[0] if asked else {NOBODY})


def jobs_calls(workspace: Path) -> set[str]:
    """What the jobs of a workspace asked of S3, by the engine's record of access."""
    names = {"GET.OBJECT": "GetObject", "HEAD.OBJECT": "GetObject", "PUT.OBJECT": "PutObject", "GET.BUCKET": "ListBucket"}
    names |= {"POST.UPLOADS": "PutObject", "PUT.PART": "PutObject", "POST.UPLOAD": "PutObject", "DELETE.UPLOAD": "AbortMultipartUpload"}
    found = set()
    for file in workspace.glob("access.log*"):
        for line in file.read_text().splitlines():
            said = json.loads(line)
            if said.get("caller") == "governance-execution":
                operation = said["operation"].removeprefix("REST.")
                found.add(f"{said['service']}:{names.get(operation, operation)}")
    return found


def recorded() -> dict[str, list[str]]:
    return json.loads(RECORDED.read_text())


def missing(found: dict[str, set[str]]) -> list[str]:
    """What was called and isn't written down."""
    kept = recorded()
    return [f"{role} also calls {call}" for role in found if role != NOBODY for call in sorted(found[role] - set(kept.get(role, [])))]


def unused(found: dict[str, set[str]]) -> list[str]:
    """What is written down and was never called: of a run of the whole suite."""
    return [f"{role} never calls {call}" for role, calls in recorded().items() for call in sorted(set(calls) - found.get(role, set()))]


def write(found: dict[str, set[str]]) -> None:
    RECORDED.write_text(json.dumps({role: sorted(found[role]) for role in sorted(found) if role != NOBODY}, indent=1) + "\n")
