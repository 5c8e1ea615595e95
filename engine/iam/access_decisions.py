"""Whether a user or role may do something, according to its policies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from engine.context import Context
from engine.iam import policies
from engine.iam.policies import ConditionValues, Decision
from engine.principal import ACCOUNT, ENGINE_USER, Principal

EXECUTION_ROLE = "governance-execution"
"""The role of the jobs. It and the engine's user may do everything until they have a policy; other roles what their policies allow."""


def assumed_role_principal(name: str, session: str, tags: tuple[tuple[str, str], ...] = ()) -> Principal:
    return Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}", "role", name, tags)


def decide_access(context: Context, principal: Principal, action: str, resource: str, values: ConditionValues) -> Decision:
    """Whether a principal's policies allow an action on a resource."""
    texts = _inline_policies(context, principal.kind, principal.name)
    if not texts and (principal == ENGINE_USER or (principal.kind, principal.name) == ("role", EXECUTION_ROLE)):
        return "allowed"
    return policies.evaluate((statement for text in texts for statement in _cached_statements(text)), action, resource, values)


def has_full_access(context: Context, principal: Principal) -> bool:
    """Whether a principal may do everything: the engine's user or the execution role, without a policy."""
    first = principal == ENGINE_USER or (principal.kind, principal.name) == ("role", EXECUTION_ROLE)
    return first and not _inline_policies(context, principal.kind, principal.name)


@lru_cache(maxsize=64)
def _cached_statements(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(policies.parse_policy(text))


def _inline_policies(context: Context, kind: str, name: str) -> list[str]:
    body = context.store.get(f"iam-{kind}", name)
    return list(body["Policies"].values()) if body else []
