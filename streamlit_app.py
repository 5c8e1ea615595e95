"""The router: who is signed in, and which pages that role has. Nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import identity
from ui import session, sign_in
from ui.components.errors import show_raised_errors
from ui.navigation import PAGE_ICONS

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

st.set_page_config(page_title="Governance", page_icon=str(Path(__file__).parent / "ui/icon.svg"), layout="wide")
with show_raised_errors(stop=True):  # a setting that can't be used
    person = st.session_state["identity"] = sign_in.require_identity()
builder = identity.is_allowed(person, "launch")
page = st.navigation(
    [
        st.Page(
            f"pages/{name}.py",
            title=title,
            icon=PAGE_ICONS[name],
            url_path=name,
            default=name == "overview",
            visibility="visible" if builder or name != "tuning" else "hidden",
        )
        for name, title in PAGE_TITLES.items()
    ]
)
try:
    page.run()
finally:
    session.freeze_gc()
