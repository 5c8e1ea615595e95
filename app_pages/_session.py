"""The target's clients, one connection for all sessions, and who is signed in here."""

from __future__ import annotations

import streamlit as st

from core.clients import Clients, connect
from core.errors import GovernanceError, TargetUnavailable
from core.identity import Identity
from core.settings import Settings


@st.cache_resource(ttl="1h", max_entries=4, show_spinner="Connecting to the target …")
def _connect(settings: str) -> Clients:
    return connect(Settings.model_validate_json(settings))


def target() -> str:
    """The settings as one string: what cached results of a target are kept under."""
    return Settings().model_dump_json()


def clients() -> Clients:
    """Clients of the target that the environment names; starts the embedded engine where none runs."""
    return _connect(target())


def forget(error: GovernanceError) -> None:
    """Connect anew at the next use where the target didn't answer, as after a restart of the engine."""
    if isinstance(error, TargetUnavailable):
        _connect.clear()


def identity() -> Identity:
    """Who is signed in; the router has put it there."""
    signed_in: Identity = st.session_state["identity"]
    return signed_in
