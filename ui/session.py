"""The connection to the target, shared by all sessions, and who is signed in to this one."""

from __future__ import annotations

import gc
from functools import cache

import streamlit as st

from core import identity as identities
from core.aws.read_snapshot import ReadSnapshot, take_read_snapshot
from core.aws.target import Target, connect
from core.errors import Forbidden, GovernanceError, SignedOut, TargetUnavailable
from core.identity import Account, Identity
from core.settings import Settings


@st.cache_resource(ttl="1h", max_entries=64, show_spinner="Connecting to the target …")
def _connect(settings: str, identity_key: str, _identity: Identity | None) -> Target:
    return connect(Settings.model_validate_json(settings), _identity)


def cache_key() -> str:
    """The settings, and the IAM role in which the signed-in person acts: the key under which results of a target are cached. Nobody sees
    what only another role may read."""
    person, settings = _identity_with_iam_role(), Settings.current()
    return settings.model_dump_json(exclude_unset=True) + (settings.assume[person.role.value] if person else "")


def target() -> Target:
    """The target that the environment names, used in the signed-in person's IAM role if the settings name one. Starts the embedded engine
    if none runs."""
    person = _identity_with_iam_role()
    return (
        _connect(Settings.current().model_dump_json(exclude_unset=True), f"{person.role}: {person.id}", person) if person else app_target()
    )


def snapshot() -> ReadSnapshot:
    """The target for one drawing of a page, in which nothing is asked twice: taken at the top of a page and handed to its panels. It only
    reads, and must not be used after the page is drawn, since it doesn't see what changes."""
    return take_read_snapshot(target())


def app_target() -> Target:
    """The target with the app's own credentials, which don't depend on who is signed in."""
    return _connect(Settings.current().model_dump_json(exclude_unset=True), "", None)


def _identity_with_iam_role() -> Identity | None:
    """Who is signed in, if the settings name an IAM role for their role here."""
    person: Identity | None = st.session_state.get("identity")
    return person if person and person.role.value in Settings.current().assume else None


def reconnect_after(error: GovernanceError) -> None:
    """Connect again at the next use if the target didn't answer (for example after a restart of the engine) or rejected the credentials."""
    if isinstance(error, TargetUnavailable | SignedOut):
        _connect.clear()


@cache
def freeze_gc() -> None:
    """Take what the first page has loaded out of Python's garbage collection, once per process: searching it again and again would take a
    quarter of a second every few reruns."""
    gc.collect()
    gc.freeze()


def has_sign_in_provider() -> bool:
    """Whether people sign in through a provider: the secrets have a section [auth]."""
    return "is_logged_in" in st.user


def provider_account() -> Account:
    """The account that the sign-in provider vouches for. Raises Forbidden if the sign-in has ended."""
    return identities.account_from_claims(st.user.to_dict() if st.user.is_logged_in else {}, Settings.current())


def list_identities() -> tuple[Identity, ...]:
    """The identities that this session may act as now. Raises Forbidden if the sign-in has ended or isn't set up."""
    if has_sign_in_provider():
        return provider_account().identities
    found = identities.demo_identities(Settings.current())
    if not found:
        raise Forbidden("Nobody can sign in: no provider is configured.", hint="Set one up as docs/sign-in.md says, then restart the app.")
    return found


def identity() -> Identity:
    """Who is signed in, as the router noted. Raises Forbidden if the sign-in has ended since then, or the role was taken away."""
    signed_in: Identity = st.session_state["identity"]
    if signed_in not in list_identities():
        raise Forbidden(f"{signed_in.name} no longer has the role {signed_in.role}.", hint="Reload the page.")
    return signed_in


def is_allowed(action: str) -> bool:
    """Whether the signed-in person may do this."""
    return identities.is_allowed(identity(), action)


def allowed_or_explain(action: str) -> bool:
    """Whether the signed-in person may do this; if not, the page says so."""
    person = identity()
    if identities.is_allowed(person, action):
        return True
    words = {"launch": "launch jobs", "register": "register versions"}.get(action, action)
    st.info(f"The {person.role} role can't {words}. Choose another identity in the sidebar.", icon=":material/lock:")
    return False
