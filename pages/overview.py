"""Overview: the state of the workspace, the next step for the signed-in person, and a button that runs the whole workflow."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from ui import session
from ui.components import errors
from ui.overview import sections, workflow_run

st.title("Overview")
with errors.show_raised_errors(stop=True):
    snapshot = session.snapshot()
    now = sections.read_overview(session.cache_key(), snapshot)
errors.show_errors(now.unreadable.values())
with st.container(horizontal=True):
    st.metric("Data sets", sections.count_or_dash(now, "data_sets", now.data_sets), border=True)
    st.metric("Jobs running", sections.count_or_dash(now, "jobs", len(now.running_jobs)), border=True)
    st.metric("Versions", sections.count_or_dash(now, "versions", len(now.versions)), border=True)
    waiting = sections.count_or_dash(now, "versions", len(now.waiting))
    st.metric("Waiting for a decision", waiting, border=True, help="Submitted or validated, and not yet approved or rejected.")
left, right = st.columns(2)
if not now.unreadable:
    with left:
        sections.show_next_step(now, snapshot)
with left if now.unreadable else right:
    workflow_run.workflow_form(first=not now.versions and not now.unreadable, snapshot=snapshot)
if "run" in st.query_params:
    workflow_run.show_workflow_steps(st.query_params["run"])
sections.show_running_jobs(now, following=bool(st.session_state.get("followed")))
if now.versions:
    sections.show_waiting_versions(now, snapshot)
    left, right = st.columns(2, gap="large")
    with left:
        sections.show_newest_versions(now)
        sections.link_other_groups(now, snapshot)
    with right:
        if "events" not in now.unreadable:
            sections.show_last_decisions(now)
else:
    sections.link_other_groups(now, snapshot)
if now.jobs:
    sections.show_latest_jobs(now)
