"""The target's clients, one connection for all sessions, and who is signed in here."""

from __future__ import annotations

import gc
from functools import cache

import streamlit as st

from core import identity as identities
from core.clients import Clients, connect
from core.errors import Forbidden, GovernanceError, SignedOut, TargetUnavailable
from core.identity import Account, Identity
from core.settings import Settings


@st.cache_resource(ttl="1h", max_entries=64, show_spinner="Connecting to the target …")
def _connect(settings: str, who: str, _acting: Identity | None) -> Clients:
    return connect(Settings.model_validate_json(settings), _acting)


def target() -> str:
    """The settings and the IAM role in which whoever is signed in acts: what cached results of a target are kept under, so that nobody
    sees what only another role may read."""
    person, settings = _acting(), Settings.current()
    return settings.model_dump_json() + (settings.assume[person.role.value] if person else "")


def clients() -> Clients:
    """Clients of the target that the environment names, in the IAM role of whoever is signed in where the settings name one; starts the
    embedded engine where none runs."""
    person = _acting()
    return _connect(Settings.current().model_dump_json(), f"{person.role}: {person.id}", person) if person else own()


def own() -> Clients:
    """Clients that act as the app itself, whoever is signed in."""
    return _connect(Settings.current().model_dump_json(), "", None)


def _acting() -> Identity | None:
    """Who is signed in, where the settings name an IAM role for theirs."""
    person: Identity | None = st.session_state.get("identity")
    return person if person and person.role.value in Settings.current().assume else None


def forget(error: GovernanceError) -> None:
    """Connect anew at the next use where the target didn't answer, as after a restart of the engine, or didn't take the credentials."""
    if isinstance(error, TargetUnavailable | SignedOut):
        _connect.clear()


@cache
def settle() -> None:
    """Once in a process, after its first page: what is loaded by then stays, so that Python's search for garbage needn't look through it
    again, a quarter of a second every few reruns."""
    gc.collect()
    gc.freeze()


def provider() -> bool:
    """Whether people sign in through a provider: the secrets have a section [auth]."""
    return "is_logged_in" in st.user


def account() -> Account:
    """Whom the provider vouches for. Raises Forbidden where the sign-in has ended."""
    return identities.account(st.user.to_dict() if st.user.is_logged_in else {}, Settings.current())


def people() -> tuple[Identity, ...]:
    """Whom this session may act as, now. Raises Forbidden where the sign-in has ended, or isn't set up."""
    if provider():
        return account().identities
    found = identities.demo_identities(Settings.current())
    if not found:
        raise Forbidden("Nobody can sign in: no provider is configured.", remedy="Set one up as docs/sign-in.md says, and start anew.")
    return found


def identity() -> Identity:
    """Who is signed in; the router has put it there. Raises Forbidden where that has ended since, or the role was taken away."""
    signed_in: Identity = st.session_state["identity"]
    if signed_in not in people():
        raise Forbidden(f"{signed_in.name} is no {signed_in.role} any more.", remedy="Load the page anew.")
    return signed_in
