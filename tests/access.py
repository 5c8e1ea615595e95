"""What IAM policies allow, as IAM's guide has it (Policy evaluation logic; Condition operators): an explicit Deny wins over every Allow.

Only what the product's own policies use; anything else raises. ``context``: condition key -> value, or list of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Context = Mapping[str, Any]
NEGATED = {"StringNotEquals": "StringEquals", "StringNotLike": "StringLike", "ArnNotEquals": "ArnLike", "ArnNotLike": "ArnLike"}


def allowed(policies: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether the policies together allow the action on the resource."""
    effects = {s["Effect"] for policy in policies for s in policy["Statement"] if applies(s, action, resource, context or {})}
    return effects == {"Allow"}


def denied(policy: Mapping[str, Any], action: str, resource: str, context: Context | None = None) -> list[str]:
    """The Sids of the statements that refuse it."""
    return [s["Sid"] for s in policy["Statement"] if s["Effect"] == "Deny" and applies(s, action, resource, context or {})]


def applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"{unknown}")
    return (
        any(_like(action.lower(), one.lower()) for one in _list(statement["Action"]))
        and any(_like(resource, _filled(one, context)) for one in _list(statement["Resource"]))
        and all(
            _holds(operator, key, _list(values), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    there = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return (there is None) == (wanted[0] == "true")
    quantifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    negated = base in NEGATED
    if there is None:
        return negated or name != base or quantifier == "ForAllValues"
    test = {
        "StringEquals": lambda value, one: value == one,
        "StringLike": _like,
        "ArnLike": _like,
        "Bool": lambda value, one: value.lower() == one.lower(),
        "NumericLessThan": lambda value, one: float(value) < float(one),
    }[NEGATED.get(base, base)]
    found = [any(test(value, _filled(one, context)) for one in wanted) != negated for value in _list(there)]
    return all(found) if quantifier == "ForAllValues" else any(found)


def _like(value: str, pattern: str) -> bool:
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), value, re.DOTALL) is not None


def _filled(text: str, context: Context) -> str:
    """``text`` with IAM's own variables put in; a variable without a value matches nothing."""
    values = {name.lower(): str(value) for name, value in context.items()}
    return re.sub(r"\$\{(aws:[^}]+)\}", lambda name: values.get(name[1].lower(), "\0"), text)


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
