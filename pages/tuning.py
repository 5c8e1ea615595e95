"""Tuning: launch a tuning job, watch it, see what it found; or train one model with settings of one's own."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pandas as pd
import streamlit as st

from app_pages import _costs, _forms, _kept, _model, _session, _show, _tuning_cached, _tuning_form, _tuning_results
from core import jobs, training, trial_bias, tuning
from core.errors import Conflict
from core.views import tuning as views
from core.views.style import number
from core.views.tuning_words import duration

TABS = {
    "results": ":material/insights: Results",
    "new": ":material/add: New tuning job",
    "single": ":material/model_training: Single models",
}


def counts(job: jobs.Job) -> None:
    counters = Counter(job.raw.get("TrainingJobStatusCounters") or {})  # AWS leaves out what it hasn't counted
    limits = job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]
    most = limits.get("MaxNumberOfTrainingJobs") or sum(counters.values())
    best = job.raw.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    took = (pd.Timestamp(job.ended) if job.ended else pd.Timestamp.now(tz="UTC")) - pd.Timestamp(job.created)
    with st.container(horizontal=True):
        st.metric("Trials", f"{counters['Completed']} of {most}", border=True)
        if job.status not in jobs.FINAL:
            st.metric("Running", counters["InProgress"], border=True)
        st.metric("Stopped early", counters["Stopped"], border=True)
        st.metric("Failed", counters["NonRetryableError"] + counters["RetryableError"], border=True)
        st.metric(f"Best {best.get('MetricName') or tuning.objective(job)[0]}", number(best.get("Value"), 4), border=True)
        st.metric("Time", duration(took.total_seconds()), border=True)
    if job.status not in jobs.FINAL:
        st.progress(min(counters["Completed"] / max(most, 1), 1.0))


@st.cache_data(ttl="1s", max_entries=32, show_spinner=False)
def _now(target: str, name: str) -> tuple[jobs.Job, pd.DataFrame]:
    """A running job and its trials: asked for once a second, however many look on."""
    clients = _session.clients()
    job = tuning.describe(clients, name)
    return job, pd.DataFrame() if job.status in jobs.FINAL else tuning.frame(tuning.trials(clients, name))


@st.fragment(run_every=2)
def live(name: str) -> None:
    with _show.errors_shown():
        job, table = _now(_session.target(), name)
        if job.status in jobs.FINAL:
            follow_up(job)
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            _show.state(job.status)
            if st.button("Stop", icon=":material/stop_circle:", disabled=job.status == "Stopping" or not _show.allowed("launch")):
                tuning.stop(_session.clients(), _session.identity(), name)
                _now.clear()
        counts(job)
        metric, maximize = tuning.objective(job)
        if not table.empty and table["objective"].notna().any():
            figure = _show.drawn(views.history, table, objective=metric, maximize=maximize)
            st.plotly_chart(figure, alt=f"{metric} of the trials so far", key="live-history")
        if table.empty:
            st.caption("No trial has started yet.")
        else:
            st.dataframe(table, hide_index=True, alt="Trials so far", key="live-trials", column_config=_show.TIMES)


def follow_up(job: jobs.Job) -> None:
    """Measure the trials for bias, and make the best one's report, once the job has completed under the eyes of who may launch."""
    best = job.raw.get("BestTrainingJob", {}).get("TrainingJobName")
    if best and _show.allowed("launch"):
        clients, person = _session.clients(), _session.identity()
        with suppress(Conflict):
            trial_bias.launch(clients, person, job.name)
        with suppress(Conflict):
            training.launch_report(clients, person, training.describe(clients, best))


def show(name: str) -> None:
    job = _kept.lately(tuning.describe, name)
    if job.status not in jobs.FINAL:
        live(name)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.status != "Failed":
            _show.state(job.status)
        st.badge(job.raw["HyperParameterTuningJobConfig"]["Strategy"], color="gray")
        if st.button("Clone settings", icon=":material/content_copy:", type="tertiary"):
            _turn_to_form(name)
        if st.button("Go on from here", icon=":material/resume:", type="tertiary", help="The same settings, warm-started from this job."):
            _turn_to_form(name, parent=name)
    if job.status == "Failed":
        _show.failed(job)
    counts(job)
    _costs.used_by_trials(job)
    data = _tuning_cached.data(name)
    if data is not None and tuning.uses(job, data):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/verified_user: Every trial trained on the rebalanced rows.")
            _show.link("data", "Those rows", job=data.job)
    elif data is not None:
        st.warning("The trials did **not** train on rebalanced rows: tuning them mitigates nothing.", icon=":material/warning:")
    else:
        st.warning(
            "The trials did **not** train on rows that were rebalanced here: what they learned from, and on which rows they never trained, "
            "isn't known. To mitigate, rebalance their data here and tune on them.",
            icon=":material/warning:",
        )
    _unlike(job)
    _tuning_results.pictures(job)
    if job.raw.get("BestTrainingJob"):
        st.subheader("Best model")
        _model.show(str(job.raw["BestTrainingJob"]["TrainingJobName"]))


def _unlike(job: jobs.Job) -> None:
    """What of a tuning job of others these pages don't show as it is."""
    several, objectives = tuning.definitions(job), tuning.objectives(job)
    if len(several) > 1:
        names = ", ".join(_show.plain(str(one.get("DefinitionName", "?"))) for one in several)
        text = f"The job tunes {len(several)} definitions at once: {names}. One is shown at a time."
        if len(objectives) > 1:
            text += (
                f" They are tuned for different metrics ({', '.join(_show.plain(m) for m, _ in objectives)}): **don't compare** the values."
            )
        st.info(text, icon=":material/info:")
    if (job.raw.get("Autotune") or {}).get("Mode") == "Enabled":
        st.caption("Autotune is on: SageMaker chose the ranges and settings that the job leaves out.")
    if not objectives:
        st.caption("The job names no objective: its trials can't be ranked.")


def _turn_to_form(name: str, **query: str) -> None:
    data = _tuning_cached.data(name)
    _show.turn_to("new", clone=name, **({"data": data.job} if data else {}), **query)


st.title("Tuning")
found: list[jobs.Job] | None = None
singles: list[jobs.Job] = []
with _show.errors_shown():
    found = _kept.lately(tuning.list_jobs, st.query_params.get("job"))
with _show.errors_shown():
    singles = _kept.lately(jobs.listed, "training", contains=training.PREFIX, named=st.query_params.get("training"))
new = {"data", "clone"} & set(st.query_params) or found == []
results, form, single = _show.sections("tuning", TABS, "single" if "training" in st.query_params else "new" if new else None)
if results.open:
    with results, _show.errors_shown():
        if found:
            chosen = _show.chosen("job", [job.name for job in found], "Tuning job")
            if st.session_state.setdefault("tuning-job", chosen) != chosen:
                st.session_state["tuning-job"] = chosen
                for name in {"trial", "filter", "with"} & set(st.query_params):
                    del st.query_params[name]
            show(chosen)
        elif found is not None:
            st.markdown("No tuning job yet. Rebalance some data, then launch one under **New tuning job**.")
            _show.link("data", "Rebalance data")
if form.open:
    with form, _show.errors_shown():
        _tuning_form.show()
if single.open:
    with single, _show.errors_shown():
        with _show.errors_shown():
            _forms.baseline_form()
        if singles:
            _model.show(_show.chosen("training", [job.name for job in singles], "Training job"))
