"""Keeps what a page has just read for five seconds, or until this process changes something itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from core.aws import idempotency
from core.aws.target import Target
from core.jobs.jobs import FINAL_STATUSES, Job
from core.ledger import audit_log
from core.registry.model_evaluation import Evaluation
from ui import session

P = ParamSpec("P")
T = TypeVar("T")


def cached_read(read: Callable[Concatenate[Target, P], T], *arguments: P.args, **named: P.kwargs) -> T:
    """What ``read(target, …)`` returns, kept for five seconds, or until this process creates or decides something.

    A job that still runs is never kept. Changes by other processes show after five seconds. Decisions don't use this cache.
    """
    return cached_read_from(session.target(), read, *arguments, **named)


def cached_read_from(target: Target, read: Callable[Concatenate[Target, P], T], *arguments: P.args, **named: P.kwargs) -> T:
    """The same as ``cached_read``, of a target that was connected already, such as the snapshot that a page is drawn from."""
    changes = (idempotency.count_created(), audit_log.count_known_events(target))
    key = (session.cache_key(), changes, f"{read.__module__}.{read.__qualname__}", arguments, named)
    found: T = _read_once(*key, lambda: read(target, *arguments, **named))
    if _is_running(found):
        _read_once.clear(*key)
    return found


@st.cache_data(ttl="5s", max_entries=256, show_spinner=False)
def _read_once(
    cache_key: str, changes: tuple[int, int], function_name: str, arguments: Any, named: Any, _compute: Callable[[], Any]
) -> Any:
    return _compute()


def _is_running(found: object) -> bool:
    """Whether it is, or contains, a job that still runs."""
    if isinstance(found, Job):
        return found.status not in FINAL_STATUSES
    if isinstance(found, Evaluation):
        return found.is_running
    return isinstance(found, list | tuple) and any(isinstance(one, Job) and one.status not in FINAL_STATUSES for one in found)
