"""Signing in: through the provider that ``[auth]`` of the secrets names, or as a demo identity of the local target. See docs/sign-in.md."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.errors import GovernanceError
from core.identity import Identity
from core.settings import InvalidSetting, Settings
from ui import session
from ui.components import errors, markdown


def require_identity() -> Identity:
    """Who acts in this session. People with several roles choose one in the sidebar. If nobody may act, the page says why and stops."""
    if session.has_sign_in_provider() and not st.user.is_logged_in:
        _stop_at_sign_in(
            "Sign in",
            None,
            "Sign in to the governance dashboard with your organisation's account. Your account decides what you may see and do here.",
        )
    try:
        people = session.list_identities()
    except InvalidSetting:
        raise
    except GovernanceError as error:
        _stop_at_sign_in("Sign in again" if session.has_sign_in_provider() else "Sign-in", error)
    if not people:
        account = session.provider_account()
        st.title("No role yet")
        st.warning(f"You are signed in as {markdown.escape_markdown(account.name)}, but have no role here.", icon=":material/person_off:")
        st.markdown("Ask an administrator to give you one, in the provider or in the roles file. They need the id of your account:")
        st.code(account.id, language=None)
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        st.stop()
    return _choose_identity(people)


def _choose_identity(people: tuple[Identity, ...]) -> Identity:
    with st.sidebar:
        demo = people[0].demo
        labels = {f"{one.name}, {one.role}": one for one in people}
        if len(labels) == 1:
            st.markdown(f"Signed in as **{markdown.escape_markdown(people[0].name)}**, {people[0].role}")
            chosen = people[0]
        else:
            tip = (
                "Demo identities: anyone at this machine may choose one."
                if demo
                else "You have several roles: choose in which one you act."
            )
            wanted = st.query_params.get("as")
            chosen = labels[st.selectbox("Signed in as", list(labels), key="as", bind="query-params", help=tip)]
            if wanted and wanted not in labels:
                st.warning(
                    f"Nobody here is called {markdown.escape_markdown(wanted)}. You act as {markdown.escape_markdown(chosen.name)}.",
                    icon=":material/person_off:",
                )
        with st.container(horizontal=True):
            if demo:
                st.badge("Demo sign-in", icon=":material/person_alert:", color="orange")
            if Settings.current().target == "aws":
                st.badge(f"AWS {Settings.current().region}", icon=":material/cloud:", color="blue")
            else:
                st.badge("Local engine", icon=":material/computer:", color="green")
        if not demo:
            st.button("Sign out", icon=":material/logout:", on_click=st.logout, type="tertiary")
    return chosen


def _stop_at_sign_in(title: str, error: GovernanceError | None, text: str = "") -> None:
    st.title(title)
    if error:
        errors.show_error(error)
    else:
        st.markdown(text)
    if session.has_sign_in_provider():
        auth = st.secrets["auth"]
        for name in [key for key, value in auth.items() if isinstance(value, Mapping) and "client_id" in value] or [None]:
            words = f"Sign in with {name}" if name else "Sign in"
            st.button(
                words, key=f"sign-in-{name}", type="primary", icon=":material/login:", on_click=st.login, args=(name,) if name else ()
            )
    st.stop()
