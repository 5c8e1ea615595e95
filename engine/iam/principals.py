"""IAM and STS: the account's user, its roles, their inline policies, sessions of a role."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from engine.context import ACCOUNT, CALLER, ENGINE_USER, AWSError, Context, Principal, Request, Response, operation
from engine.iam import policies, sessions
from engine.iam.policies import ConditionValues, Decision, MalformedPolicy
from engine.iam.sessions import principal_id
from engine.paging import paginate
from engine.store.records import Body, RecordExists

EXECUTION_ROLE = "governance-execution"
"""The role of the jobs. It and the user may do everything until they're given a policy; every other role may do what its policies say."""
EXECUTION_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
"""Who may take the execution role."""
MAX_SESSION_SECONDS = 12 * 3600


def assumed_role_principal(name: str, session: str, tags: tuple[tuple[str, str], ...] = ()) -> Principal:
    return Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}", "role", name, tags)


def decide_access(context: Context, principal: Principal, action: str, resource: str, values: ConditionValues) -> Decision:
    """What a principal's policies say to an action on a resource."""
    texts = _inline_policies(context, principal.kind, principal.name)
    if not texts and (principal == ENGINE_USER or (principal.kind, principal.name) == ("role", EXECUTION_ROLE)):
        return "allowed"
    return policies.evaluate((statement for text in texts for statement in _cached_statements(text)), action, resource, values)


def has_full_access(context: Context, principal: Principal) -> bool:
    """Whether it needs no asking."""
    first = principal == ENGINE_USER or (principal.kind, principal.name) == ("role", EXECUTION_ROLE)
    return first and not _inline_policies(context, principal.kind, principal.name)


@lru_cache(maxsize=64)
def _cached_statements(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(policies.parse_policy(text))


def _inline_policies(context: Context, kind: str, name: str) -> list[str]:
    body = context.store.get(f"iam-{kind}", name)
    return list(body["Policies"].values()) if body else []


# roles and users -----------------------------------------------------------------------------------


def _require_entity(context: Context, kind: str, name: str) -> Body:
    """A user's or role's record. Raises NoSuchEntity."""
    body = context.store.get(f"iam-{kind}", name)
    if body is None and (kind, name) == ("user", ENGINE_USER.name):
        return {"Policies": {}}
    if body is None and (kind, name) == ("role", EXECUTION_ROLE):
        return {"Role": _role_record(EXECUTION_ROLE, EXECUTION_TRUST_POLICY, 0.0, 3600), "Policies": {}}
    if body is None:
        raise AWSError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)
    return body


def _role_record(name: str, trust: Any, now: float, longest: int) -> Body:
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAGOVERNANCELOCAL00",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "CreateDate": now,
        "AssumeRolePolicyDocument": quote(json.dumps(trust)),
        "MaxSessionDuration": longest,
    }


@operation("iam", "CreateRole")
def create_role(context: Context, request: Request) -> Response:
    trust = _parse_document(request["AssumeRolePolicyDocument"], trust=True)
    role = _role_record(request["RoleName"], trust, context.now(), request.get("MaxSessionDuration", 3600))
    try:
        if request["RoleName"] == EXECUTION_ROLE:
            raise RecordExists(EXECUTION_ROLE)
        context.store.insert("iam-role", request["RoleName"], {"Role": role, "Trust": trust, "Policies": {}}, arn=None, now=context.now())
    except RecordExists as error:
        raise AWSError("EntityAlreadyExists", f"Role with name {request['RoleName']} already exists.", 409) from error
    return {"Role": role}


@operation("iam", "GetRole")
def get_role(context: Context, request: Request) -> Response:
    return {"Role": _require_entity(context, "role", request["RoleName"])["Role"]}


@operation("iam", "DeleteRole")
def delete_role(context: Context, request: Request) -> Response:
    if _require_entity(context, "role", request["RoleName"])["Policies"]:
        raise AWSError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    if not context.store.delete("iam-role", request["RoleName"]):
        raise AWSError("UnmodifiableEntity", f"The role {request['RoleName']} is the engine's own.")
    return {}


def _parse_document(text: str, *, trust: bool = False) -> Any:
    try:
        document = json.loads(text)
        if trust:
            _ = document["Statement"]
        else:
            policies.parse_policy(text)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        message = str(error) if isinstance(error, MalformedPolicy) else "This policy is not a JSON document with a Statement."
        raise AWSError("MalformedPolicyDocument", message) from error
    return document


def _change_policy(context: Context, kind: str, name: str, policy: str, document: str | None) -> None:
    now = context.now()
    with context.store.transaction():
        body = _require_entity(context, kind, name)
        if document is None and policy not in body["Policies"]:
            raise AWSError("NoSuchEntity", f"The {kind} policy with name {policy} cannot be found.", 404)
        kept = {key: text for key, text in body["Policies"].items() if key != policy}
        body = body | {"Policies": kept if document is None else kept | {policy: document}}
        if context.store.update(f"iam-{kind}", name, lambda _: body, now=now) is None:
            context.store.insert(f"iam-{kind}", name, body, arn=None, now=now)


@operation("iam", "PutRolePolicy")
def put_role_policy(context: Context, request: Request) -> Response:
    _parse_document(request["PolicyDocument"])
    _change_policy(context, "role", request["RoleName"], request["PolicyName"], request["PolicyDocument"])
    return {}


@operation("iam", "DeleteRolePolicy")
def delete_role_policy(context: Context, request: Request) -> Response:
    _change_policy(context, "role", request["RoleName"], request["PolicyName"], None)
    return {}


@operation("iam", "GetRolePolicy")
def get_role_policy(context: Context, request: Request) -> Response:
    text = _require_entity(context, "role", request["RoleName"])["Policies"].get(request["PolicyName"])
    if text is None:
        raise AWSError("NoSuchEntity", f"The role policy with name {request['PolicyName']} cannot be found.", 404)
    return {"RoleName": request["RoleName"], "PolicyName": request["PolicyName"], "PolicyDocument": quote(text)}


@operation("iam", "ListRolePolicies")
def list_role_policies(context: Context, request: Request) -> Response:
    names = sorted(_require_entity(context, "role", request["RoleName"])["Policies"])
    page, marker = _page_by_marker(names, request)
    return {"PolicyNames": page, "IsTruncated": marker is not None, "Marker": marker}


@operation("iam", "PutUserPolicy")
def put_user_policy(context: Context, request: Request) -> Response:
    _parse_document(request["PolicyDocument"])
    _change_policy(context, "user", request["UserName"], request["PolicyName"], request["PolicyDocument"])
    return {}


@operation("iam", "DeleteUserPolicy")
def delete_user_policy(context: Context, request: Request) -> Response:
    _change_policy(context, "user", request["UserName"], request["PolicyName"], None)
    return {}


def _page_by_marker(items: list[Any], request: Request) -> tuple[list[Any], str | None]:
    names = {"Marker": "NextToken", "MaxItems": "MaxResults"}
    page, marker = paginate(items, {names.get(name, name): value for name, value in request.items()}, 100)
    return list(page), marker


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(context: Context, request: Request) -> Response:
    """What the principal's policies would say to each action on each resource, given the context's entries."""
    source = request["PolicySourceArn"]
    kind, _, name = source.removeprefix(f"arn:aws:iam::{ACCOUNT}:").partition("/")
    if kind not in {"user", "role"}:
        raise AWSError("InvalidInput", f"{source} is no user or role of this account.")
    record = _require_entity(context, kind, name)
    principal = ENGINE_USER if (kind, name) == ("user", ENGINE_USER.name) else Principal(str(record["Role"]["Arn"]), kind, name)
    values = {entry["ContextKeyName"].lower(): list(entry.get("ContextKeyValues", [])) for entry in request.get("ContextEntries", [])}
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decide_access(context, principal, action, resource, values),
            "MissingContextValues": [],
        }
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns", ["*"])
    ]
    page, marker = _page_by_marker(results, request)
    return {"EvaluationResults": page, "IsTruncated": marker is not None, "Marker": marker}


# sessions ------------------------------------------------------------------------------------------


@operation("sts", "GetCallerIdentity")
def get_caller_identity(context: Context, request: Request) -> Response:
    caller = CALLER.get()
    return {"UserId": principal_id(caller), "Account": ACCOUNT, "Arn": caller.arn}


@operation("sts", "AssumeRole")
def assume_role(context: Context, request: Request) -> Response:
    name = request["RoleArn"].removeprefix(f"arn:aws:iam::{ACCOUNT}:role/")
    record = context.store.get("iam-role", name)
    caller, seconds = CALLER.get(), request.get("DurationSeconds", 3600)
    refused = AWSError(
        "AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {request['RoleArn']}", 403
    )
    if record is None or not _trusts(record["Trust"], caller):
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
