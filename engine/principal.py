"""Who calls the engine, and the keys with which they sign."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

ACCOUNT = "000000000000"
"""The account id of the embedded engine: plainly not a real one."""


@dataclass(frozen=True)
class AccessKeys:
    """A pair of keys to sign requests with: the engine's own, or a session's."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Principal:
    """Who calls.

    ``arn`` is the caller's ARN as STS gives it. ``kind`` (``user`` or ``role``) and ``name`` say whose policies apply; ``tags`` are the
    session's.
    """

    arn: str
    kind: str
    name: str
    tags: tuple[tuple[str, str], ...] = ()


ENGINE_USER = Principal(f"arn:aws:iam::{ACCOUNT}:user/governance", "user", "governance")
"""The caller who signs with the engine's own keys."""
CALLER: ContextVar[Principal] = ContextVar("caller", default=ENGINE_USER)
"""Who made the request that is being answered."""
