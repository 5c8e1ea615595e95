"""The pages of the app: their titles, icons and addresses. Imports Streamlit and nothing of the product, so it loads at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import Page

ICON_PATH = Path(__file__).parent / "icon.svg"

# One flat list: a screen reader can't follow Streamlit's list with headings in it.
PAGE_TITLES = {
    "overview": "Overview",
    "data": "Data and rebalancing",
    "tuning": "Tuning",
    "registry": "Registry",
    "bias": "Bias",
    "explainability": "Explainability",
    "lineage": "Lineage",
    "decisions": "Decisions",
    "settings": "Settings",
}
PAGE_ICONS = {
    "overview": ":material/home:",
    "data": ":material/balance:",
    "tuning": ":material/tune:",
    "lineage": ":material/account_tree:",
    "registry": ":material/fact_check:",
    "bias": ":material/diversity_3:",
    "explainability": ":material/lightbulb:",
    "decisions": ":material/gavel:",
    "settings": ":material/settings:",
}


def page_path(name: str) -> str:
    """The page's file, relative to the router's, as Streamlit wants it in links."""
    return f"pages/{name}.py"


def list_pages(*, hide: frozenset[str] = frozenset()) -> list[Page]:
    """Every page for ``st.navigation``. Those in ``hide`` open by a link but aren't in the sidebar.

    The overview is the page at ``/``. Streamlit gives the default page no other address, so ``/overview`` is a hidden page with the same
    file.
    """
    listed = [_page(name, "" if name == "overview" else name, hidden=name in hide) for name in PAGE_TITLES]
    return [*listed, _page("overview", "overview", hidden=True)]


def _page(name: str, address: str, *, hidden: bool) -> Page:
    visibility: Literal["hidden", "visible"] = "hidden" if hidden else "visible"
    return st.Page(
        page_path(name), title=PAGE_TITLES[name], icon=PAGE_ICONS[name], url_path=address, default=not address, visibility=visibility
    )


def announce_pages() -> None:
    """Tell Streamlit at a session's first run that the app has a router, and show no sidebar links until the router does.

    Until the process has called ``st.navigation`` once, Streamlit takes the folder ``pages/`` for a multipage app of its older kind: it
    lists every file in the sidebar and runs the file of a linked page alone.
    """
    if "pages-announced" not in st.session_state:
        st.session_state["pages-announced"] = True
        st.navigation(list_pages(), position="hidden")
