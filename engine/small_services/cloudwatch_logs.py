"""Reading CloudWatch Logs: the log groups of training and processing jobs."""

from __future__ import annotations

import re

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.jobs.states import LOG_GROUPS
from engine.operations import matching, operation
from engine.principal import ACCOUNT

ALL_LOG_GROUPS = matching("arn:aws:logs:{region}:{account}:log-group:*:*")
LOG_GROUP = matching("arn:aws:logs:{region}:{account}:log-group:{logGroupName}:*", "logGroupName")
LOG_STREAM = matching(
    "arn:aws:logs:{region}:{account}:log-group:{logGroupName}:log-stream:{logStreamName}", "logGroupName", "logStreamName"
)
NO_LIMIT = -1
"""No LIMIT, in SQLite."""


def _require_log_group(request: Request) -> str:
    """The log group that a request names. Raises ResourceNotFoundException for one that the engine doesn't have."""
    identifier = request.get("logGroupIdentifier", "").removesuffix(":*")
    group = str(request.get("logGroupName") or identifier.rpartition(":log-group:")[2])
    if group not in LOG_GROUPS.values():
        raise AWSError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


@operation("logs", "DescribeLogGroups", on=ALL_LOG_GROUPS)
def describe_log_groups(context: Context, request: Request) -> Response:
    prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    names = [name for name in LOG_GROUPS.values() if name.startswith(prefix) and part in name]
    start, limit = _parse_offset(request.get("nextToken")), request.get("limit", 50)
    arn = f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:"
    groups = [{"logGroupName": name, "arn": f"{arn}{name}:*", "creationTime": 0, "storedBytes": 0} for name in names[start : start + limit]]
    return {"logGroups": groups, "nextToken": str(start + limit) if start + limit < len(names) else None}


@operation("logs", "DescribeLogStreams", on=LOG_GROUP)
def describe_log_streams(context: Context, request: Request) -> Response:
    group = _require_log_group(request)
    streams = context.store.list_log_streams(group, request.get("logStreamNamePrefix", ""))
    if request.get("orderBy") == "LastEventTime":
        streams.sort(key=lambda stream: stream[2])
    if request.get("descending"):
        streams.reverse()
    start, limit = _parse_offset(request.get("nextToken")), request.get("limit", 50)
    arn = f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:{group}:log-stream:"
    page = [
        {"logStreamName": name, "creationTime": first, "firstEventTimestamp": first, "lastEventTimestamp": last, "arn": arn + name}
        for name, first, last in streams[start : start + limit]
    ]
    return {"logStreams": page, "nextToken": str(start + limit) if start + limit < len(streams) else None}


@operation("logs", "GetLogEvents", on=LOG_STREAM)
def get_log_events(context: Context, request: Request) -> Response:
    """Events in order, beginning with the last page, or with ``startFromHead`` the first. As in CloudWatch, the last token repeats."""
    group, stream = _require_log_group(request), request["logStreamName"]
    if not context.store.read_log_events(group, stream, limit=1):
        raise AWSError("ResourceNotFoundException", "The specified log stream does not exist.")
    token = request.get("nextToken")
    found = re.fullmatch("([fb])/([0-9]{1,15})", token) if token is not None else None
    if token is not None and found is None:
        raise AWSError("InvalidParameterException", "The specified nextToken is invalid.")
    limit, start, end = request.get("limit", 10_000), request.get("startTime"), request.get("endTime")
    forward = found[1] == "f" if found else request.get("startFromHead", False)
    at = int(found[2]) if found else 0
    if forward:
        events = context.store.read_log_events(group, stream, after=at, limit=limit, start=start, end=end)
    else:
        events = context.store.read_log_events(group, stream, limit=NO_LIMIT, start=start, end=end)
        events = [event for event in events if found is None or event[0] < at][-limit:]
    newest, oldest = (events[-1][0], events[0][0]) if events else (at if forward else max(at - 1, 0), at + 1 if forward else at)
    return {
        "events": [{"timestamp": at, "message": message, "ingestionTime": at} for _, at, message in events],
        "nextForwardToken": f"f/{newest}",
        "nextBackwardToken": f"b/{oldest}",
    }


@operation("logs", "FilterLogEvents", on=LOG_GROUP)
def filter_log_events(context: Context, request: Request) -> Response:
    """Events that contain the pattern's text, of the streams whose names start with the prefix."""
    group = _require_log_group(request)
    names = set(request.get("logStreamNames", []))
    text = request.get("filterPattern", "").strip()
    text = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if text[:1] in {"{", "[", "%", "?", "-"} or (" " in text and not request["filterPattern"].strip().startswith('"')):
        raise AWSError("InvalidParameterException", "This engine filters by one term or one quoted phrase.")
    rows = [
        (at, id_, stream, message)
        for stream, _, _ in context.store.list_log_streams(group, request.get("logStreamNamePrefix", ""))
        if not names or stream in names
        for id_, at, message in context.store.read_log_events(
            group, stream, limit=NO_LIMIT, start=request.get("startTime"), end=request.get("endTime")
        )
        if text in message
    ]
    rows.sort()
    start, limit = _parse_offset(request.get("nextToken")), request.get("limit", 10_000)
    events = [
        {"logStreamName": s, "timestamp": at, "message": m, "ingestionTime": at, "eventId": str(i)}
        for at, i, s, m in rows[start : start + limit]
    ]
    return {"events": events, "nextToken": str(start + limit) if start + limit < len(rows) else None}


def _parse_offset(token: str | None) -> int:
    if token is None:
        return 0
    if not re.fullmatch("[0-9]{1,15}", token):
        raise AWSError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(token)
