"""Who created or changed a record, for CreatedBy and LastModifiedBy."""

from __future__ import annotations

from typing import Any

from engine.iam.sessions import principal_id
from engine.principal import CALLER


def user_context() -> dict[str, Any]:
    """The caller's UserContext."""
    caller = CALLER.get()
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": principal_id(caller)}}
