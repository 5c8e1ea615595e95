"""The router: who is signed in, and which pages that role has. Nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app_pages import _session, _sign_in
from app_pages._show import ICONS, errors_shown
from core import identity

# One flat list: a screen reader can't follow Streamlit's list with headings in it.
PAGES = {
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

st.set_page_config(page_title="Governance", page_icon=str(Path(__file__).parent / "app_pages/icon.svg"), layout="wide")
with errors_shown(stop=True):  # a setting that can't be used
    person = st.session_state["identity"] = _sign_in.person()
builder = identity.may(person, "launch")
page = st.navigation(
    [
        st.Page(
            f"app_pages/{name}.py",
            title=title,
            icon=ICONS[name],
            url_path=name,
            default=name == "overview",
            visibility="visible" if builder or name != "tuning" else "hidden",
        )
        for name, title in PAGES.items()
    ]
)
try:
    page.run()
finally:
    _session.settle()
