"""Who created or changed a record, as SageMaker's CreatedBy and LastModifiedBy have it."""

from __future__ import annotations

from typing import Any

from engine.context import ACCOUNT

CALLER = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/governance", "PrincipalId": "AIDAGOVERNANCELOCAL00"}
"""The engine's one principal: the same that STS GetCallerIdentity names."""


def user_context() -> dict[str, Any]:
    """The UserContext of whoever calls."""
    return {"IamIdentity": dict(CALLER)}
