"""Signing in: through the provider that ``[auth]`` of the secrets names, or as a demo identity of the local target. See docs/sign-in.md."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app_pages import _session, _show
from core.errors import GovernanceError
from core.identity import Identity
from core.settings import InvalidSetting, Settings


def person() -> Identity:
    """Who acts in this session, chosen in the sidebar where there is a choice. Where nobody may act, says why, and stops."""
    if _session.provider() and not st.user.is_logged_in:
        _stop("Sign in", None, "Governance dashboard: who may see it and decide here is known by your organisation's sign-in.")
    try:
        people = _session.people()
    except InvalidSetting:
        raise
    except GovernanceError as error:
        _stop("Sign in again" if _session.provider() else "Sign-in", error)
    if not people:
        account = _session.account()
        st.title("No role yet")
        st.warning(f"You are signed in as {_show.plain(account.name)}, but have no role here.", icon=":material/person_off:")
        st.markdown("Ask an administrator to give you one, in the provider or in the roles file. They need this:")
        st.code(account.id, language=None)
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        st.stop()
    return _choose(people)


def _choose(people: tuple[Identity, ...]) -> Identity:
    with st.sidebar:
        demo = people[0].demo
        labels = {f"{one.name}, {one.role}": one for one in people}
        if len(labels) == 1:
            st.markdown(f"Signed in as **{_show.plain(people[0].name)}**, {people[0].role}")
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
                st.warning(f"There is no {_show.plain(wanted)} here: you act as {_show.plain(chosen.name)}.", icon=":material/person_off:")
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


def _stop(title: str, error: GovernanceError | None, text: str = "") -> None:
    st.title(title)
    if error:
        _show.show_error(error)
    else:
        st.markdown(text)
    if _session.provider():
        auth = st.secrets["auth"]
        for name in [key for key, value in auth.items() if isinstance(value, Mapping) and "client_id" in value] or [None]:
            words = f"Sign in with {name}" if name else "Sign in"
            st.button(
                words, key=f"sign-in-{name}", type="primary", icon=":material/login:", on_click=st.login, args=(name,) if name else ()
            )
    st.stop()
