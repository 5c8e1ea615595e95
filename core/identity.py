"""Who is signed in, and what that role may do. Asked at every write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Forbidden


class Role(StrEnum):
    VIEWER = "viewer"
    DATA_SCIENTIST = "data scientist"
    VALIDATOR = "validator"
    COMPLIANCE_OFFICER = "compliance officer"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Identity:
    """A person and a role. ``demo`` marks the named demo identities of the local target."""

    name: str
    role: Role
    demo: bool = False


DEMO = (
    Identity("Dana (demo)", Role.DATA_SCIENTIST, demo=True),
    Identity("Chris (demo)", Role.COMPLIANCE_OFFICER, demo=True),
    Identity("Vera (demo)", Role.VIEWER, demo=True),
)
WORKFLOW = Identity("workflow", Role.DATA_SCIENTIST)

ALLOWED: Mapping[str, frozenset[Role]] = {
    "view": frozenset(Role),
    "launch": frozenset({Role.DATA_SCIENTIST, Role.ADMINISTRATOR}),
    "upload": frozenset({Role.DATA_SCIENTIST, Role.ADMINISTRATOR}),
    "register": frozenset({Role.DATA_SCIENTIST, Role.ADMINISTRATOR}),
    "decide": frozenset({Role.COMPLIANCE_OFFICER}),
}


def may(identity: Identity, action: str, *, trained_by: str | None = None) -> bool:
    """May this person do this? ``trained_by``: who trained or registered the resource; that person never decides on it."""
    if identity.role not in ALLOWED.get(action, frozenset()):
        return False
    return not (action == "decide" and trained_by is not None and trained_by == identity.name)


def require(identity: Identity, action: str, *, subject: str = "", trained_by: str | None = None) -> None:
    """Raises Forbidden unless ``may``."""
    if may(identity, action, trained_by=trained_by):
        return
    if identity.role in ALLOWED.get(action, frozenset()):
        raise Forbidden(f"{identity.name} trained or registered this model.", subject=subject, remedy="Somebody else must decide on it.")
    needed = " or ".join(sorted(ALLOWED.get(action, frozenset()))) or "nobody"
    raise Forbidden(f"The role {identity.role} may not {action}.", subject=subject, remedy=f"It takes the role {needed}.")
