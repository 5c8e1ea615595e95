"""The router: says who is signed in, lists the pages that the role has, and runs the one that was asked for."""

from __future__ import annotations

from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import navigation

_is_routed: ContextVar[bool] = ContextVar("is_routed", default=False)


def run() -> None:
    """Run the app once, as every rerun of Streamlit does: sign in, then the page."""
    navigation.announce_pages()

    # The product is imported only now: the first import takes a second, in which Streamlit would list the files of pages/ in the sidebar.
    from core import identity
    from ui import session, sign_in
    from ui.components.errors import show_raised_errors

    st.set_page_config(page_title="Governance", page_icon=str(navigation.ICON_PATH), layout="wide")
    with show_raised_errors(stop=True):  # a setting with an invalid value
        person = st.session_state["identity"] = sign_in.require_identity()
    hidden = frozenset() if identity.is_allowed(person, "launch") else frozenset({"tuning"})
    page = st.navigation(navigation.list_pages(hide=hidden))
    token = _is_routed.set(True)
    try:
        page.run()
    finally:
        _is_routed.reset(token)
        session.freeze_gc()


def require() -> None:
    """The first line of each page: where Streamlit runs the page's file without the router, run the router instead, and stop.

    Streamlit does so for the links opened before the process first called ``st.navigation``. The router then runs the page in its turn.
    (Starting a rerun here would do in a browser, but Streamlit's AppTest starts every run that way and would never end.)
    """
    if not _is_routed.get():
        run()
        context = get_script_run_ctx()
        if context is not None and context.parallel_coordinator is not None:
            context.parallel_coordinator.join()  # stopping would drop the panels that are still being drawn
        st.stop()
