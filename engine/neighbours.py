"""The small neighbours that SageMaker's clients call: STS, IAM, and reading CloudWatch Logs."""

from __future__ import annotations

import json
from urllib.parse import quote

from engine.context import ACCOUNT, AWSError, Context, Request, Response, operation

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
"""Who may take the execution role."""


@operation("sts", "GetCallerIdentity")
def get_caller_identity(context: Context, request: Request) -> Response:
    return {"UserId": "AIDAGOVERNANCELOCAL00", "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/governance"}


@operation("iam", "GetRole")
def get_role(context: Context, request: Request) -> Response:
    name = context.role_arn.rsplit("/", 1)[-1]
    if request["RoleName"] != name:
        raise AWSError("NoSuchEntity", f"The role with name {request['RoleName']} cannot be found.", 404)
    role = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAGOVERNANCELOCAL00",
        "Arn": context.role_arn,
        "CreateDate": 0.0,
        "AssumeRolePolicyDocument": quote(json.dumps(TRUST)),
        "MaxSessionDuration": 3600,
    }
    return {"Role": role}


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(context: Context, request: Request) -> Response:
    """The engine has one principal, and that one may do whatever the engine serves."""
    resources = request.get("ResourceArns", ["*"])
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed", "MissingContextValues": []}
        for action in request["ActionNames"]
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


# logs ----------------------------------------------------------------------------------------------

GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")


def _missing() -> AWSError:
    return AWSError("ResourceNotFoundException", "The specified log stream does not exist.")


@operation("logs", "DescribeLogGroups")
def describe_log_groups(context: Context, request: Request) -> Response:
    prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    names = [name for name in GROUPS if name.startswith(prefix) and part in name]
    arn = f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:"
    return {"logGroups": [{"logGroupName": name, "arn": f"{arn}{name}:*", "creationTime": 0, "storedBytes": 0} for name in names]}


@operation("logs", "DescribeLogStreams")
def describe_log_streams(context: Context, request: Request) -> Response:
    group = request.get("logGroupName") or request.get("logGroupIdentifier", "").rpartition(":log-group:")[2]
    if group not in GROUPS:
        raise AWSError("ResourceNotFoundException", "The specified log group does not exist.")
    streams = context.store.streams(group, request.get("logStreamNamePrefix", ""))
    if request.get("orderBy") == "LastEventTime":
        streams.sort(key=lambda stream: stream[2])
    if request.get("descending"):
        streams.reverse()
    start, limit = _offset(request.get("nextToken")), request.get("limit", 50)
    arn = f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:{group}:log-stream:"
    page = [
        {"logStreamName": name, "creationTime": first, "firstEventTimestamp": first, "lastEventTimestamp": last, "arn": arn + name}
        for name, first, last in streams[start : start + limit]
    ]
    return {"logStreams": page, "nextToken": str(start + limit) if start + limit < len(streams) else None}


@operation("logs", "GetLogEvents")
def get_log_events(context: Context, request: Request) -> Response:
    """Events in order; as CloudWatch, the forward token stays the same at the end."""
    group, stream = request.get("logGroupName", ""), request["logStreamName"]
    if not any(name == stream for name, _, _ in context.store.streams(group, stream)):
        raise _missing()
    token = request.get("nextToken")
    if token is not None and token[:2] not in {"f/", "b/"}:
        raise AWSError("InvalidParameterException", "The specified nextToken is invalid.")
    limit = request.get("limit", 10_000)
    start, end = request.get("startTime"), request.get("endTime")
    if token and token.startswith("b/"):
        return {"events": [], "nextForwardToken": "f/" + token[2:], "nextBackwardToken": token}
    after = _offset(token[2:] if token else None)
    if token is None and not request.get("startFromHead", False):
        events = context.store.events(group, stream, start=start, end=end)[-limit:]
    else:
        events = context.store.events(group, stream, after=after, limit=limit, start=start, end=end)
    last = events[-1][0] if events else after
    return {
        "events": [{"timestamp": at, "message": message, "ingestionTime": at} for _, at, message in events],
        "nextForwardToken": f"f/{last}",
        "nextBackwardToken": f"b/{events[0][0] if events else after}",
    }


@operation("logs", "FilterLogEvents")
def filter_log_events(context: Context, request: Request) -> Response:
    """Events of the streams whose name starts with the prefix, that hold the pattern's text."""
    group = request.get("logGroupName", "")
    names = set(request.get("logStreamNames", []))
    text = request.get("filterPattern", "").strip().strip('"')
    rows = [
        (at, id_, stream, message)
        for stream, _, _ in context.store.streams(group, request.get("logStreamNamePrefix", ""))
        if not names or stream in names
        for id_, at, message in context.store.events(group, stream, start=request.get("startTime"), end=request.get("endTime"))
        if text in message
    ]
    rows.sort()
    start, limit = _offset(request.get("nextToken")), request.get("limit", 10_000)
    events = [
        {"logStreamName": s, "timestamp": at, "message": m, "ingestionTime": at, "eventId": str(i)}
        for at, i, s, m in rows[start : start + limit]
    ]
    return {"events": events, "nextToken": str(start + limit) if start + limit < len(rows) else None}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit() or len(token) > 15:
        raise AWSError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(token)
