"""Requests, parsed and validated by botocore's own service models.

botocore's ParamValidator knows types and required members; patterns, enums and limits are checked here,
length before pattern, and worded as AWS words them.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from botocore.model import OperationModel

from engine.context import Request
from engine.errors import AWSError

VALIDATION_CODES = {"logs": "InvalidParameterException", "iam": "ValidationError", "sts": "ValidationError"}
"""The validation error's code in services where it isn't ValidationException."""


def parse_json(operation: OperationModel, body: bytes) -> Request:
    """The validated request of a JSON-1.1 call. Members that the model doesn't know are ignored, as AWS does."""
    try:
        given = json.loads(body or b"{}", parse_constant=_reject_constant)
        if not isinstance(given, dict):
            raise AWSError("SerializationException", "The request body is not a JSON object.")
        return validate_request(operation, given)
    except (ValueError, RecursionError) as error:
        raise AWSError("SerializationException", "The request body is not JSON that this operation accepts.") from error


def _reject_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def validate_request(operation: OperationModel, given: dict[str, Any]) -> Request:
    """``given`` coerced to the operation's input shape. Raises ValidationException (or the service's own) that lists all problems."""
    if operation.input_shape is None:
        return {}
    problems: list[str] = []
    try:
        request = _coerce(operation.input_shape, given, "", problems)
    except _TooManyProblems:
        request = {}
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        code = VALIDATION_CODES.get(operation.service_model.service_name, "ValidationException")
        raise AWSError(code, count + "; ".join(problems))
    return dict(request)


class _TooManyProblems(Exception):
    """There are more problems than an error message lists."""


def _coerce(shape: Any, value: Any, path: str, problems: list[str]) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            raise AWSError("SerializationException", f"{_short(path) or 'The request'} must be an object.")
        result = {}
        required = set(shape.metadata.get("required", []))
        for name, member in shape.members.items():
            inner = f"{path}.{_lower(name)}" if path else _lower(name)
            if value.get(name) is None:
                if name in required:
                    _add_problem(problems, f"Value null at '{_short(inner)}' failed to satisfy constraint: Member must not be null")
            else:
                result[name] = _coerce(member, value[name], inner, problems)
        return result
    if kind == "list":
        if not isinstance(value, list):
            raise AWSError("SerializationException", f"{_short(path)} must be a list.")
        if not _check_limits(shape, len(value), value, path, problems, "length"):
            return []
        return [_coerce(shape.member, item, f"{path}.{i + 1}.member", problems) for i, item in enumerate(value)]
    if kind == "map":
        if not isinstance(value, dict):
            raise AWSError("SerializationException", f"{_short(path)} must be an object.")
        if not _check_limits(shape, len(value), value, path, problems, "length"):
            return {}
        return {
            _coerce(shape.key, key, f"{path}.key", problems): _coerce(shape.value, item, f"{path}.{key}.member", problems)
            for key, item in value.items()
        }
    return _coerce_scalar(shape, kind, value, path, problems)


INTEGER_BOUNDS = {"integer": 2**31, "long": 2**63}
MAX_TIMESTAMP = 253_402_300_800
"""The end of the year 9999, in seconds since the epoch."""


def _coerce_scalar(shape: Any, kind: str, value: Any, path: str, problems: list[str]) -> Any:
    if kind == "string":
        if not isinstance(value, str):
            raise AWSError("SerializationException", f"{_short(path)} must be a string.")
        value.encode()  # a ValueError for half of a surrogate pair
        if shape.enum and value not in shape.enum:
            _report_constraint(problems, value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
        elif _check_limits(shape, len(value), value, path, problems, "length"):
            pattern = shape.metadata.get("pattern")
            compiled = compile_pattern(pattern) if pattern else None
            if compiled is not None and compiled.fullmatch(value) is None:
                _report_constraint(problems, value, path, f"satisfy regular expression pattern: {pattern}")
        return value
    if kind in INTEGER_BOUNDS:
        if isinstance(value, bool) or not isinstance(value, int) or not -INTEGER_BOUNDS[kind] <= value < INTEGER_BOUNDS[kind]:
            raise AWSError("SerializationException", f"{_short(path)} must be a whole number of its type.")
        _check_limits(shape, value, value, path, problems, "value")
        return value
    if kind in {"float", "double"}:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**1023:
            raise AWSError("SerializationException", f"{_short(path)} must be a number.")
        _check_limits(shape, value, value, path, problems, "value")
        return float(value)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise AWSError("SerializationException", f"{_short(path)} must be true or false.")
        return value
    if kind == "timestamp":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_TIMESTAMP:
            raise AWSError("SerializationException", f"{_short(path)} must be a time in seconds since the epoch.")
        return float(value)
    return value


def _check_limits(shape: Any, size: float, value: Any, path: str, problems: list[str], what: str) -> bool:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        _report_constraint(problems, value, path, f"have {what} greater than or equal to {low}")
        return False
    if high is not None and size > high:
        _report_constraint(problems, value, path, f"have {what} less than or equal to {high}")
        return False
    return True


def _report_constraint(problems: list[str], value: Any, path: str, constraint: str) -> None:
    _add_problem(problems, f"Value '{_short(value)}' at '{_short(path)}' failed to satisfy constraint: Member must {constraint}")


def _add_problem(problems: list[str], problem: str) -> None:
    problems.append(problem)
    if len(problems) == MAX_PROBLEMS:
        raise _TooManyProblems


MAX_PROBLEMS = 100


def _short(value: Any) -> str:
    """The beginning of a value, for a message."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, int | float) else json.dumps(value)
    return text if len(text) <= 256 else f"{text[:256]}…"


CHARACTER_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{Alnum}": "a-zA-Z0-9",
}
"""Java's character classes and their equivalent in Python; a pattern with other classes is not checked."""


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    for theirs, ours in CHARACTER_CLASSES.items():
        pattern = pattern.replace(theirs, ours)
    try:
        return re.compile(re.sub(r"\$\{\d+,\d+\}$", "$", pattern), re.DOTALL if pattern in {".*", "(?s).*"} else 0)
    except re.error:
        return None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def parse_query(operation: OperationModel, parameters: dict[str, str]) -> Request:
    """The request of a query-protocol call (``Name``, ``Name.member.N``, ``Name.Inner``), by the operation's input shape."""
    if operation.input_shape is None:
        return {}
    return dict(_from_query(operation.input_shape, "", parameters) or {})


def _from_query(shape: Any, at: str, given: dict[str, str]) -> Any:
    if shape.type_name == "structure":
        inner = {name: _from_query(member, f"{at}.{name}" if at else name, given) for name, member in shape.members.items()}
        return {name: value for name, value in inner.items() if value is not None} or None
    if shape.type_name == "list":
        prefix = f"{at}.member."
        heads = {key.removeprefix(prefix).partition(".")[0] for key in given if key.startswith(prefix)}
        numbers = sorted(int(head) for head in heads if re.fullmatch("[0-9]{1,6}", head))
        return [_from_query(shape.member, f"{prefix}{number}", given) for number in numbers] or ([] if at in given else None)
    text = given.get(at)
    try:
        if text is not None and shape.type_name in {"integer", "long"}:
            return int(text)
        if text is not None and shape.type_name in {"float", "double"}:
            return float(text)
    except ValueError as error:
        raise AWSError("MalformedInput", f"{at} must be a number.") from error
    if text is not None and shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text
