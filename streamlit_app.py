"""The router: who is signed in, which pages that role has, and which target this is. Nothing else."""

from __future__ import annotations

import streamlit as st

from app_pages._show import ICONS
from core import identity
from core.settings import Settings

PAGES = {
    "": {"overview": "Overview"},
    "Build": {"data": "Data and rebalancing", "tuning": "Tuning"},
    "Judge": {"registry": "Registry", "bias": "Bias", "explainability": "Explainability", "lineage": "Lineage"},
}

st.set_page_config(page_title="Governance", page_icon=":material/policy:", layout="wide")
settings = Settings()

with st.sidebar:
    people = {f"{person.name}, {person.role}": person for person in identity.DEMO}
    person = people[
        st.selectbox("Signed in as", list(people), key="signed_in", help="Demo identities: anyone at this machine may choose one.")
    ]
    st.session_state["identity"] = person
    with st.container(horizontal=True):
        st.badge("Demo sign-in", icon=":material/person_alert:", color="orange")
        if settings.target == "aws":
            st.badge(f"AWS {settings.region}", icon=":material/cloud:", color="blue")
        else:
            st.badge("Local engine", icon=":material/computer:", color="green")

builder = identity.may(person, "launch")
page = st.navigation(
    {
        section: [
            st.Page(
                f"app_pages/{name}.py",
                title=title,
                icon=ICONS[name],
                url_path=name,
                default=name == "overview",
                visibility="visible" if builder or name != "tuning" else "hidden",
            )
            for name, title in pages.items()
        ]
        for section, pages in PAGES.items()
    }
)
page.run()
