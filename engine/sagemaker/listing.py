"""What every List operation of SageMaker shares: its filters, sort and paging."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.store.records import Body, InvalidPageToken

SORT_COLUMNS = {"Name": "name", "CreationTime": "created", "Status": "status", "LastModifiedTime": "modified", "ModifiedTime": "modified"}
TIME_FILTERS = {
    "CreationTimeAfter": ("created", ">"),
    "CreationTimeBefore": ("created", "<"),
    "CreatedAfter": ("created", ">"),
    "CreatedBefore": ("created", "<"),
    "LastModifiedTimeAfter": ("modified", ">"),
    "LastModifiedTimeBefore": ("modified", "<"),
}


def resource_not_found_error() -> AWSError:
    """SageMaker's answer for a job that doesn't exist."""
    return AWSError("ResourceNotFound", "Requested resource not found.")


def page_response(
    context: Context,
    kind: str,
    request: Request,
    *,
    result_member: str,
    summarize: Callable[[Body], Body],
    where: Iterable[tuple[str, str, Any]] = (),
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
    sort_columns: Mapping[str, str] = SORT_COLUMNS,
) -> Response:
    """One page: ``{result_member: [summaries], "NextToken": …}``. ``where``: conditions besides the filters that all lists have."""
    conditions = list(where)
    if "NameContains" in request:
        conditions.append(("name", "contains", request["NameContains"]))
    if "StatusEquals" in request:
        conditions.append(("status", "=", request["StatusEquals"]))
    for member, (column, comparison) in TIME_FILTERS.items():
        if member in request:
            conditions.append((column, comparison, request[member]))
    try:
        bodies, token = context.store.read_page(
            kind,
            where=conditions,
            sort=sort_columns.get(request.get("SortBy", default_sort), "created"),
            descending=request.get("SortOrder", default_order) == "Descending",
            limit=request.get("MaxResults", 10 if kind.endswith("-job") else 100),
            token=request.get("NextToken"),
        )
    except InvalidPageToken as error:
        raise AWSError("ValidationException", "Invalid NextToken: it was not returned by this operation for this request.") from error
    return {result_member: [summarize(body) for body in bodies], "NextToken": token}


def request_tags(request: Request) -> dict[str, str]:
    """The Tags of a request as a dict."""
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
