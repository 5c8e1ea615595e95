"""A line about costs: under what launches jobs, and with the results of jobs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show, _tuning_cached
from core import costs, jobs, prices, training
from core.costs import Past, Planned, Usage
from core.views import cost_words as words


def expected(plan: tuple[Planned, ...]) -> None:
    """What a launch will take and cost."""
    with _show.errors_shown():
        table = prices.in_force(_session.clients().settings)
        found = costs.expect(table, [(planned, _past(planned)) for planned in plan])
        _line(words.expected(found, table, **_where()))


def used(job: jobs.Job) -> None:
    """What a job that has ended, described in full, has used; a failed one is billed too."""
    _used([costs.used(job)])


def used_by_trials(job: jobs.Job) -> None:
    """What all trials of a tuning job that has ended have used."""
    trials = _tuning_cached.trials(job.name).astype(object)
    times = [(None if pd.isna(start) else start, None if pd.isna(end) else end) for start, end in trials[["started", "ended"]].to_numpy()]
    _used([costs.used_by_trials(job, times)])


def used_by(kind: jobs.Kind, name: str) -> None:
    """What the job of this name has used, once it has ended."""
    with _show.errors_shown():
        _used([_usage(_session.target(), kind, name)])


def used_by_report(job: jobs.Job) -> None:
    """What the job has used that made a training job's XGBoost report; nothing where Debugger made it, which is free."""
    with _show.errors_shown():
        if usage := _report_usage(_session.target(), job.name, job):
            _used([usage])


def of_versions(properties: dict[str, dict[str, str]]) -> None:
    """What went into each version (name → its properties), and step by step."""
    with _show.errors_shown():
        table, tables = prices.in_force(_session.clients().settings), []
        for name, each in properties.items():
            found = _of_version(_session.target(), each)
            _line(f"{name}: {words.used(list(found.values()), table, **_where())}")
            tables.append(words.table(found, table).assign(version=name).set_index("version").reset_index())
        _show.twin(pd.concat(tables), alt="What each step has used; versions may share steps", label="Step by step")


def _used(found: list[Usage]) -> None:
    with _show.errors_shown():
        _line(words.used(found, prices.in_force(_session.clients().settings), **_where()))


def _line(text: str) -> None:
    st.caption(f":material/payments: {_show.plain(text)}")


def _where() -> dict[str, str | bool]:
    clients = _session.clients()
    return {"region": clients.region, "local": clients.settings.target == "local"}


def _past(planned: Planned) -> Past:
    return _measured(_session.target(), planned.use, planned.kind, planned.data)


@st.cache_data(ttl="1m", max_entries=64, show_spinner=False)
def _measured(target: str, use: prices.Use, kind: str, data: str) -> Past:
    return costs.measured(_session.clients(), Planned(use, kind, "", data))


@st.cache_data(ttl="1h", max_entries=64, show_spinner=False)
def _usage(target: str, kind: jobs.Kind, name: str) -> Usage:
    return costs.used(jobs.describe(_session.clients(), kind, name))


@st.cache_data(ttl="1h", max_entries=64, show_spinner=False)
def _report_usage(target: str, name: str, _job: jobs.Job) -> Usage | None:
    found = training.report_job(_session.clients(), _job)
    return _usage(target, "processing", found.name) if found else None


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Adding up what the jobs took …")
def _of_version(target: str, properties: dict[str, str]) -> dict[str, Usage]:
    return costs.used_for(_session.clients(), properties)
