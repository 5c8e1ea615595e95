"""The form that trains a single model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.costs import cost_estimates
from core.jobs import jobs, rebalancing_jobs, training_jobs
from ui import session
from ui.components import errors, links, tabs
from ui.shared import cost_line, report_choice


def select_rebalancing(key: str) -> rebalancing_jobs.RebalancedData | None:
    """Choose among the rebalancings that have completed; None if there are none."""
    done = [job.name for job in rebalancing_jobs.list_jobs(session.target()) if job.status == "Completed"]
    if not done:
        links.show_empty_state("No rows were rebalanced yet.", "data", "Rebalance data")
        return None
    wanted = st.query_params.get("data")
    name = st.selectbox("Rebalanced rows", done, index=done.index(wanted) if wanted in done else 0, key=key)
    if report_choice.own_job_or_explain(name) is None:
        links.page_link("data", "Rebalance data", tab="new")
        return None
    return rebalancing_jobs.read_result(session.target(), name)


def baseline_form() -> None:
    """Train one model with the baseline's settings on the training rows before rebalancing."""
    with st.expander(
        "Train the baseline",
        icon=":material/add:",
        expanded=not jobs.list_jobs(session.target(), "training", name_contains=training_jobs.JOB_NAME_PREFIX),
    ):
        st.caption("Trained on the training rows before rebalancing; judged on the same test rows as every other model.")
        data = select_rebalancing("baseline-data")
        if data is None:
            return
        table = pd.DataFrame(training_jobs.BASELINE_HYPERPARAMETERS.items(), columns=["hyperparameter", "value"])
        edited = st.data_editor(table, hide_index=True, disabled=["hyperparameter"], key="baseline-hyperparameters")
        pressed = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not session.allowed_or_explain("launch"))
        cost_line.show_expected_cost(cost_estimates.plan_training(session.target().settings, data.uri("train.csv")))
        if pressed:
            chosen = {str(row["hyperparameter"]): str(row["value"]) for row in edited.to_dict("records")}
            with errors.show_raised_errors(), st.spinner("Starting the training job …"):
                train, validation = data.uri("train.csv"), data.uri("validation_res.csv")
                name = training_jobs.launch_job(session.target(), session.identity(), train, validation, chosen, rebalanced=data.job)
                tabs.open_tab("single", training=name)
