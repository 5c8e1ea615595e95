"""Chooses a trained model and the rows to judge it on."""

from __future__ import annotations

import streamlit as st

from core.jobs import jobs, models, rebalancing_jobs, training_data, training_jobs
from core.jobs.tuning import tuning_jobs
from ui import session
from ui.components import links


def select_model_and_rows(key: str) -> tuple[str, rebalancing_jobs.RebalancedData] | None:
    """Choose a training job that has a model, and the rows to judge it on; None if no model is trained yet or its rows are unknown."""
    target = session.target()
    best = [
        job.raw["BestTrainingJob"]["TrainingJobName"]
        for job in (tuning_jobs.describe_job(target, found.name) for found in tuning_jobs.list_jobs(target)[:10])
        if job.raw.get("BestTrainingJob")
    ]
    single = [
        job.name for job in jobs.list_jobs(target, "training", name_contains=training_jobs.JOB_NAME_PREFIX) if job.status == "Completed"
    ]
    if not best and not single:
        links.show_empty_state("No model is trained yet.", "tuning", "Train or tune a model")
        return None
    name = st.selectbox(
        "Model of training job",
        [*best, *single],
        key=f"{key}-model",
        help="The trial that each tuning job names the best, and single models.",
    )
    data = training_data.find_rebalancing(target, training_jobs.describe_job(target, name))
    if data is None:
        st.warning("The job trained on data that wasn't rebalanced here, so its test rows are unknown.", icon=":material/warning:")
        st.markdown("Upload its data here, split it, and train on it. An existing Clarify report opens under **Import**.")
        links.page_link("data", "Data and rebalancing", tab="new")
        return None
    return name, data


def ensure_model(training_job: str) -> str:
    """The name of a training job's model, which is created if it doesn't exist yet."""
    return models.ensure_model(session.target(), session.identity(), training_job)
