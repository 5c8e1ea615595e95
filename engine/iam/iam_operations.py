"""IAM: the account's user, its roles, their inline policies."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.iam import policies
from engine.iam.access_decisions import EXECUTION_ROLE, decide_access
from engine.iam.policies import MalformedPolicy
from engine.operations import given, matching, operation
from engine.paging import paginate
from engine.principal import ACCOUNT, ENGINE_USER, Principal
from engine.store.records import Body, RecordExists

ROLE = matching("arn:aws:iam::{account}:role/{RoleName}", "RoleName")
USER = matching("arn:aws:iam::{account}:user/{UserName}", "UserName")
EXECUTION_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
"""The execution role's trust policy: SageMaker may assume it."""


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


@operation("iam", "CreateRole", on=ROLE)
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


@operation("iam", "GetRole", on=ROLE)
def get_role(context: Context, request: Request) -> Response:
    return {"Role": _require_entity(context, "role", request["RoleName"])["Role"]}


@operation("iam", "DeleteRole", on=ROLE)
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


@operation("iam", "PutRolePolicy", on=ROLE)
def put_role_policy(context: Context, request: Request) -> Response:
    _parse_document(request["PolicyDocument"])
    _change_policy(context, "role", request["RoleName"], request["PolicyName"], request["PolicyDocument"])
    return {}


@operation("iam", "DeleteRolePolicy", on=ROLE)
def delete_role_policy(context: Context, request: Request) -> Response:
    _change_policy(context, "role", request["RoleName"], request["PolicyName"], None)
    return {}


@operation("iam", "GetRolePolicy", on=ROLE)
def get_role_policy(context: Context, request: Request) -> Response:
    text = _require_entity(context, "role", request["RoleName"])["Policies"].get(request["PolicyName"])
    if text is None:
        raise AWSError("NoSuchEntity", f"The role policy with name {request['PolicyName']} cannot be found.", 404)
    return {"RoleName": request["RoleName"], "PolicyName": request["PolicyName"], "PolicyDocument": quote(text)}


@operation("iam", "ListRolePolicies", on=ROLE)
def list_role_policies(context: Context, request: Request) -> Response:
    names = sorted(_require_entity(context, "role", request["RoleName"])["Policies"])
    page, marker = _page_by_marker(names, request)
    return {"PolicyNames": page, "IsTruncated": marker is not None, "Marker": marker}


@operation("iam", "PutUserPolicy", on=USER)
def put_user_policy(context: Context, request: Request) -> Response:
    _parse_document(request["PolicyDocument"])
    _change_policy(context, "user", request["UserName"], request["PolicyName"], request["PolicyDocument"])
    return {}


@operation("iam", "DeleteUserPolicy", on=USER)
def delete_user_policy(context: Context, request: Request) -> Response:
    _change_policy(context, "user", request["UserName"], request["PolicyName"], None)
    return {}


def _page_by_marker(items: list[Any], request: Request) -> tuple[list[Any], str | None]:
    names = {"Marker": "NextToken", "MaxItems": "MaxResults"}
    page, marker = paginate(items, {names.get(name, name): value for name, value in request.items()}, 100)
    return list(page), marker


@operation("iam", "SimulatePrincipalPolicy", on=given("PolicySourceArn"))
def simulate_principal_policy(context: Context, request: Request) -> Response:
    """Whether the principal's policies would allow each action on each resource, with the condition values of ContextEntries."""
    source = request["PolicySourceArn"]
    kind, _, name = source.removeprefix(f"arn:aws:iam::{ACCOUNT}:").partition("/")
    if kind not in {"user", "role"}:
        raise AWSError("InvalidInput", f"{source} isn't a user or role of this account.")
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
