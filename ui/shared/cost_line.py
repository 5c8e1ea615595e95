"""The line about costs under each launch button and with each job's result."""

from __future__ import annotations

from typing import TypedDict

import pandas as pd
import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.costs import cost_estimates, prices, usage
from core.costs.cost_estimates import PastDurations, PlannedJobs
from core.costs.usage import Usage
from core.jobs import jobs, xgboost_report_jobs
from core.views.shared import cost_sentences as words
from ui import session
from ui.components import errors, markdown, tables
from ui.shared import cached_tuning


def show_expected_cost(plan: tuple[PlannedJobs, ...], snapshot: ReadSnapshot | None = None) -> None:
    """What a launch will take and cost. ``snapshot``: the one that the page is drawn from, if it has one."""
    with errors.show_raised_errors():
        reading = snapshot or session.snapshot()
        table = prices.load_in_force(reading.settings)
        found = cost_estimates.estimate_launch(table, [(planned, _past_usage(planned, reading)) for planned in plan])
        _show_cost_line(words.expected_cost_sentence(found, table, **_price_context()))


def show_job_cost(job: jobs.Job) -> None:
    """What a job that has ended, described in full, has used; a failed one is billed too."""
    _show_usage([usage.usage_of_job(job)])


def show_trials_cost(job: jobs.Job) -> None:
    """What all trials of an ended tuning job have used."""
    trials = cached_tuning.read_trials(job.name).astype(object)
    times = [(None if pd.isna(start) else start, None if pd.isna(end) else end) for start, end in trials[["started", "ended"]].to_numpy()]
    _show_usage([usage.usage_of_trials(job, times)])


def show_cost_by_name(kind: jobs.JobKind, name: str) -> None:
    """What the job of this name has used, once it has ended."""
    with errors.show_raised_errors():
        _show_usage([_read_job_usage(session.cache_key(), kind, name)])


def show_report_cost(job: jobs.Job) -> None:
    """What the job has used that made a training job's XGBoost report; nothing where Debugger made it, which is free."""
    with errors.show_raised_errors():
        if usage := _read_report_usage(session.cache_key(), job.name, job):
            _show_usage([usage])


def show_versions_cost(properties: dict[str, dict[str, str]]) -> None:
    """What went into each version (name → its properties), and step by step."""
    with errors.show_raised_errors():
        table, frames = prices.load_in_force(session.target().settings), []
        for name, each in properties.items():
            found = _read_version_usage(session.cache_key(), each)
            _show_cost_line(f"{name}: {words.used_cost_sentence(list(found.values()), table, **_price_context())}")
            frames.append(words.cost_table(found, table).assign(version=name).set_index("version").reset_index())
        tables.table_twin(pd.concat(frames), alt="What each step has used; versions may share steps", label="Step by step")


def _show_usage(usages: list[Usage]) -> None:
    with errors.show_raised_errors():
        _show_cost_line(words.used_cost_sentence(usages, prices.load_in_force(session.target().settings), **_price_context()))


def _show_cost_line(text: str) -> None:
    st.caption(f":material/payments: {markdown.escape_markdown(text)}")


class _PriceContext(TypedDict):
    region: str
    local: bool


def _price_context() -> _PriceContext:
    target = session.target()
    return {"region": target.region, "local": target.settings.target == "local"}


def _past_usage(planned: PlannedJobs, snapshot: ReadSnapshot) -> PastDurations:
    return _read_past_usage(session.cache_key(), planned.use, planned.kind, planned.rows_uri, snapshot)


@st.cache_data(ttl="1m", max_entries=64, show_spinner=False)
def _read_past_usage(cache_key: str, use: prices.Use, kind: str, data: str, _snapshot: ReadSnapshot) -> PastDurations:
    return cost_estimates.read_past_durations(_snapshot, PlannedJobs(use, kind, "", data))


@st.cache_data(ttl="1h", max_entries=64, show_spinner=False)
def _read_job_usage(cache_key: str, kind: jobs.JobKind, name: str) -> Usage:
    return usage.usage_of_job(jobs.describe_job(session.target(), kind, name))


@st.cache_data(ttl="1h", max_entries=64, show_spinner=False)
def _read_report_usage(cache_key: str, name: str, _job: jobs.Job) -> Usage | None:
    found = xgboost_report_jobs.find_newest_job(session.target(), _job)
    return _read_job_usage(cache_key, "processing", found.name) if found else None


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Adding up what the jobs took …")
def _read_version_usage(cache_key: str, properties: dict[str, str]) -> dict[str, Usage]:
    return usage.usage_by_step(session.target(), properties)
