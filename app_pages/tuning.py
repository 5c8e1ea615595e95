"""Tuning: launch a tuning job, watch it, see what it found; or train one model with settings of one's own."""

from __future__ import annotations

import streamlit as st

from app_pages import _forms, _model, _session, _show
from core import evaluation, jobs, training, tuning
from core.views import tuning as views
from core.views.style import number

RESULTS, NEW, SINGLE = _forms.RESULTS, ":material/add: New tuning job", _forms.SINGLE


def counts(job: jobs.Job) -> None:
    counters = job.raw["TrainingJobStatusCounters"]
    limits = job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]
    most = limits.get("MaxNumberOfTrainingJobs") or sum(counters.values())
    best = job.raw.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    with st.container(horizontal=True):
        st.metric("Trials", f"{counters['Completed']} of {most}", border=True)
        st.metric("Running", counters["InProgress"], border=True)
        st.metric("Stopped early", counters["Stopped"], border=True)
        st.metric("Failed", counters["NonRetryableError"] + counters["RetryableError"], border=True)
        st.metric(f"Best {tuning.objective(job)[0]}", number(best.get("Value"), 4), border=True)
    if job.status not in jobs.FINAL:
        st.progress(min(counters["Completed"] / max(most, 1), 1.0))


@st.fragment(run_every=2)
def live(name: str) -> None:
    with _show.errors_shown():
        job = tuning.describe(_session.clients(), name)
        if job.status in jobs.FINAL:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            _show.state(job.status)
            if st.button("Stop", icon=":material/stop_circle:", disabled=job.status == "Stopping"):
                tuning.stop(_session.clients(), _session.identity(), name)
        counts(job)
        table = tuning.frame(tuning.trials(_session.clients(), name))
        metric, maximize = tuning.objective(job)
        if not table.empty and table["objective"].notna().any():
            st.plotly_chart(
                views.history(table, objective=metric, maximize=maximize), alt="Objective of the trials so far", key="live-history"
            )
        st.dataframe(table, hide_index=True, alt="Trials so far", key="live-trials", column_config=_show.TIMES)


def pictures(job: jobs.Job) -> None:
    table = tuning.frame(tuning.trials(_session.clients(), job.name))
    metric, maximize = tuning.objective(job)
    fixed = {"number", "name", "status", "objective", "created", "started", "ended", "reason"}
    parameters = [column for column in table.columns if column not in fixed]
    if table.empty or table["objective"].isna().all():
        st.info("No trial has an objective: there is nothing to draw.", icon=":material/info:")
        return
    history, parameter, timeline, trials = st.tabs(["History", "Hyperparameters", "Timeline", "Trials"])
    with history:
        figure = views.history(table, objective=metric, maximize=maximize)
        _show.chart(figure, views.history_table(table, maximize=maximize), alt=f"{metric} of each trial and the best so far", key="history")
    with parameter:
        st.subheader("All together")
        drawn = views.parallel(table, parameters, objective=metric)
        _show.chart(drawn, table[["number", *parameters, "objective"]], alt="Trials across hyperparameters", key="parallel")
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("Importance")
            weights = views.importance_table(table, parameters, maximize=maximize)
            if weights.empty:
                st.caption("Fewer than four different trials: importance would be a guess.")
            else:
                _show.chart(views.importance(weights), weights, alt="Importance of each hyperparameter", key="importance")
        with right:
            st.subheader("One by one")
            st.plotly_chart(views.slices(table, parameters, objective=metric), alt="Objective against each hyperparameter", key="slices")
    with timeline:
        _show.chart(
            views.timeline(table), table[["number", "name", "status", "started", "ended"]], alt="When each trial ran", key="timeline"
        )
    with trials:
        st.dataframe(table.sort_values("objective", ascending=not maximize), hide_index=True, alt="All trials", column_config=_show.TIMES)
        name = st.selectbox("Log and curves of", table["name"].tolist(), key="trial")
        _model.curves(name)
        _show.log("training", name)


def show(name: str) -> None:
    job = tuning.describe(_session.clients(), name)
    if job.status not in jobs.FINAL:
        live(name)
        return
    with st.container(horizontal=True):
        _show.state(job.status)
        st.badge(job.raw["HyperParameterTuningJobConfig"]["Strategy"], color="gray")
    if job.status == "Failed":
        _show.failed(job)
    counts(job)
    data = evaluation.data_of(_session.clients(), job)
    if data is not None and tuning.uses(job, data):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/verified_user: Every trial trained on the rebalanced rows.")
            _show.link("data", "Those rows", job=data.job)
    else:
        st.warning("The trials did **not** train on rebalanced rows: tuning them mitigates nothing.", icon=":material/warning:")
    pictures(job)
    if job.raw.get("BestTrainingJob"):
        st.subheader("Best model")
        _model.show(tuning.best(_session.clients(), name), role="mitigated")


st.title("Tuning")
with _show.errors_shown(stop=True):
    found, singles = tuning.list_jobs(_session.clients()), jobs.listed(_session.clients(), "training", contains=training.PREFIX)
wanted = SINGLE if "training" in st.query_params else NEW if "data" in st.query_params or not found else None
results, form, single = _show.sections("tuning", [RESULTS, NEW, SINGLE], wanted)
if results.open:
    with results, _show.errors_shown():
        if found:
            show(_show.chosen("job", [job.name for job in found], "Tuning job"))
        else:
            st.markdown("No tuning job yet. Rebalance some data, then launch one under **New tuning job**.")
            _show.link("data", "Rebalance data")
if form.open:
    with form, _show.errors_shown():
        _forms.tuning_form()
if single.open:
    with single, _show.errors_shown():
        _forms.baseline_form()
        if singles:
            _model.show(_show.chosen("training", [job.name for job in singles], "Training job"), role="baseline")
