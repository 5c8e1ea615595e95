"""STS: who the caller is, and sessions of a role."""

from __future__ import annotations

from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.iam import sessions
from engine.iam.access_decisions import assumed_role_principal
from engine.iam.sessions import principal_id
from engine.operations import given, operation
from engine.principal import ACCOUNT, CALLER, Principal

MAX_SESSION_SECONDS = 12 * 3600


@operation("sts", "GetCallerIdentity", on=None)
def get_caller_identity(context: Context, request: Request) -> Response:
    caller = CALLER.get()
    return {"UserId": principal_id(caller), "Account": ACCOUNT, "Arn": caller.arn}


@operation("sts", "AssumeRole", on=given("RoleArn"))
def assume_role(context: Context, request: Request) -> Response:
    name = request["RoleArn"].removeprefix(f"arn:aws:iam::{ACCOUNT}:role/")
    record = context.store.get("iam-role", name)
    caller, seconds = CALLER.get(), request.get("DurationSeconds", 3600)
    refused = AWSError(
        "AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {request['RoleArn']}", 403
    )
    if record is None or "Trust" not in record or not _trusts(record["Trust"], caller):  # the jobs' own role trusts SageMaker alone
        raise refused
    if seconds > min(MAX_SESSION_SECONDS, record["Role"]["MaxSessionDuration"]):
        raise AWSError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    tags = tuple((tag["Key"], tag["Value"]) for tag in request.get("Tags") or [])
    principal = assumed_role_principal(name, request["RoleSessionName"], tags)
    session = sessions.begin_session(context.keys, principal, context.now() + seconds)
    credentials = {
        "AccessKeyId": session.keys.access_key_id,
        "SecretAccessKey": session.keys.secret_access_key,
        "SessionToken": session.token,
        "Expiration": session.expires,
    }
    return {
        "Credentials": credentials,
        "AssumedRoleUser": {"AssumedRoleId": principal_id(principal), "Arn": principal.arn},
    }


def _trusts(trust: Any, caller: Principal) -> bool:
    """Whether a trust policy names the caller, or the whole account."""
    statements = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    known = {"*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", caller.arn, f"arn:aws:iam::{ACCOUNT}:{caller.kind}/{caller.name}"}
    for statement in statements:
        named = statement.get("Principal", {})
        named = named.get("AWS", []) if isinstance(named, dict) else named
        named = named if isinstance(named, list) else [named]
        if statement.get("Effect") == "Allow" and known & set(named):
            return True
    return False
