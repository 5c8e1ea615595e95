"""What every operation of the engine is handed, and how operations are registered."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.iam.sigv4 import AccessKeys
    from engine.jobs.job_queue import JobQueue
    from engine.store.objects import ObjectStore
    from engine.store.records import Store

ACCOUNT = "000000000000"
"""The account id of the embedded engine: plainly not a real one."""

Request = dict[str, Any]
Response = dict[str, Any]
Handler = Callable[["Context", Request], Response]


class AWSError(Exception):
    """An error that goes over the wire with AWS's own code.

    ``code`` is the shape name that the service model declares (``ResourceNotFound``,
    ``ResourceInUse``, ``ResourceLimitExceeded``, ``ConflictException``) or one of the common
    errors (``ValidationException``, ``AccessDeniedException``, ``ThrottlingException``).
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class Principal:
    """Who calls: ``arn`` as STS names it; ``kind`` (``user`` or ``role``) and ``name`` are whose policies hold; ``tags``: the session's."""

    arn: str
    kind: str
    name: str
    tags: tuple[tuple[str, str], ...] = ()


ENGINE_USER = Principal(f"arn:aws:iam::{ACCOUNT}:user/governance", "user", "governance")
"""Whoever signs with the engine's own keys."""
CALLER: ContextVar[Principal] = ContextVar("caller", default=ENGINE_USER)
"""Who made the request that is being answered."""


@dataclass
class Context:
    """The engine's parts, and who calls."""

    workspace: Path
    region: str
    store: Store
    objects: ObjectStore
    endpoint: str = ""
    keys: AccessKeys = field(init=False)
    jobs: JobQueue = field(init=False)
    now: Callable[[], float] = field(default=time.time)

    @property
    def role_arn(self) -> str:
        """The one execution role that the engine knows."""
        return f"arn:aws:iam::{ACCOUNT}:role/governance-execution"

    def arn(self, resource: str) -> str:
        """The SageMaker ARN of ``resource``, e.g. ``training-job/my-job``."""
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:{resource}"


OPERATIONS: dict[tuple[str, str], Handler] = {}
"""(service, operation) -> handler; filled by ``@operation`` when a module is imported."""


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register a handler for an operation as botocore's service model names it.

    The handler gets the request already parsed and validated against the model, and returns a
    dict in the model's output shape; times are float epoch seconds. Errors are ``AWSError``.
    """

    def register(handler: Handler) -> Handler:
        OPERATIONS[(service, name)] = handler
        return handler

    return register
