"""What the forms of the tuning page share, and the form of a single model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _costs, _reports, _session, _show
from core import costs, jobs, rebalancing, training


def data_job(key: str) -> rebalancing.Rebalanced | None:
    """Choose among the rebalancings that have completed; None where there's none."""
    done = [job.name for job in rebalancing.list_jobs(_session.clients()) if job.status == "Completed"]
    if not done:
        _show.empty("There are no rebalanced rows to train on yet.", "data", "Rebalance data")
        return None
    wanted = st.query_params.get("data")
    name = st.selectbox("Rebalanced rows", done, index=done.index(wanted) if wanted in done else 0, key=key)
    if _reports.ours(name) is None:
        _show.link("data", "Rebalance data", tab="new")
        return None
    return rebalancing.result(_session.clients(), name)


def baseline_form() -> None:
    """One model with the baseline's settings on the untouched training part."""
    with st.expander(
        "Train the baseline", icon=":material/add:", expanded=not jobs.listed(_session.clients(), "training", contains=training.PREFIX)
    ):
        st.caption("Trained on the untouched training part; judged on the same test rows as every other model.")
        data = data_job("baseline-data")
        if data is None:
            return
        table = pd.DataFrame(training.BASELINE.items(), columns=["hyperparameter", "value"])
        edited = st.data_editor(table, hide_index=True, disabled=["hyperparameter"], key="baseline-hyperparameters")
        pressed = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch"))
        _costs.expected(costs.single_training(_session.clients().settings, data.uri("train.csv")))
        if pressed:
            chosen = {str(row["hyperparameter"]): str(row["value"]) for row in edited.to_dict("records")}
            with _show.errors_shown(), st.spinner("Starting the training job …"):
                train, validation = data.uri("train.csv"), data.uri("validation_res.csv")
                name = training.launch(_session.clients(), _session.identity(), train, validation, chosen, rebalanced=data.job)
                _show.turn_to("single", training=name)
