"""Settings: the target, what is set, and whether the target has what the workflow needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _prices, _session
from app_pages._show import errors_shown, plain, sections
from core import doctor
from core.permissions import Finding
from core.settings import Settings

STATES = {
    "missing": (":material/error:", "red", "missing"),
    "unknown": (":material/help:", "orange", "could not be looked at"),
    "advice": (":material/lightbulb:", "blue", "advised"),
    "ok": (":material/check_circle:", "green", "all right"),
}


BOXES: dict[str, Callable[..., Any]] = {"missing": st.error, "unknown": st.warning, "advice": st.info}
"""What isn't all right, the worst first, each with its remedy."""


@st.cache_data(ttl="5m", max_entries=8, show_spinner="Asking the target …")
def _findings(target: str) -> list[Finding]:
    return list(doctor.check(_session.own()))


def _check() -> None:
    st.markdown("Permissions are simulated, resources read; no job is launched, nothing written. `python -m core doctor` says the same.")
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
    for state, box in BOXES.items():
        lines = [f"- **{plain(f.area)}: {plain(f.subject)}**  \n  {plain(f.what)} {plain(f.remedy)}" for f in found if f.state == state]
        if lines:
            box("\n".join(lines), icon=STATES[state][0])
    right = [(f.area, f.subject, f.what) for f in found if f.state == "ok"]
    if right:
        with st.expander(f"All right: {len(right)}", icon=STATES["ok"][0]):
            table = pd.DataFrame(right, columns=["area", "subject", "finding"])
            st.dataframe(table, hide_index=True, alt="Each resource and permission that the workflow needs and has")


def _set() -> None:
    st.markdown("Each is set in the environment, or in the file that starts the app. What is left out has the product's own value.")
    every = doctor.in_force(_session.own())
    for heading, given in (("Set", True), ("Left at the product's own value", False)):
        lines = [f"- `{one.variable}`: **{plain(one.value)}**  \n  {plain(one.what)}" for one in every if one.given is given]
        if lines:
            st.subheader(heading)
            st.markdown("\n".join(lines))


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
