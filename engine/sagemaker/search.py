"""Search: resources by any of their properties (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, operation
from engine.paging import paginate
from engine.sagemaker.tracking.trial_components import TRIALS_MEMBER
from engine.service_models import operation_model
from engine.store.records import Body, pick

SEARCHABLE_RESOURCES = {
    "TrainingJob": ("training-job", "TrainingJob"),
    "HyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJob"),
    "Experiment": ("experiment", "Experiment"),
    "ExperimentTrial": ("experiment-trial", "Trial"),
    "ExperimentTrialComponent": ("experiment-trial-component", "TrialComponent"),
    "Model": ("model", "Model"),
    "ModelPackage": ("model-package", "ModelPackage"),
    "ModelPackageGroup": ("model-package-group", "ModelPackageGroup"),
    "ModelCard": ("model-card", "ModelCard"),
}
"""Resource of a search -> kind of record, and the member that its results are in."""
ORDER_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanOrEqualTo": lambda a, b: a >= b,
    "LessThan": lambda a, b: a < b,
    "LessThanOrEqualTo": lambda a, b: a <= b,
}


@operation("sagemaker", "Search", on=ANY_RESOURCE)
def search(context: Context, request: Request) -> Response:
    if request["Resource"] not in SEARCHABLE_RESOURCES:
        raise AWSError(
            "ValidationException", f"This engine has no {request['Resource']} to search: it has {', '.join(SEARCHABLE_RESOURCES)}."
        )
    kind, member = SEARCHABLE_RESOURCES[request["Resource"]]
    shown = _result_members(member)
    expression = request.get("SearchExpression") or {}
    found = [body for body in _all_records(context, kind) if matches_expression(body, expression)]
    by = request.get("SortBy") or "LastModifiedTime"
    found.sort(key=lambda body: _sort_key(body, by), reverse=request.get("SortOrder") != "Ascending")
    page, token = paginate(found, request)
    results = [{member: {"Model": pick(body, *shown)} if member == "Model" else pick(body, *shown)} for body in page]
    return {"Results": results, "NextToken": token, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


@lru_cache
def _result_members(member: str) -> tuple[str, ...]:
    """The members of a record that a search shows."""
    output: Any = operation_model("sagemaker", "Search").output_shape
    record = output.members["Results"].member.members[member]
    return tuple((record.members["Model"] if member == "Model" else record).members)


def _all_records(context: Context, kind: str) -> Iterator[Body]:
    """Every record of the kind, with the members that only Search shows: its tags, and the trials of a trial component."""
    token = None
    while True:
        bodies, token = context.store.read_page(kind, limit=500, token=token)
        for body in bodies:
            arns = [value for key, value in body.items() if key.endswith("Arn") and context.arn(f"{kind}/") in str(value)]
            tags = context.store.read_tags(arns[0]) if arns else {}
            body["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
            if TRIALS_MEMBER in body:
                trials = [trial for name in body[TRIALS_MEMBER] if (trial := context.store.get("experiment-trial", name)) is not None]
                body["Parents"] = [{"TrialName": t["TrialName"], "ExperimentName": t["ExperimentName"]} for t in trials]
            yield body
        if token is None:
            return


def matches_expression(body: Body, expression: Request) -> bool:
    """Whether the record meets a SearchExpression; every record meets one without conditions."""
    checks = [_meets_filter(body, entry) for entry in expression.get("Filters") or ()]
    for nested in expression.get("NestedFilters") or ():
        objects = values_at_path(body, nested["NestedPropertyName"])
        checks.append(
            any(
                all(_meets_filter(item, _relative_filter(entry, nested)) for entry in nested["Filters"])
                for item in objects
                if isinstance(item, dict)
            )
        )
    checks += [matches_expression(body, entry) for entry in expression.get("SubExpressions") or ()]
    return (any if expression.get("Operator") == "Or" else all)(checks) if checks else True


def _relative_filter(entry: Request, nested: Request) -> Request:
    """A nested filter names its property in full, from the resource on."""
    return entry | {"Name": entry["Name"].removeprefix(nested["NestedPropertyName"] + ".")}


def values_at_path(body: Any, path: str) -> list[Any]:
    """The values at a dotted path. It goes through lists, and finds tags by key, metrics by name and parameters by value."""
    if isinstance(body, list):
        keys = {"Key": "Value", "MetricName": "Value"}
        found = [value for item in body for value in values_at_path(item, path)]
        for item in body:
            for key, value in keys.items():
                if isinstance(item, dict) and key in item and (path == item[key] or path.startswith(f"{item[key]}.")):
                    rest = path[len(str(item[key])) + 1 :]
                    found += values_at_path(item, rest) if rest else [item.get(value, item.get("Last"))]
        return found
    if not isinstance(body, dict):
        return []
    parts = path.split(".")
    for i in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:i]), ".".join(parts[i:])
        if key in body and body[key] is not None:
            if rest:
                return values_at_path(body[key], rest)
            value = body[key]
            if isinstance(value, dict) and value.keys() & {"NumberValue", "StringValue"}:
                return list(value.values())
            return value if isinstance(value, list) else [value]
    return []


def _meets_filter(body: Body, entry: Request) -> bool:
    """One condition. Numbers and times compare as such, everything else as text; NotEquals is met only by records with the property."""
    operator = entry.get("Operator") or "Equals"
    found = values_at_path(body, entry["Name"])
    if operator in {"Exists", "NotExists"}:
        return bool(found) == (operator == "Exists")
    wanted = entry.get("Value")
    if wanted is None:
        raise AWSError("ValidationException", f"The filter on {entry['Name']} needs a Value.")
    if operator == "In":
        return any(_equal(value, text.strip()) for value in found for text in wanted.split(","))
    if operator == "Contains":
        return any(wanted.lower() in str(value).lower() for value in found)
    if operator == "Equals":
        return any(_equal(value, wanted) for value in found)
    if operator == "NotEquals":
        return bool(found) and not any(_equal(value, wanted) for value in found)
    return any(_meets_order(value, wanted, operator) for value in found)


def _comparable_number(value: Any) -> float | None:
    """A number, or the seconds of a time such as 2026-01-31T12:00:00Z."""
    if isinstance(value, bool):
        return None
    with contextlib.suppress(TypeError, ValueError):
        return float(value)
    with contextlib.suppress(TypeError, ValueError):
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return str(value).lower() == wanted.lower()
    left, right = _comparable_number(value), _comparable_number(wanted)
    return str(value) == wanted or (left is not None and left == right)


def _meets_order(value: Any, wanted: str, operator: str) -> bool:
    left, right = _comparable_number(value), _comparable_number(wanted)
    return left is not None and right is not None and ORDER_COMPARISONS[operator](left, right)


def _sort_key(body: Body, by: str) -> tuple[int, float, str]:
    """Records without the property first, then by number or time, then by text."""
    found = values_at_path(body, by) or (values_at_path(body, "CreationTime") if by == "LastModifiedTime" else [])
    if not found:
        return (0, 0.0, "")
    number = _comparable_number(found[0])
    return (1, number, "") if number is not None else (2, 0.0, str(found[0]))
