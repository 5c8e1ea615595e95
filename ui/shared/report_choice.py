"""Chooses which report a page shows, and which one to compare it with."""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from core.jobs import jobs
from ui import cache
from ui.components import links, running_jobs

NONE = "none"


def short_job_name(job: str) -> str:
    """A job's name without the prefix that all have."""
    return re.sub(r"^governance-(bias|shap)-", "", job)


def select_report_pair(report_jobs: list[jobs.Job], *, label: str = "Report", other_query: str = "other") -> tuple[str, str | None]:
    """Choose a report, and perhaps a completed one to compare it with; in step with ``?job=`` and ``?<other_query>=``."""
    names = [job.name for job in report_jobs]
    done = [job.name for job in report_jobs if job.status == "Completed"]
    one, two = st.columns(2)
    with one:
        name = links.url_selectbox("job", names, label, format_func=short_job_name)
    with two:
        return name, select_comparison(name, done, short_job_name, query=other_query)


def own_job_or_explain(job: str | None) -> str | None:
    """The name of a processing job that this product started; for any other None, and the page says why."""
    return None if job is None or running_jobs.explain_if_foreign(cache.cached_read(jobs.describe_job, "processing", job)) else job


def select_comparison(name: str, names: list[str], format_name: Callable[[str], str], *, query: str = "other") -> str | None:
    """Choose another one than ``name``, or none; in step with the URL's ``?<query>=``."""
    if st.query_params.get(query) == name:
        del st.query_params[query]
    others = [*(other for other in names if other != name), NONE]
    other = links.url_selectbox(query, others, "Compare with", format_func=lambda o: NONE if o == NONE else format_name(o))
    return None if other == NONE else other
