"""A processing job on its page: its result once it has completed, why it failed, or how it goes."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.jobs import jobs
from ui import cache
from ui.components import markdown, running_jobs
from ui.shared import cost_line


def show_processing_job(name: str, show_result: Callable[[], None]) -> None:
    """The job's cost and ``show_result()`` once it has completed. A job that only has this product's kind of name is explained instead."""
    job = cache.cached_read(jobs.describe_job, "processing", name)
    if running_jobs.explain_if_foreign(job):
        return
    if job.status == "Completed":
        cost_line.show_job_cost(job)
        if job.reason:
            st.warning(markdown.escape_message(job.reason), icon=":material/warning:")
        show_result()
    elif job.status in jobs.FINAL_STATUSES:
        running_jobs.show_failed_job(job)
        cost_line.show_job_cost(job)
    else:
        running_jobs.watch_job("processing", name)
