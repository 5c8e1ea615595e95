"""A running job, a failed one, and their logs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.jobs import jobs
from ui import session
from ui.components.badges import show_state
from ui.components.errors import show_raised_errors
from ui.components.markdown import escape_markdown, escape_message


def explain_if_foreign(job: jobs.Job) -> bool:
    """True, with an explanation on the page, for a job that has a name like this product's but was started by something else."""
    if jobs.is_product_job(job):
        return False
    st.info(
        f"**This product did not start {escape_markdown(job.name)}**, though the name looks like it. This page can't read its results. "
        "Choose another job above, or start one.",
        icon=":material/input:",
    )
    return True


@st.fragment(run_every=2)
def watch_job(kind: jobs.JobKind, name: str) -> None:
    """The state of a running job, read every two seconds; the page reloads when the job ends."""
    with show_raised_errors():
        job = jobs.describe_job(session.target(), kind, name)
        if job.status in jobs.FINAL_STATUSES:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            show_state(job.status)
            since = (pd.Timestamp.now(tz="UTC") - pd.Timestamp(job.created)).total_seconds()
            st.caption(f"{name}, running for {since:,.0f} s. You may leave this page; the job continues.")


def show_failed_job(job: jobs.Job) -> None:
    """Why a job has no result, and its log."""
    with st.container(horizontal=True):
        show_state(job.status)
    st.error(f"**{job.name} ended {job.status}.**  \n{escape_message(job.reason or 'No reason was given.')}", icon=":material/error:")
    if job.kind != "tuning":
        show_job_log(job.kind, job.name)


def show_job_log(kind: str, name: str) -> None:
    """A job's log."""
    with st.expander("Log", icon=":material/terminal:"), show_raised_errors():
        lines = _read_ended_job_log(session.cache_key(), kind, name)
        st.code("\n".join(lines[-400:]) or "The log is empty.", language=None, height=280)


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def _read_ended_job_log(cache_key: str, kind: str, name: str) -> list[str]:
    """The lines of a job that has ended."""
    return jobs.read_logs(session.target(), "training" if kind == "training" else "processing", name)
