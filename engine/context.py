"""What every operation of the engine is given: the workspace, the stores, the queue of jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.principal import ACCOUNT, AccessKeys
from engine.store.objects import ObjectStore
from engine.store.records import Body, Store

Request = dict[str, Any]
Response = dict[str, Any]


class Jobs(Protocol):
    """What operations and the runner of tuning jobs ask of the queue of jobs (``engine.jobs.job_queue``)."""

    closing: bool
    """The engine stops: no job may be started, or recorded as ended, any more."""
    change_count: int
    """A number that grows with every job that ends or is cancelled."""

    def require_capacity(self, kind: str) -> None:
        """Raises ResourceLimitExceeded when the queue can't take one more job of that kind."""

    def submit(self, kind: str, name: str, *, elapsed: float = 0) -> None:
        """Run a job as soon as a worker is free. ``elapsed``: seconds since its creation, for a job that a crash interrupted."""

    def cancel(self, kind: str, name: str) -> None:
        """Stop a job that runs or waits."""

    def notify_waiters(self) -> None:
        """Make every ``wait_for_change`` return."""

    def wait_for_change(self, seconds: float, seen_count: int) -> None:
        """Return when a job has ended or was cancelled since ``change_count`` was ``seen_count``, or after ``seconds``."""

    def finish_job(
        self,
        kind: str,
        name: str,
        status: str,
        reason: str | None = None,
        *,
        metrics: dict[str, float] | None = None,
        extra: Body | None = None,
    ) -> None:
        """Move a job to its final state, once, and record its lineage."""


@dataclass
class Context:
    """The engine's parts. The caller of the request that is being answered is ``principal.CALLER``."""

    workspace: Path
    region: str
    store: Store
    objects: ObjectStore
    endpoint: str = ""
    keys: AccessKeys = field(init=False)
    jobs: Jobs = field(init=False)
    now: Callable[[], float] = field(default=time.time)

    @property
    def role_arn(self) -> str:
        """The ARN of the execution role, the only role that the engine starts with."""
        return f"arn:aws:iam::{ACCOUNT}:role/governance-execution"

    def arn(self, resource: str) -> str:
        """The SageMaker ARN of ``resource``, e.g. ``training-job/my-job``."""
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:{resource}"
