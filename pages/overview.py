"""Overview: where the workspace stands, what waits for whom, and one button that runs everything."""

from __future__ import annotations

import streamlit as st

from app_pages import _glance, _session, _show

st.title("Overview")
with _show.errors_shown(stop=True):
    now = _glance.glance(_session.target())
_show.show_errors(now.unread.values())
with st.container(horizontal=True):
    st.metric("Data sets", _glance.known(now, "data_sets", now.data_sets), border=True)
    st.metric("Jobs running", _glance.known(now, "jobs", len(now.running)), border=True)
    st.metric("Versions", _glance.known(now, "versions", len(now.versions)), border=True)
    waiting = _glance.known(now, "versions", len(now.waiting))
    st.metric("Waiting for a decision", waiting, border=True, help="Submitted or validated, and not decided.")
left, right = st.columns(2)
if not now.unread:
    with left:
        _glance.next_step(now)
with left if now.unread else right:
    _glance.workflow_button(first=not now.versions and not now.unread)
if "run" in st.query_params:
    _glance.steps(st.query_params["run"])
_glance.running(now, following=bool(st.session_state.get("followed")))
if now.versions:
    _glance.waiting(now)
    left, right = st.columns(2, gap="large")
    with left:
        _glance.versions(now)
        _glance.other_groups()
    with right:
        if "events" not in now.unread:
            _glance.decided(now)
else:
    _glance.other_groups()
if now.jobs:
    _glance.latest_jobs(now)
