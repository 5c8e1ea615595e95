"""Choosing a threshold by what errors cost, or by the share of people to decline; the reason goes into the version's registration."""

from __future__ import annotations

import streamlit as st

from core.analysis.bias.threshold_choice import ThresholdChoice, choose_by_cost, choose_by_rate
from core.analysis.bias.threshold_sweep import ThresholdSweep
from core.registry.registry_types import DEFAULT_THRESHOLD, DEFAULT_THRESHOLD_RATIONALE

CHOSEN = "chosen-threshold"
"""The session's last choice, which the registration form proposes."""


def show_threshold_choice(sweep: ThresholdSweep, mark: str) -> None:
    """The form, and the threshold that it gives, which may be kept for the registration."""
    with st.expander("Choose a threshold by cost or by rate", icon=":material/tune:"):
        by_cost = st.radio("By", ("cost of errors", "target rate"), horizontal=True, key=f"choose-by{mark}") == "cost of errors"
        left, right = st.columns(2)
        if by_cost:
            costs = [
                place.number_input(f"Cost of one {error}", 0.0, None, value, key=f"{error}{mark}")
                for place, error, value in ((left, "wrongly declined", 1.0), (right, "wrongly accepted", 5.0))
            ]
            if not any(costs):
                return
            found = choose_by_cost(sweep, wrongly_declined=costs[0], wrongly_accepted=costs[1])
        else:
            found = choose_by_rate(
                sweep, declined_share=left.number_input("Share to decline, %", 0.0, 100.0, 20.0, key=f"rate{mark}") / 100
            )
        st.markdown(f"**{found.threshold:g}**: {found.rationale}.")
        if st.button("Keep it for the registration", key=f"keep-threshold{mark}", icon=":material/push_pin:"):
            st.session_state[CHOSEN] = found
        if st.session_state.get(CHOSEN) == found:
            st.caption("A training job's form on the tuning page proposes it, with this reason.")


def kept_threshold() -> ThresholdChoice:
    """The threshold that was kept in this session, or else the default."""
    found: ThresholdChoice = st.session_state.get(CHOSEN) or ThresholdChoice(DEFAULT_THRESHOLD, DEFAULT_THRESHOLD_RATIONALE)
    return found


def threshold_inputs(mark: str) -> ThresholdChoice:
    """The threshold and its reason for a registration: proposed are those that were kept, or else the default."""
    proposed = kept_threshold()
    left, right = st.columns((1, 3))
    threshold = left.number_input("Threshold of the score", 0.0, 1.0, proposed.threshold, 0.01, key=f"threshold-{mark}")
    why = right.text_input("Why this threshold", proposed.rationale, key=f"threshold-why-{mark}", max_chars=250)
    return ThresholdChoice(float(threshold), why.strip())


def rationale_input(mark: str) -> str:
    """Why the threshold with which a model was measured already is the one to register."""
    return st.text_input("Why this threshold", DEFAULT_THRESHOLD_RATIONALE, key=f"threshold-why-{mark}", max_chars=250).strip()
