"""The limits of one engine. Above a limit a caller gets AWS's own error, or a job ends with the reason; the engine goes on.

Each can be set by an environment variable of the engine, ``ENGINE_REQUEST_BYTES`` and so on.
"""

from __future__ import annotations

import os

from engine.errors import AWSError


def _limit(name: str, default: int) -> int:
    text = os.environ.get(f"ENGINE_{name}", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"ENGINE_{name} must be a whole number above 0, not {text!r}")
    return int(text)


MAX_REQUEST_BYTES = _limit("REQUEST_BYTES", 10 * 1024**2)
"""A request to any service but S3, and a body of XML to S3."""
MAX_OBJECT_BYTES = _limit("OBJECT_BYTES", 5 * 1024**3)
MAX_WAITING_JOBS = _limit("WAITING_JOBS", 1000)
"""Training and processing jobs that wait for a worker; for the trials of a tuning job, MaxParallelTrainingJobs is the limit instead."""
MAX_TUNING_JOBS = _limit("TUNING_JOBS", 100)
"""Tuning jobs that run at once, as SageMaker's quota has it."""
MAX_TRIALS = _limit("TRIALS", 1000)
"""MaxNumberOfTrainingJobs of a tuning job."""
MAX_PARALLEL_TRIALS = _limit("PARALLEL_TRIALS", 100)
"""MaxParallelTrainingJobs of a tuning job."""
MAX_WORKER_BYTES = _limit("WORKER_BYTES", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
"""Memory of one job; without a setting, what the machine has."""
MAX_RUNTIME_SECONDS = 86_400
"""A job without a StoppingCondition: a day, as in SageMaker."""


def require_within_limit(limit_name: str, limit: int, used: int, requested: int = 1) -> None:
    """Raises ResourceLimitExceeded, in SageMaker's words, when ``used`` plus ``requested`` is above ``limit``."""
    if used + requested > limit:
        raise AWSError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{limit_name}' is {limit}, with current utilization of {used} and a request delta of "
            f"{requested}.",
        )
