"""What `core` and the pages call at AWS, by the role of whoever they call it for: recorded in every test, compared with
aws/operations.json.

A call that only reads is anyone's. A write is the role's of the innermost function of `core` that was given an identity. The jobs' own
calls are the execution role's: the engines' records of access name it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import botocore.client

from core.identity import Identity

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "aws" / "operations.json"
READS = re.compile("(Get|Head|List|Describe|Query|Search|Batch(Describe|Get)|Simulate)")
READ_ONLY, EXECUTION = "read-only", "execution-role"
NOT_THE_PRODUCT = {"core/clients.py"}
"""What tests call on their own account too; all but ``connect``."""
seen: dict[str, set[str]] = {}
"""Role → operations, as ``sagemaker:CreateModel`` or, of objects in S3, ``s3:PutObject governance/log``."""
_call = botocore.client.BaseClient._make_api_call


def start() -> None:
    """Record from now on in this process."""

    def call(self, operation, parameters):
        note(self.meta.service_model, operation, parameters)
        return _call(self, operation, parameters)

    botocore.client.BaseClient._make_api_call = call


def note(model, operation, parameters) -> None:
    role = _role(READS.match(operation) is not None)
    if role is None:
        return
    service = model.metadata.get("signingName", model.service_name)
    found = {f"{service}:{operation}{_limit(service, operation, parameters)}"}
    if operation.startswith("Create") and parameters.get("Tags"):
        found.add(f"sagemaker:AddTags {operation}")
    if {"RoleArn", "ExecutionRoleArn"} & (parameters.keys() | parameters.get("TrainingJobDefinition", {}).keys()):
        found.add(f"iam:PassRole {operation}")
    seen.setdefault(role, set()).update(found)


def _limit(service, operation, parameters) -> str:
    """What a policy limits the call by: the folder that is written to, the approval status that is set."""
    if service == "s3" and operation == "PutObject":
        return " " + "/".join(parameters["Key"].split("/")[:2])
    if operation in {"CreateModelPackage", "UpdateModelPackage"}:
        return " " + parameters.get("ModelApprovalStatus", "unchanged")
    return ""


def _role(reads: bool) -> str | None:
    """None for what the product did not ask for."""
    frame, ours, identity = sys._getframe(2), False, None
    while frame is not None:
        file = frame.f_code.co_filename
        name = file.removeprefix(f"{ROOT}/")
        if name != file and name.startswith(("core/", "app_pages/")) and (name not in NOT_THE_PRODUCT or frame.f_code.co_name == "connect"):
            if name == "core/doctor.py":
                return "doctor"
            ours = True
            found = frame.f_locals.get("identity")
            identity = identity or (found if isinstance(found, Identity) else None)
        frame = frame.f_back
    if not ours:
        return None
    if reads:
        return READ_ONLY
    return identity.role.value if identity else "administrator"  # `python -m core audit repair`


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


def differences(found: dict[str, set[str]], *, whole: bool) -> list[str]:
    """What was called and isn't written down; after a run of the whole suite also what is written down and wasn't called."""
    kept = recorded()
    missing = [f"{role} also calls {call}" for role in found for call in sorted(found[role] - set(kept.get(role, [])))]
    unused = [f"{role} never calls {call}" for role in kept for call in sorted(set(kept[role]) - found.get(role, set()))]
    return missing + (unused if whole else [])


def write(found: dict[str, set[str]]) -> None:
    RECORDED.write_text(json.dumps({role: sorted(found[role]) for role in sorted(found)}, indent=1) + "\n")
