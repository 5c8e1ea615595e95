"""The target's clients, one connection for all sessions, and who is signed in here."""

from __future__ import annotations

import gc
from functools import cache

import streamlit as st

from core import identity as identities
from core.aws.target import Target, connect
from core.errors import Forbidden, GovernanceError, SignedOut, TargetUnavailable
from core.identity import Account, Identity
from core.settings import Settings


@st.cache_resource(ttl="1h", max_entries=64, show_spinner="Connecting to the target …")
def _connect(settings: str, identity_key: str, _identity: Identity | None) -> Target:
    return connect(Settings.model_validate_json(settings), _identity)


def cache_key() -> str:
    """The settings and the IAM role in which whoever is signed in acts: what cached results of a target are kept under, so that nobody
    sees what only another role may read."""
    person, settings = _identity_with_iam_role(), Settings.current()
    return settings.model_dump_json() + (settings.assume[person.role.value] if person else "")


def target() -> Target:
    """Clients of the target that the environment names, in the IAM role of whoever is signed in where the settings name one; starts the
    embedded engine where none runs."""
    person = _identity_with_iam_role()
    return _connect(Settings.current().model_dump_json(), f"{person.role}: {person.id}", person) if person else app_target()


def app_target() -> Target:
    """Clients that act as the app itself, whoever is signed in."""
    return _connect(Settings.current().model_dump_json(), "", None)


def _identity_with_iam_role() -> Identity | None:
    """Who is signed in, where the settings name an IAM role for theirs."""
    person: Identity | None = st.session_state.get("identity")
    return person if person and person.role.value in Settings.current().assume else None


def reconnect_after(error: GovernanceError) -> None:
    """Connect anew at the next use where the target didn't answer, as after a restart of the engine, or didn't take the credentials."""
    if isinstance(error, TargetUnavailable | SignedOut):
        _connect.clear()


@cache
def freeze_gc() -> None:
    """Once in a process, after its first page: what is loaded by then stays, so that Python's search for garbage needn't look through it
    again, a quarter of a second every few reruns."""
    gc.collect()
    gc.freeze()


def has_sign_in_provider() -> bool:
    """Whether people sign in through a provider: the secrets have a section [auth]."""
    return "is_logged_in" in st.user


def provider_account() -> Account:
    """Whom the provider vouches for. Raises Forbidden where the sign-in has ended."""
    return identities.account_from_claims(st.user.to_dict() if st.user.is_logged_in else {}, Settings.current())


def list_identities() -> tuple[Identity, ...]:
    """Whom this session may act as, now. Raises Forbidden where the sign-in has ended, or isn't set up."""
    if has_sign_in_provider():
        return provider_account().identities
    found = identities.demo_identities(Settings.current())
    if not found:
        raise Forbidden("Nobody can sign in: no provider is configured.", hint="Set one up as docs/sign-in.md says, and start anew.")
    return found


def identity() -> Identity:
    """Who is signed in; the router has put it there. Raises Forbidden where that has ended since, or the role was taken away."""
    signed_in: Identity = st.session_state["identity"]
    if signed_in not in list_identities():
        raise Forbidden(f"{signed_in.name} is no {signed_in.role} any more.", hint="Load the page anew.")
    return signed_in


def is_allowed(action: str) -> bool:
    """Whether who is signed in may do this."""
    return identities.is_allowed(identity(), action)


def allowed_or_explain(action: str) -> bool:
    """Whether who is signed in may do this; says so on the page where not."""
    person = identity()
    if identities.is_allowed(person, action):
        return True
    st.info(f"The role {person.role} can look, not {action}. Choose another identity in the sidebar.", icon=":material/lock:")
    return False
