"""Tabs whose open one is in the URL. Only the open tab is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.components.links import set_query


def url_tabs(page: str, tabs: Mapping[str, str], default: str | None = None, *, name: str = "tab") -> Any:
    """Tabs (name in the URL → label); the caller draws those that are ``open``. Links, the back button and ``open_tab`` open one by
    ``?name=``."""
    key, linked = f"{page}-{name}", st.query_params.get(name)
    moved = linked in tabs and linked != st.session_state.get(f"{key}-shown")
    opening = linked if linked in tabs else default
    if opening and (moved or key not in st.session_state):
        st.session_state[key] = tabs[opening]
    panels = st.tabs(list(tabs.values()), key=key, on_change="rerun")
    opened = next(one for one, panel in zip(tabs, panels, strict=True) if panel.open)
    st.session_state[f"{key}-shown"] = opened
    if linked != opened:
        st.query_params[name] = opened
    return panels


def open_tab(tab: str, **query: str) -> None:
    """Reload this page at its ``tab``, with ``query`` in the URL."""
    set_query(tab=tab, **query)
    st.rerun()
