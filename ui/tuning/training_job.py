"""One training job: metrics, curves, hyperparameters, report, log, and its registration."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import identity
from core.analysis.bias.threshold_choice import ThresholdChoice
from core.costs import cost_estimates
from core.jobs import jobs, rebalancing_jobs, training_data, training_jobs, xgboost_report_jobs
from core.registry import model_evaluation, version_registration
from core.reports import bias_jobs
from core.views.shared.number_text import format_number
from core.views.tuning import tuning_charts as views
from core.views.tuning import tuning_sentences as words
from ui import cache, session
from ui.components import badges, charts, errors, links, markdown, running_jobs
from ui.shared import cached_tuning, cost_line, threshold_choice
from ui.tuning import xgboost_report_view

SHOWN_METRICS = ("auc", "f1", "logloss", "error", "accuracy")


def show_training_job(name: str) -> None:
    """Draw the job; while it runs, its state."""
    job = cache.cached_read(training_jobs.describe_job, name)
    if job.status not in jobs.FINAL_STATUSES:
        running_jobs.watch_job("training", name)
        return
    artifact = job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if job.status == "Failed" or not artifact:
        running_jobs.show_failed_job(job)
        cost_line.show_job_cost(job)
        _show_hyperparameters(job)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        badges.show_state(job.status)
        st.caption(name)
    cost_line.show_job_cost(job)
    if not training_jobs.final_metrics(job):
        st.caption("The job reports no final metrics: its algorithm defines none.")
    with st.container(horizontal=True):
        for metric, value in sorted(training_jobs.final_metrics(job).items(), key=lambda item: not item[0].startswith("validation")):
            if any(word in metric for word in SHOWN_METRICS) and "objective" not in metric.lower():
                st.metric(metric, format_number(value, 4), border=True)
    with errors.show_raised_errors():  # each part by itself: if one can't be read, the others still show
        _show_registration(job)
    with errors.show_raised_errors():
        show_curves(name)
    left, right = st.columns(2)
    with left:
        _show_hyperparameters(job)
    with right:
        running_jobs.show_job_log("training", name)
    with errors.show_raised_errors():
        _show_xgboost_report(job, artifact)


def show_curves(name: str) -> None:
    """Metrics per round."""
    rounds = cached_tuning.read_curves(name)
    if rounds.empty:
        st.caption("The log has no rounds in the format of the built-in XGBoost algorithm, so there are no curves.")
        return
    st.markdown(words.best_round_sentence(rounds))
    wide = rounds.pivot_table(index="round", columns=["data", "metric"], values="value")
    wide.columns = pd.Index([" ".join(column) for column in wide.columns])
    charts.show_chart(
        charts.cached_figure(views.metric_curves_figure, rounds),
        wide.reset_index(),
        alt=f"Metrics per boosting round of {name}",
        key=f"curves-{name}",
    )


def _show_hyperparameters(job: jobs.Job) -> None:
    with st.expander("Hyperparameters", icon=":material/tune:"):
        found = job.raw.get("HyperParameters") or {}
        if not found:
            st.caption("The job sets none: its algorithm gets them in another way, or has none.")
            return
        table = pd.DataFrame(sorted(found.items()), columns=["hyperparameter", "value"])
        st.dataframe(table, hide_index=True, alt="Hyperparameters")


def _algorithm_name(job: jobs.Job) -> str:
    """What trained a model, as its job names it."""
    found = job.raw.get("AlgorithmSpecification", {})
    return str(found.get("TrainingImage") or found.get("AlgorithmName") or "another algorithm").rpartition("/")[2]


def _show_xgboost_report(job: jobs.Job, artifact: str) -> None:
    """The XGBoost report drawn, or a button that makes it."""
    page, making = cache.cached_read(xgboost_report_jobs.find_report_or_job, job)
    if page:
        data = cached_tuning.data_of_training(job.name)
        xgboost_report_view.show_xgboost_report(page, data, job.name)
        cost_line.show_report_cost(job)
    else:
        if not training_jobs.is_xgboost(job):
            st.caption(f"There is no XGBoost report: {markdown.escape_markdown(_algorithm_name(job))} trained this model.")
        elif making is not None and making.status not in jobs.FINAL_STATUSES:
            running_jobs.watch_job("processing", making.name)
        elif identity.is_allowed(session.identity(), "launch"):
            if making is not None:
                running_jobs.show_failed_job(making)
            st.caption("Confusion matrix, ROC, precision and recall, calibration, importance and residuals come from a job.")
            pressed = st.button("Make the XGBoost report", icon=":material/description:", key=f"make-report-{job.name}")
            cost_line.show_expected_cost(cost_estimates.plan_xgboost_report(session.target().settings, cost_estimates.input_rows_uri(job)))
            if pressed:
                with errors.show_raised_errors():
                    xgboost_report_jobs.launch_job(session.target(), session.identity(), job, cached_tuning.data_of_training(job.name))
                    st.rerun()
    with st.container(horizontal=True):
        if page:
            st.download_button(
                "XGBoost report (HTML)",
                lambda: session.target().files.read(page),
                f"{job.name}-report.html",
                "text/html",
                icon=":material/download:",
                key=f"report-{job.name}",
                on_click="ignore",
            )
        links.page_link("lineage", "Lineage", uri=artifact)


def _show_registration(job: jobs.Job) -> None:
    now = cache.cached_read(model_evaluation.read_evaluation, job.name)
    if now.package_arn:
        links.page_link("registry", "Open it in the registry", package=now.package_arn)
        return
    if now.is_running or now.is_ready:
        _watch_evaluation(job.name)
        return
    if failed := now.failed_job:
        st.error(f"**{failed.name} ended {failed.status}.**  \n{markdown.escape_message(failed.reason or '')}", icon=":material/error:")
    data = training_data.find_rebalancing(session.target(), job)
    allowed = session.allowed_or_explain("register")
    hint = "Measures bias and SHAP on the test rows, then registers the version with both reports."
    if data is None:
        sources = {
            channel["ChannelName"]: training_jobs.channel_source(channel) or "unknown" for channel in job.raw.get("InputDataConfig", [])
        }
        read = "it trained on data that wasn't rebalanced here" if sources else "it read no data channel"
        st.info(
            f"It can't be evaluated and registered here: {read}, so its test rows are unknown. "
            "Upload the data that it trained on, split it, and train on it.",
            icon=":material/info:",
        )
        if sources:
            st.caption(markdown.escape_markdown("; ".join(f"{name}: {uri}" for name, uri in sources.items())))
        links.page_link("data", "Data and rebalancing", tab="new")
    group = group_input(job.name, data)
    chosen = threshold_choice.threshold_inputs(job.name)
    disabled, key = data is None or not allowed, f"evaluate-{job.name}"
    pressed = st.button("Evaluate and register", icon=":material/app_registration:", type="primary", help=hint, disabled=disabled, key=key)
    if data:
        cost_line.show_expected_cost(cost_estimates.plan_evaluation(session.target().settings, data.uri(bias_jobs.ROW_FILES["test"])))
    if pressed and data:
        with errors.show_raised_errors():
            start_evaluation(job.name, data, version_registration.check_group_name(group), chosen)
            st.rerun()


def group_input(job: str, data: rebalancing_jobs.RebalancedData | None) -> str:
    """The model package group to register in: proposed is that of the data set."""
    if data is None:
        return ""
    return st.text_input(
        "Model package group",
        version_registration.propose_group(session.target().settings, data.dataset.name),
        key=f"registry-group-{job}",
        help="Versions of one data set belong into one group: they are counted and compared there.",
    ).strip()


def start_evaluation(name: str, data: rebalancing_jobs.RebalancedData, group: str, chosen: ThresholdChoice) -> None:
    """Start measuring a training job's model at the chosen threshold. It is registered in ``group`` when that has completed, if this
    session is still open at it."""
    model_evaluation.start_jobs(session.target(), session.identity(), name, data, threshold=chosen.threshold)
    st.session_state[f"registering-{name}"] = (group, chosen.rationale)


@st.fragment(run_every=2)
def _watch_evaluation(name: str) -> None:
    with errors.show_raised_errors():
        target, person = session.target(), session.identity()
        now = model_evaluation.read_evaluation(target, name)
        if now.is_running:
            with st.container(horizontal=True, vertical_alignment="center"):
                badges.show_state("InProgress")
                st.caption(
                    "Measuring bias and SHAP on the test rows. Stay here, and the version is registered afterwards; or come back and click."
                )
            return
        if now.is_ready and not now.package_arn:
            job = training_jobs.describe_job(target, name)
            data = training_data.find_rebalancing(target, job)
            if data is None or not identity.is_allowed(person, "register"):
                st.caption("Its bias and SHAP are measured. A data scientist or an administrator can register it now.")
                return
            asked = st.session_state.get(f"registering-{name}")
            group, why = asked or (group_input(name, data), threshold_choice.rationale_input(name))
            if not asked and not st.button("Register the version", icon=":material/app_registration:", type="primary"):
                return
            model_evaluation.register_evaluated_model(
                target, person, name, data, "baseline" if training_data.is_baseline(job) else "mitigated", group, threshold_rationale=why
            )
        st.rerun()
