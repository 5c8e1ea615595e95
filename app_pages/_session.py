"""The target's clients, one connection for all sessions, and who is signed in here."""

from __future__ import annotations

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
    """The settings as one string: what cached results of a target are kept under."""
    return Settings.current().model_dump_json()


def clients() -> Clients:
    """Clients of the target that the environment names, in the IAM role of whoever is signed in where the settings name one; starts the
    embedded engine where none runs."""
    person: Identity | None = st.session_state.get("identity")
    if person is None or person.role.value not in Settings.current().assume:
        return _connect(target(), "", None)
    return _connect(target(), f"{person.role}: {person.id}", person)


def forget(error: GovernanceError) -> None:
    """Connect anew at the next use where the target didn't answer, as after a restart of the engine, or didn't take the credentials."""
    if isinstance(error, TargetUnavailable | SignedOut):
        _connect.clear()


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
