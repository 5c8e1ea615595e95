"""What a page has just read isn't asked for again: kept for seconds, and until this process changes something itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from app_pages import _session
from core import creating
from core.clients import Clients
from core.evaluation import Evaluation
from core.governance import log
from core.jobs import FINAL, Job

P, T = ParamSpec("P"), TypeVar("T")


def lately(read: Callable[Concatenate[Clients, P], T], *arguments: P.args, **named: P.kwargs) -> T:
    """What ``read(clients, …)`` finds; looked up anew after five seconds, and at once after whatever this process makes or decides.

    What still runs is never kept. What others change, in another process, is seen after these seconds; deciding looks anew by itself.
    """
    clients = _session.clients()
    changes = (creating.count(), log.known(clients))
    key = (_session.target(), changes, f"{read.__module__}.{read.__qualname__}", arguments, named)
    found: T = _read(*key, lambda: read(clients, *arguments, **named))
    if _runs(found):
        _read.clear(*key)
    return found


@st.cache_data(ttl="5s", max_entries=256, show_spinner=False)
def _read(target: str, changes: tuple[int, int], what: str, arguments: Any, named: Any, _find: Callable[[], Any]) -> Any:
    return _find()


def _runs(found: object) -> bool:
    """Whether it is, or names, something that changes by itself."""
    if isinstance(found, Job):
        return found.status not in FINAL
    if isinstance(found, Evaluation):
        return found.running
    return isinstance(found, list | tuple) and any(isinstance(one, Job) and one.status not in FINAL for one in found)
