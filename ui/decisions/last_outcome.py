"""Keeps what a decision or a saved model card came to, to show it after the rerun."""

from __future__ import annotations

import streamlit as st

from core.errors import GovernanceError
from ui.components import errors


def keep_outcome(outcome: str | GovernanceError) -> None:
    """Keep the success message, or the error, until the next rerun shows it."""
    st.session_state["last-outcome"] = outcome


def show_last_outcome() -> None:
    """The outcome of the last decision, once."""
    outcome = st.session_state.pop("last-outcome", None)
    if isinstance(outcome, GovernanceError):
        errors.show_error(outcome)
    elif outcome:
        st.success(outcome, icon=":material/done:")
