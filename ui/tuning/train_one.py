"""The form that trains a single model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.costs import cost_estimates
from core.jobs import jobs, training_jobs
from ui import session
from ui.components import errors, tabs
from ui.shared import cost_line
from ui.tuning import rebalanced_rows


def baseline_form() -> None:
    """Train one model with the baseline's settings on the training rows before rebalancing."""
    with st.expander(
        "Train the baseline",
        icon=":material/add:",
        expanded=not jobs.list_jobs(session.target(), "training", name_contains=training_jobs.JOB_NAME_PREFIX),
    ):
        st.caption("Trained on the training rows before rebalancing; judged on the same test rows as every other model.")
        data = rebalanced_rows.select_rebalancing("baseline-data")
        if data is None:
            return
        table = pd.DataFrame(training_jobs.BASELINE_HYPERPARAMETERS.items(), columns=["hyperparameter", "value"])
        edited = st.data_editor(table, hide_index=True, disabled=["hyperparameter"], key="baseline-hyperparameters")
        pressed = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not session.allowed_or_explain("launch"))
        cost_line.show_expected_cost(cost_estimates.plan_training(session.target().settings, data.uri("train.csv")))
        if pressed:
            chosen = {str(row["hyperparameter"]): str(row["value"]) for row in edited.to_dict("records")}
            with errors.show_raised_errors(), st.spinner("Starting the training job …"):
                train, validation = data.original_channels.values()
                name = training_jobs.launch_job(
                    session.target(), session.identity(), train, validation, chosen, rebalanced=data.job, labels=data.label_names
                )
                tabs.open_tab("single", training=name)
