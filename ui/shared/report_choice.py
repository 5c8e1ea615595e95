"""Chooses which report a page shows, and which one to compare it with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice

import streamlit as st

from core.data.comparability import JudgedRows, explain_incomparable
from core.jobs import jobs, judged_rows
from ui import cache, session
from ui.components import links, running_jobs

NONE = "none"
MAX_SEARCHED = 8
"""Among how many reports one is looked for that can be compared with the chosen one."""


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
        return name, select_comparison(name, done, short_job_name, like=find_like_job(name, done), query=other_query)


def own_job_or_explain(job: str | None) -> str | None:
    """The name of a processing job that this product started; for any other None, and the page says why."""
    return None if job is None or running_jobs.explain_if_foreign(cache.cached_read(jobs.describe_job, "processing", job)) else job


def select_comparison(
    name: str, names: list[str], format_name: Callable[[str], str], *, like: Sequence[str], query: str = "other"
) -> str | None:
    """Choose another one than ``name``, or none; in step with the URL's ``?<query>=``. Those ``like`` it, which can be compared with it,
    come first; without any, none is chosen at first."""
    if st.query_params.get(query) == name:
        del st.query_params[query]
    unlike = [other for other in names if other != name and other not in like]
    others = [*like, *unlike, NONE] if like else [NONE, *unlike]
    other = links.url_selectbox(query, others, "Compare with", format_func=lambda o: NONE if o == NONE else format_name(o))
    return None if other == NONE else other


@st.cache_data(ttl="30m", max_entries=128, show_spinner=False)
def read_job_rows(cache_key: str, job: str) -> JudgedRows:
    """The rows that a bias or SHAP job measured."""
    return judged_rows.rows_of_processing(session.target(), jobs.describe_job(session.target(), "processing", job))


def find_like_job(name: str, names: list[str]) -> list[str]:
    """The first of the other jobs that measured the same rows as ``name``, among the first few; [] if none did."""
    mine = read_job_rows(session.cache_key(), name)
    others = [other for other in names if other != name][:MAX_SEARCHED]
    found = (other for other in others if not explain_incomparable(("", ""), mine, read_job_rows(session.cache_key(), other)))
    return list(islice(found, 1))
