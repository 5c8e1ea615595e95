"""Settings: the target, what is set, and whether the target has what the workflow needs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _prices, _session
from app_pages._show import errors_shown, plain, sections
from core import doctor
from core.permissions import Finding
from core.settings import Settings, described

STATES = {
    "missing": (":material/error:", "red", "missing"),
    "unknown": (":material/help:", "orange", "could not be looked at"),
    "advice": (":material/lightbulb:", "blue", "advised"),
    "ok": (":material/check_circle:", "green", "all right"),
}


@st.cache_data(ttl="5m", max_entries=8, show_spinner="Asking the target …")
def _findings(target: str) -> list[Finding]:
    return list(doctor.check(_session.own()))


def _check() -> None:
    st.markdown("Permissions are simulated and resources are read: nothing is launched or written. `python -m core doctor` says the same.")
    key = "doctor-asked"
    if st.button("Check the target", icon=":material/stethoscope:", type="primary", key="check"):
        _findings.clear()
        st.session_state[key] = True
    if not st.session_state.get(key):
        return
    with errors_shown(stop=True):
        found = _findings(Settings.current().model_dump_json())
    with st.container(horizontal=True):
        for state, (icon, colour, words) in STATES.items():
            number = sum(finding.state == state for finding in found)
            if number:
                st.badge(f"{number} {words}", icon=icon, color=colour)  # type: ignore[arg-type]
    if doctor.passed(found):
        st.success("The workflow has what it needs here.", icon=":material/check_circle:")
    for finding in found:
        if finding.state == "missing":
            text = f"**{plain(finding.subject)}**: {plain(finding.what)}"
            st.error(text + (f"  \n{plain(finding.remedy)}" if finding.remedy else ""), icon=":material/error:")
    order = list(STATES)
    rows = sorted(found, key=lambda finding: order.index(finding.state))
    table = pd.DataFrame(
        [(STATES[f.state][2], f.area, f.subject, f.what, f.remedy) for f in rows], columns=["state", "area", "subject", "finding", "remedy"]
    )
    st.dataframe(table, hide_index=True, alt="Each resource and permission that the workflow needs, and how it stands")


def _set() -> None:
    st.markdown("Each is set in the environment, or in the file that starts the app. What is left out has the product's own value.")
    table = pd.DataFrame(described(Settings.current()), columns=["variable", "value", "for"])
    st.dataframe(table, hide_index=True, height="content", alt="The settings in force, their variables and what they are for")


st.title("Settings")
with errors_shown(stop=True):
    clients = _session.clients()
    person = _session.identity()
local = clients.settings.target == "local"
where = "the embedded engine on this machine" if local else f"SageMaker, account {clients.account}"
st.caption(f"Target: {where} · region {clients.region} · bucket {plain(clients.bucket)} · {plain(person.name)}, {person.role}")
in_force, checked, prices = sections("settings", {"set": "What is set", "check": "Check", "prices": "Prices"})
with checked:
    if checked.open:
        _check()
with in_force:
    if in_force.open:
        _set()
with prices:
    if prices.open:
        _prices.section()
