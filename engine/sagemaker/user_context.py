"""Who created or changed a record, as SageMaker's CreatedBy and LastModifiedBy have it."""

from __future__ import annotations

from typing import Any

from engine.iam.sessions import principal_id
from engine.principal import CALLER


def user_context() -> dict[str, Any]:
    """The UserContext of whoever calls."""
    caller = CALLER.get()
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": principal_id(caller)}}
