"""Chooses the rebalanced rows to train on."""

from __future__ import annotations

import streamlit as st

from core.jobs import rebalancing_jobs
from ui import session
from ui.components import links
from ui.shared import report_choice


def select_rebalancing(key: str) -> rebalancing_jobs.RebalancedData | None:
    """Choose among the rebalancings that have completed; None if there are none."""
    done = [job.name for job in rebalancing_jobs.list_jobs(session.target()) if job.status == "Completed"]
    if not done:
        links.show_empty_state("No rows were rebalanced yet.", "data", "Rebalance data")
        return None
    wanted = st.query_params.get("data")
    name = st.selectbox("Rebalanced rows", done, index=done.index(wanted) if wanted in done else 0, key=key)
    if report_choice.own_job_or_explain(name) is None:
        links.page_link("data", "Rebalance data", tab="new")
        return None
    return rebalancing_jobs.read_result(session.target(), name)
