"""One training job: metrics, curves, hyperparameters, report, log, and its way into the registry."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _costs, _kept, _session, _show, _tuning_cached, _xgboost_report
from core import bias, costs, evaluation, identity, jobs, rebalancing, training
from core.views import tuning as views
from core.views import tuning_words as words
from core.views.style import number

SHOWN = ("auc", "f1", "logloss", "error", "accuracy")


def show(name: str) -> None:
    """Draw the job; while it runs, its state."""
    job = _kept.lately(training.describe, name)
    if job.status not in jobs.FINAL:
        _show.watch("training", name)
        return
    artifact = job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if job.status == "Failed" or not artifact:
        _show.failed(job)
        _costs.used(job)
        _hyperparameters(job)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _show.state(job.status)
        st.caption(name)
    _costs.used(job)
    if not training.metrics(job):
        st.caption("The job reports no final metrics: its algorithm defines none.")
    with st.container(horizontal=True):
        for metric, value in sorted(training.metrics(job).items(), key=lambda item: not item[0].startswith("validation")):
            if any(word in metric for word in SHOWN) and "objective" not in metric.lower():
                st.metric(metric, number(value, 4), border=True)
    with _show.errors_shown():  # each part by itself: one that may not be read leaves the others
        _register(job)
    with _show.errors_shown():
        curves(name)
    left, right = st.columns(2)
    with left:
        _hyperparameters(job)
    with right:
        _show.log("training", name)
    with _show.errors_shown():
        _report(job, artifact)


def curves(name: str) -> None:
    """Metrics per round."""
    rounds = _tuning_cached.curves(name)
    if rounds.empty:
        st.caption("No rounds were logged in the form of the built-in XGBoost algorithm: there are no curves.")
        return
    st.markdown(words.curves(rounds))
    wide = rounds.pivot_table(index="round", columns=["data", "metric"], values="value")
    wide.columns = pd.Index([" ".join(column) for column in wide.columns])
    _show.chart(_show.drawn(views.curves, rounds), wide.reset_index(), alt=f"Metrics per boosting round of {name}", key=f"curves-{name}")


def _hyperparameters(job: jobs.Job) -> None:
    with st.expander("Hyperparameters", icon=":material/tune:"):
        found = job.raw.get("HyperParameters") or {}
        if not found:
            st.caption("The job names none: its algorithm has them elsewhere, or takes none.")
            return
        table = pd.DataFrame(sorted(found.items()), columns=["hyperparameter", "value"])
        st.dataframe(table, hide_index=True, alt="Hyperparameters")


def _algorithm(job: jobs.Job) -> str:
    """What trained a model, as its job names it."""
    found = job.raw.get("AlgorithmSpecification") or {}
    return str(found.get("TrainingImage") or found.get("AlgorithmName") or "another algorithm").rpartition("/")[2]


def _report(job: jobs.Job, artifact: str) -> None:
    """The XGBoost report drawn, or a button that makes it."""
    page, making = _kept.lately(training.report_state, job)
    if page:
        data = _tuning_cached.data_of_training(job.name)
        _xgboost_report.show(page, data.manifest["features"] if data else [], job.name)
        _costs.used_by_report(job)
    else:
        if not training.is_xgboost(job):
            st.caption(f"There is no XGBoost report: {_show.plain(_algorithm(job))} trained this model.")
        elif making is not None and making.status not in jobs.FINAL:
            _show.watch("processing", making.name)
        elif identity.may(_session.identity(), "launch"):
            if making is not None:
                _show.failed(making)
            st.caption("Confusion matrix, ROC, precision and recall, calibration, importance and residuals come from a job.")
            pressed = st.button("Make the XGBoost report", icon=":material/description:", key=f"make-report-{job.name}")
            _costs.expected(costs.xgboost_report(_session.clients().settings, costs.rows_of(job)))
            if pressed:
                with _show.errors_shown():
                    training.launch_report(_session.clients(), _session.identity(), job)
                    st.rerun()
    with st.container(horizontal=True):
        if page:
            st.download_button(
                "XGBoost report (HTML)",
                lambda: _session.clients().read(page),
                f"{job.name}-report.html",
                "text/html",
                icon=":material/download:",
                key=f"report-{job.name}",
                on_click="ignore",
            )
        _show.link("lineage", "Lineage", uri=artifact)


def _register(job: jobs.Job) -> None:
    now = _kept.lately(evaluation.state, job.name)
    if now.package:
        _show.link("registry", "In the registry: open it", package=now.package)
        return
    if now.running or now.ready:
        _finish(job.name)
        return
    if now.failed:
        st.error(f"**{now.failed.name} ended {now.failed.status}.**  \n{now.failed.reason or ''}", icon=":material/error:")
    data = evaluation.data_of(_session.clients(), job)
    allowed = _show.may("register")
    hint = "Measures bias and SHAP on the test rows, then registers the version with both reports."
    if data is None:
        sources = {channel["ChannelName"]: training.source(channel) or "not known" for channel in job.raw.get("InputDataConfig", [])}
        read = "it read data that weren't rebalanced here" if sources else "it read no data channel"
        st.info(
            f"It can't be evaluated and registered here: {read}, so that its test rows aren't known. "
            "Keep the data here that it learned from, split them, and train on them.",
            icon=":material/info:",
        )
        if sources:
            st.caption(_show.plain("; ".join(f"{name}: {uri}" for name, uri in sources.items())))
        _show.link("data", "Data and rebalancing", tab="new")
    disabled, key = data is None or not allowed, f"evaluate-{job.name}"
    pressed = st.button("Evaluate and register", icon=":material/app_registration:", type="primary", help=hint, disabled=disabled, key=key)
    if data:
        _costs.expected(costs.evaluation(_session.clients().settings, data.uri(bias.ROWS["test"])))
    if pressed and data:
        with _show.errors_shown():
            start(job.name, data)
            st.rerun()


def start(name: str, data: rebalancing.Rebalanced) -> None:
    """Measure a training job's model; it is registered when that is done, where this session still looks on."""
    evaluation.start(_session.clients(), _session.identity(), name, data)
    st.session_state[f"registering-{name}"] = True


@st.fragment(run_every=2)
def _finish(name: str) -> None:
    with _show.errors_shown():
        clients, person = _session.clients(), _session.identity()
        now = evaluation.state(clients, name)
        if now.running:
            with st.container(horizontal=True, vertical_alignment="center"):
                _show.state("InProgress")
                st.caption("Measuring bias and SHAP on the test rows. Stay here to register the version then, or come back and click.")
            return
        if now.ready and not now.package:
            job = training.describe(clients, name)
            data = evaluation.data_of(clients, job)
            if data is None or not identity.may(person, "register"):
                st.caption("Its bias and SHAP are measured. It waits for whoever may register it.")
                return
            asked = st.session_state.get(f"registering-{name}")
            if not asked and not st.button("Register the version", icon=":material/app_registration:", type="primary"):
                return
            evaluation.register(clients, person, name, data, "baseline" if evaluation.is_baseline(job) else "mitigated")
        st.rerun()
