"""The policy in force: its profiles and gates."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.governance import policy
from ui import session
from ui.components import errors, markdown


def show_policy() -> None:
    """The policy in force."""
    rules, problem = policy.load_in_force(session.target())
    if problem:
        errors.show_error(problem)
    st.markdown(f"**{markdown.escape_markdown(rules.title)}**, version {markdown.escape_markdown(rules.version)}")
    st.caption(f"SHA-256 `{rules.sha256}`; recorded with every decision. Set GOVERNANCE_POLICY to use another file.")
    for profile in rules.profiles.values():
        with st.container(border=True):
            st.markdown(f"**{markdown.escape_markdown(profile.title)}**")
            st.caption(markdown.escape_markdown(profile.note))
            rows = [
                {"gate": g.name, "required": g.required, **g.model_dump(include={"min", "max", "bound", "max_age_days"})}
                for g in profile.gates
            ]
            table = pd.DataFrame(rows).dropna(axis="columns", how="all").rename(columns={"max_age_days": "at most, days"})
            st.dataframe(table, hide_index=True, alt=f"Gates of {profile.title}")
    with st.expander("The file", icon=":material/description:"):
        st.code(rules.text, language="toml")
