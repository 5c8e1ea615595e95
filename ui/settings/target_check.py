"""The settings in force, and whether the target has what the workflow needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core.doctor import doctor, settings_in_force
from core.doctor.findings import Finding
from core.settings import Settings
from ui import session
from ui.components.badges import BadgeColour
from ui.components.errors import show_raised_errors
from ui.components.markdown import escape_markdown

FINDING_STATES: dict[str, tuple[str, BadgeColour, str]] = {
    "missing": (":material/error:", "red", "missing"),
    "unknown": (":material/help:", "orange", "could not be checked"),
    "advice": (":material/lightbulb:", "blue", "advised"),
    "ok": (":material/check_circle:", "green", "OK"),
}


MESSAGE_BOXES: dict[str, Callable[..., Any]] = {"missing": st.error, "unknown": st.warning, "advice": st.info}
"""The box for each state that needs attention, the worst first."""


@st.cache_data(ttl="5m", max_entries=8, show_spinner="Checking the target …")
def _read_findings(cache_key: str) -> list[Finding]:
    return list(doctor.check_target(session.app_target()))


def show_check() -> None:
    """A button that checks the target, and the findings of the last check."""
    st.markdown(
        "The check simulates permissions and reads resources. It launches no job and writes nothing. `python -m core doctor` does the same."
    )
    key = "doctor-asked"
    if st.button("Check the target", icon=":material/stethoscope:", type="primary", key="check"):
        _read_findings.clear()
        st.session_state[key] = True
    if not st.session_state.get(key):
        return
    with show_raised_errors(stop=True):
        found = _read_findings(Settings.current().model_dump_json())
    with st.container(horizontal=True):
        for state, (icon, colour, words) in FINDING_STATES.items():
            number = sum(finding.state == state for finding in found)
            if number:
                st.badge(f"{number} {words}", icon=icon, color=colour)
    if doctor.has_passed(found):
        st.success("The target has everything that the workflow needs.", icon=":material/check_circle:")
    for state, box in MESSAGE_BOXES.items():
        lines = [
            f"- **{escape_markdown(f.area)}: {escape_markdown(f.subject)}**  \n  {escape_markdown(f.what)} {escape_markdown(f.remedy)}"
            for f in found
            if f.state == state
        ]
        if lines:
            box("\n".join(lines), icon=FINDING_STATES[state][0])
    right = [(f.area, f.subject, f.what) for f in found if f.state == "ok"]
    if right:
        with st.expander(f"OK: {len(right)}", icon=FINDING_STATES["ok"][0]):
            table = pd.DataFrame(right, columns=["area", "subject", "finding"])
            st.dataframe(table, hide_index=True, alt="Each resource and permission that the workflow needs and has")


def show_settings() -> None:
    """The settings that were changed, then the defaults."""
    st.markdown("Settings are environment variables. Unset variables use their defaults.")
    every = settings_in_force.list_settings(session.app_target())
    for heading, given in (("Set", True), ("Defaults", False)):
        lines = [
            f"- `{one.variable}`: **{escape_markdown(one.value)}**  \n  {escape_markdown(one.description)}"
            for one in every
            if one.is_changed is given
        ]
        if lines:
            st.subheader(heading)
            st.markdown("\n".join(lines))
