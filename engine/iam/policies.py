"""IAM's policy language: whether a set of identity-based policies allows one request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html (one account, identity-based policies)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
ConditionValues = Mapping[str, list[str]]
"""Condition key (in small letters) → its values in the request."""

STATEMENT_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": lambda wanted, value: _matches_wildcard(wanted, value),
    "ArnEquals": lambda wanted, value: _matches_wildcard(wanted, value),
    "ArnLike": lambda wanted, value: _matches_wildcard(wanted, value),
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


class MalformedPolicy(ValueError):
    """The text isn't an identity-based policy, or it has a condition that this engine doesn't know."""


def parse_policy(text: str) -> list[dict[str, Any]]:
    """The statements of a policy. Raises MalformedPolicy."""
    try:
        document = json.loads(text)
        statements = document["Statement"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedPolicy("The policy is not a JSON document with a Statement.") from error
    statements = statements if isinstance(statements, list) else [statements]
    for statement in statements:
        _check(statement)
    return statements


def evaluate(statements: Iterable[dict[str, Any]], action: str, resource: str, values: ConditionValues) -> Decision:
    """A matching Deny wins, then a matching Allow; without either it is an implicit deny.

    ``action``: ``s3:GetObject``; ``resource``: an ARN, or ``*``.
    """
    decision: Decision = "implicitDeny"
    for statement in statements:
        if (
            _covers(statement, "Action", action.lower())
            and _covers(statement, "Resource", resource)
            and _are_conditions_met(statement, values)
        ):
            if statement["Effect"] == "Deny":
                return "explicitDeny"
            decision = "allowed"
    return decision


def _check(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
        raise MalformedPolicy("A statement has the Effect Allow or Deny.")
    if unknown := sorted(statement.keys() - STATEMENT_ELEMENTS):
        raise MalformedPolicy(f"An identity-based policy has no element {unknown[0]}.")
    for element in ("Action", "Resource"):
        given = [name for name in (element, f"Not{element}") if name in statement]
        if len(given) != 1 or not all(isinstance(text, str) for text in _as_list(statement[given[0]])):
            raise MalformedPolicy(f"A statement has either {element} or Not{element}, as texts.")
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        raise MalformedPolicy("A Condition is an operator with its keys.")
    for operator in conditions:
        plain = operator.rpartition(":")[2].removesuffix("IfExists")
        quantifier = operator.rpartition(":")[0]
        if plain != "Null" and plain not in _MATCHES and plain not in _NEGATED:
            raise MalformedPolicy(f"This engine has no condition operator {operator}.")
        if quantifier not in {"", "ForAnyValue", "ForAllValues"}:
            raise MalformedPolicy(f"IAM has no condition quantifier {quantifier}.")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _covers(statement: dict[str, Any], element: str, value: str) -> bool:
    lower = element == "Action"
    if f"Not{element}" in statement:
        return not any(_matches_wildcard(text.lower() if lower else text, value) for text in _as_list(statement[f"Not{element}"]))
    return any(_matches_wildcard(text.lower() if lower else text, value) for text in _as_list(statement[element]))


def _matches_wildcard(pattern: str, value: str) -> bool:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _are_conditions_met(statement: dict[str, Any], values: ConditionValues) -> bool:
    return all(
        _is_condition_met(operator, [_substitute_variables(text, values) for text in _as_list(wanted)], values.get(key.lower()))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _substitute_variables(wanted: Any, values: ConditionValues) -> Any:
    """A condition with each variable (``${aws:PrincipalTag/team}``) replaced by the request's value; without one it matches none."""
    if not isinstance(wanted, str):
        return wanted
    return re.sub(r"\$\{([^}]+)\}", lambda found: (values.get(found[1].lower()) or ["\0"])[0], wanted)


def _is_condition_met(operator: str, wanted: list[Any], found: list[str] | None) -> bool:
    quantifier, _, name = operator.rpartition(":")
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in wanted]
    if name == "Null":
        return any((text.lower() == "true") == (found is None) for text in texts)
    plain = name.removesuffix("IfExists")
    negated = plain in _NEGATED
    if found is None:
        return name.endswith("IfExists") or quantifier == "ForAllValues" or (negated and not quantifier)
    matches = _MATCHES[_NEGATED.get(plain, plain)]
    each = [any(matches(text, value) for text in texts) != negated for value in found]
    return any(each) if quantifier == "ForAnyValue" else all(each)
