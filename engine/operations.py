"""The table of the operations that the engine serves: each with its handler and the permission that it needs.

``@operation`` is the one place where an operation is registered. It must say which resource the permission is on; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.context import Context, Request, Response
from engine.principal import ACCOUNT

Handler = Callable[[Context, Request], Response]
ACTION_PREFIXES = {"service-quotas": "servicequotas", "sagemaker-metrics": "sagemaker"}
"""Services whose IAM actions have another prefix than botocore's name of the service."""


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the values that a policy's conditions may look at (condition key in small letters -> values)."""

    action: str
    resource: str
    values: Mapping[str, list[str]]


@dataclass(frozen=True)
class Resource:
    """What an operation's permission is on: the ARNs that ``arns`` reads off the request's ``parameters``."""

    parameters: tuple[str, ...]
    arns: Callable[[Context, Request], list[str]]


@dataclass(frozen=True)
class Operation:
    """An entry of the table; ``service`` and ``name`` are those of botocore's service model.

    ``resource`` is None for an operation that needs no permission. ``conditions`` gives condition keys beside those that the request's own
    members set, and ``also`` the permissions that the operation needs beside its own.
    """

    service: str
    name: str
    handler: Handler
    resource: Resource | None
    conditions: Callable[[Context, Request], Mapping[str, object]]
    also: Callable[[Context, Request], list[Permission]]

    @property
    def action(self) -> str:
        """The action that a policy names, such as ``sagemaker:CreateModel``."""
        return f"{ACTION_PREFIXES.get(self.service, self.service)}:{self.name}"


OPERATIONS: dict[tuple[str, str], Operation] = {}
"""(service, operation) -> entry; filled by ``@operation`` when the module of a handler is imported."""


def operation(
    service: str,
    name: str,
    *,
    on: Resource | None,
    conditions: Callable[[Context, Request], Mapping[str, object]] = lambda context, request: {},
    also: Callable[[Context, Request], list[Permission]] = lambda context, request: [],
) -> Callable[[Handler], Handler]:
    """Register a handler for an operation.

    The handler gets the request already parsed and validated against the service model, and returns a dict in the model's output shape;
    times are float epoch seconds. Errors are ``AWSError``. ``on`` is the resource of its permission, ``conditions`` and ``also`` are those
    of ``Operation``. Raises ValueError for an operation that is registered already.
    """

    def register(handler: Handler) -> Handler:
        if (service, name) in OPERATIONS:
            raise ValueError(f"{service}:{name} is registered twice")
        OPERATIONS[(service, name)] = Operation(service, name, handler, on, conditions, also)
        return handler

    return register


# resources -----------------------------------------------------------------------------------------

ANY_RESOURCE = Resource((), lambda context, request: ["*"])
"""For actions that IAM can't limit to a resource: a policy must allow them on ``*``."""


def named(kind: str, parameter: str) -> Resource:
    """The SageMaker resource of that kind whose name or ARN ``parameter`` is; ``*`` for a request without it."""

    def arns(context: Context, request: Request) -> list[str]:
        if parameter not in request:
            return ["*"]
        value = str(request[parameter])
        return [value if value.startswith("arn:") else context.arn(f"{kind}/{value}")]

    return Resource((parameter,), arns)


def every(kind: str) -> Resource:
    """All SageMaker resources of that kind, for an operation that can't name the one that it makes."""
    return Resource((), lambda context, request: [context.arn(f"{kind}/*")])


def given(*parameters: str) -> Resource:
    """The resources whose ARNs are in ``parameters``."""
    return Resource(parameters, lambda context, request: [str(request[parameter]) for parameter in parameters])


def matching(pattern: str, *parameters: str) -> Resource:
    """An ARN of another service, by a pattern such as ``arn:aws:iam::{account}:role/{RoleName}``; what a request doesn't name is ``*``."""

    def arns(context: Context, request: Request) -> list[str]:
        values: dict[str, Any] = {parameter: request.get(parameter, "*") for parameter in parameters}
        return [pattern.format(account=ACCOUNT, region=context.region, **values)]

    return Resource(parameters, arns)
