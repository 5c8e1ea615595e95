"""One training job: metrics, curves, hyperparameters, report, log, and its way into the registry."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import evaluation, identity, jobs, training
from core.views import tuning as views
from core.views.style import number


def show(name: str, *, role: str) -> None:
    """Draw the job; while it runs, its state."""
    job = training.describe(_session.clients(), name)
    if job.status == "Failed":
        _show.failed(job)
        return
    if job.status not in jobs.FINAL:
        _show.watch("training", name)
        return
    st.caption(name)
    with st.container(horizontal=True):
        for metric, value in sorted(training.metrics(job).items(), key=lambda item: not item[0].startswith("validation")):
            if "auc" in metric or "f1" in metric or "logloss" in metric or "error" in metric:
                st.metric(metric, number(value, 4), border=True)
    _register(job, role)
    curves(name)
    left, right = st.columns(2)
    with left, st.expander("Hyperparameters", icon=":material/tune:"):
        table = pd.DataFrame(sorted(job.raw["HyperParameters"].items()), columns=["hyperparameter", "value"])
        st.dataframe(table, hide_index=True, alt="Hyperparameters")
    with right:
        _show.log("training", name)
    report = training.report_uri(_session.clients(), job)
    making = st.session_state.get(f"making-{name}")
    if making and not report:
        _show.watch("processing", making)
    with st.container(horizontal=True):
        if report:
            st.download_button(
                "XGBoost report",
                lambda: _session.clients().read(report),
                f"{name}-report.html",
                "text/html",
                icon=":material/description:",
                key=f"report-{name}",
                on_click="ignore",
            )
        elif (
            not making
            and identity.may(_session.identity(), "launch")
            and st.button("Make the XGBoost report", icon=":material/description:")
        ):
            with _show.errors_shown():
                st.session_state[f"making-{name}"] = training.launch_report(_session.clients(), _session.identity(), job)
                st.rerun()
        _show.link("lineage", "Lineage", uri=job.raw["ModelArtifacts"]["S3ModelArtifacts"])


def curves(name: str) -> None:
    """Metrics per round."""
    rounds = training.curves(_session.clients(), name)
    if rounds.empty:
        st.caption("No rounds were logged.")
    else:
        wide = rounds.pivot_table(index="round", columns=["data", "metric"], values="value")
        wide.columns = pd.Index([" ".join(column) for column in wide.columns])
        _show.chart(views.curves(rounds), wide.reset_index(), alt=f"Metrics per boosting round of {name}", key=f"curves-{name}")


def _register(job: jobs.Job, role: str) -> None:
    now = evaluation.state(_session.clients(), job.name)
    if now.package:
        _show.link("registry", "In the registry: open it", package=now.package)
        return
    if now.running or now.ready:
        _finish(job.name, role)
        return
    if now.failed:
        st.error(f"**{now.failed.name} ended {now.failed.status}.**  \n{now.failed.reason or ''}", icon=":material/error:")
    data = evaluation.data_of(_session.clients(), job)
    allowed = _show.may("register")
    hint = "Measures bias and SHAP on the test rows, then registers the version with both reports."
    if (
        st.button(
            "Evaluate and register", icon=":material/app_registration:", type="primary", help=hint, disabled=data is None or not allowed
        )
        and data
    ):
        with _show.errors_shown():
            evaluation.start(_session.clients(), _session.identity(), job.name, data)
            st.rerun()


@st.fragment(run_every=2)
def _finish(name: str, role: str) -> None:
    with _show.errors_shown():
        clients, person = _session.clients(), _session.identity()
        now = evaluation.state(clients, name)
        if now.running:
            with st.container(horizontal=True, vertical_alignment="center"):
                _show.state("InProgress")
                st.caption("Measuring bias and SHAP on the test rows; then the version is registered.")
            return
        if now.ready and not now.package and _show.may("register"):
            data = evaluation.data_of(clients, training.describe(clients, name))
            if data is not None:
                evaluation.register(clients, person, name, data, role)
        st.rerun()
