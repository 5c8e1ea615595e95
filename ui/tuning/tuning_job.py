"""One tuning job: its state, the trials so far or all of them, and the best model."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pandas as pd
import streamlit as st

from core.data.comparability import explain_incomparable
from core.errors import Conflict
from core.jobs import jobs, training_jobs, xgboost_report_jobs
from core.jobs.tuning import tuning_jobs
from core.reports import trial_bias_jobs
from core.views.shared.number_text import duration_text, format_number
from core.views.tuning import tuning_charts as views
from ui import cache, session
from ui.components import badges, charts, errors, links, markdown, running_jobs, tables, tabs
from ui.shared import cached_tuning, cost_line
from ui.tuning import training_job, trial_views


def show_trial_counts(job: jobs.Job) -> None:
    """How many trials completed, run, stopped or failed; the best value so far; the time."""
    counters = Counter(job.raw.get("TrainingJobStatusCounters") or {})  # AWS leaves out what it hasn't counted
    limits = job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]
    most = limits.get("MaxNumberOfTrainingJobs") or sum(counters.values())
    best = job.raw.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    took = (pd.Timestamp(job.ended) if job.ended else pd.Timestamp.now(tz="UTC")) - pd.Timestamp(job.created)
    with st.container(horizontal=True):
        st.metric("Trials", f"{counters['Completed']} of {most}", border=True)
        if job.status not in jobs.FINAL_STATUSES:
            st.metric("Running", counters["InProgress"], border=True)
        st.metric("Stopped early", counters["Stopped"], border=True)
        st.metric("Failed", counters["NonRetryableError"] + counters["RetryableError"], border=True)
        st.metric(f"Best {best.get('MetricName') or tuning_jobs.first_objective(job)[0]}", format_number(best.get("Value"), 4), border=True)
        st.metric("Time", duration_text(took.total_seconds()), border=True)
    if job.status not in jobs.FINAL_STATUSES:
        st.progress(min(counters["Completed"] / max(most, 1), 1.0))


@st.cache_data(ttl="1s", max_entries=32, show_spinner=False)
def _read_running_job(cache_key: str, name: str) -> tuple[jobs.Job, pd.DataFrame]:
    """A running job and its trials, read once a second for all sessions together."""
    target = session.target()
    job = tuning_jobs.describe_job(target, name)
    return job, pd.DataFrame() if job.status in jobs.FINAL_STATUSES else tuning_jobs.trials_to_frame(tuning_jobs.list_trials(target, name))


@st.fragment(run_every=2)
def watch_tuning_job(name: str) -> None:
    """A running tuning job with its trials, read every two seconds."""
    with errors.show_raised_errors():
        job, table = _read_running_job(session.cache_key(), name)
        if job.status in jobs.FINAL_STATUSES:
            launch_follow_up_jobs(job)
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            badges.show_state(job.status)
            if st.button("Stop", icon=":material/stop_circle:", disabled=job.status == "Stopping" or not session.is_allowed("launch")):
                tuning_jobs.stop_job(session.target(), session.identity(), name)
                _read_running_job.clear()
        show_trial_counts(job)
        metric, maximize = tuning_jobs.first_objective(job)
        if not table.empty and table["objective"].notna().any():
            figure = charts.cached_figure(views.history_figure, table, objective=metric, maximize=maximize)
            st.plotly_chart(figure, alt=f"{metric} of the trials so far", key="live-history")
        if table.empty:
            st.caption("No trial has started yet.")
        else:
            st.dataframe(table, hide_index=True, alt="Trials so far", key="live-trials", column_config=tables.TIME_COLUMNS)


def launch_follow_up_jobs(job: jobs.Job) -> None:
    """Start measuring the trials for bias and the best one's report, if the signed-in person may launch jobs."""
    best = job.raw.get("BestTrainingJob", {}).get("TrainingJobName")
    if best and session.is_allowed("launch"):
        target, person = session.target(), session.identity()
        with suppress(Conflict):  # its trials didn't train on rebalanced rows, so they have no facets to measure
            trial_bias_jobs.launch_job(target, person, job.name)
        with suppress(Conflict):  # another process has just started it, and SageMaker doesn't find it yet
            xgboost_report_jobs.launch_job(target, person, training_jobs.describe_job(target, best), cached_tuning.data_of_tuning(job.name))


def show_tuning_job(name: str) -> None:
    """Draw the tuning job; while it runs, its progress."""
    job = cache.cached_read(tuning_jobs.describe_job, name)
    if job.status not in jobs.FINAL_STATUSES:
        watch_tuning_job(name)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.status != "Failed":
            badges.show_state(job.status)
        st.badge(job.raw["HyperParameterTuningJobConfig"]["Strategy"], color="gray")
        if st.button("Clone settings", icon=":material/content_copy:", type="tertiary"):
            _open_launch_form(name)
        if st.button(
            "Warm start from this job",
            icon=":material/resume:",
            type="tertiary",
            help="A new job with the same settings that starts with what these trials found.",
        ):
            _open_launch_form(name, parent=name)
    if job.status == "Failed":
        running_jobs.show_failed_job(job)
    show_trial_counts(job)
    cost_line.show_trials_cost(job)
    data = cached_tuning.data_of_tuning(name)
    if data is not None and tuning_jobs.is_trained_on(job, data):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/verified_user: Every trial trained on the rebalanced rows.")
            links.page_link("data", "Show the training rows", job=data.job)
    elif data is not None:
        st.warning("The trials did **not** train on rebalanced rows, so this tuning job mitigates nothing.", icon=":material/warning:")
    else:
        st.warning(
            "The trials did **not** train on rows that were rebalanced here, so it is unknown which rows they trained on. "
            "To mitigate bias, rebalance their data here and tune on it.",
            icon=":material/warning:",
        )
    _explain_unsupported(job)
    trial_views.show_trial_views(job)
    if tie := cached_tuning.tie_sentence(name):
        st.warning(f"{tie} Choose an objective that tells the trials apart, or wider ranges.", icon=":material/balance:")
    elif job.raw.get("BestTrainingJob"):
        st.subheader("Best model")
        training_job.show_training_job(str(job.raw["BestTrainingJob"]["TrainingJobName"]))


def _explain_unsupported(job: jobs.Job) -> None:
    """Explain what this page doesn't show of a tuning job that something else launched."""
    several, objectives = tuning_jobs.list_definitions(job), tuning_jobs.list_objectives(job)
    if len(several) > 1:
        names = ", ".join(markdown.escape_markdown(str(one.get("DefinitionName", "?"))) for one in several)
        text = f"The job tunes {len(several)} definitions at once: {names}. One is shown at a time."
        if len(objectives) > 1:
            names = ", ".join(markdown.escape_markdown(m) for m, _ in objectives)
            text += f" They are tuned for different metrics ({names}): **don't compare** the values."
        first, *others = [str(one.get("DefinitionName", "?")) for one in several]
        rows = {name: cached_tuning.validation_rows(job.name, name) for name in (first, *others)}
        reasons = [reason for name in others for reason in explain_incomparable((first, name), rows[first], rows[name])]
        if reasons:
            text += f" **Don't compare** their values: {markdown.escape_markdown(' '.join(reasons))} “Best” is what SageMaker calls so."
        st.info(text, icon=":material/info:")
    if job.raw.get("Autotune", {}).get("Mode") == "Enabled":
        st.caption("Autotune is on: SageMaker chose the ranges and settings that the job doesn't set.")
    if not objectives:
        st.caption("The job has no objective, so its trials can't be ranked.")


def _open_launch_form(name: str, **query: str) -> None:
    data = cached_tuning.data_of_tuning(name)
    tabs.open_tab("new", clone=name, **({"data": data.job} if data else {}), **query)
