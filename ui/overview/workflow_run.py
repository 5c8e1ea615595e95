"""The whole workflow from the overview: the form that starts it, and its steps while it runs."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core import identity
from core.aws.read_snapshot import ReadSnapshot
from core.costs import cost_estimates
from core.errors import NotFound
from core.workflow import background_run
from ui import session
from ui.components import errors, links, markdown
from ui.overview import sections
from ui.shared import cost_line

STEP_ICONS = {
    "to do": ":material/radio_button_unchecked:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
}


def workflow_form(first: bool, snapshot: ReadSnapshot) -> None:
    """The form that runs the whole workflow; ``first`` makes it the page's main button."""
    person = session.identity()
    with st.container(border=True, height="stretch"):
        st.markdown("**The whole workflow**")
        st.caption("30,000 credit-default rows: rebalance, train a baseline, tune, measure bias, explain, register, compare.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            trials = st.number_input("Trials", 1, 100, 10, width=110)
            parallel = st.number_input("In parallel", 1, 10, 2, width=110)
            kind: Literal["primary", "secondary"] = "primary" if first else "secondary"
            allowed = identity.is_allowed(person, "launch")
            if st.button("Run the whole workflow", type=kind, icon=":material/play_arrow:", disabled=not allowed):
                with errors.show_raised_errors():
                    most, at_once = int(trials), min(int(parallel), int(trials))
                    st.query_params["run"] = background_run.start_in_background(
                        session.target(), person, max_jobs=most, max_parallel=at_once
                    )
                    st.rerun()
        if allowed:
            _workflow_costs(int(trials), snapshot)
        else:
            st.caption(f"The {person.role} role can't launch jobs.")


@st.fragment(parallel=True)
def _workflow_costs(trials: int, snapshot: ReadSnapshot) -> None:
    cost_line.show_expected_cost(cost_estimates.plan_workflow(snapshot.settings, trials), snapshot)


@st.fragment(run_every=2)
def show_workflow_steps(run: str) -> None:
    """A run of the whole workflow, step by step, each linked to its result."""
    with errors.show_raised_errors():
        try:
            now = background_run.read_progress(session.target(), run)
        except NotFound as error:
            errors.show_error(error)
            return
        states = now.step_states()
        label = "Workflow failed" if now.error else "Workflow complete" if now.done else "Workflow running"
        state: Literal["error", "complete", "running"] = "error" if now.error else "complete" if now.done else "running"
        box = st.status(label, state=state, expanded=not now.done)
        with box.container():  # to leave the box itself would call it complete
            st.progress(sum(s.state == "done" for s in states) / len(states))
            for s in states:
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    took = f" · {s.seconds:,.0f} s" if s.seconds is not None else ""
                    text = f"{s.state}{took}" + (f" · {markdown.escape_markdown(s.text)}" if s.text else "")
                    st.markdown(f"{STEP_ICONS[s.state]} **{s.name}** {text}")
                    if s.state == "done" and s.result:
                        links.reference_link(s.result, "open")
            if now.error:
                st.error(markdown.escape_markdown(now.error), icon=":material/error:")
            elif not now.done and now.seconds_since_update() > 600:
                st.warning(
                    f"No progress for {now.seconds_since_update() / 60:.0f} minutes. If the process has stopped, run the workflow again."
                )
        if now.done:
            if st.session_state.get("followed") == run:
                st.session_state["followed"] = None
                sections.read_overview.clear()
                st.rerun()
        else:
            st.session_state["followed"] = run
