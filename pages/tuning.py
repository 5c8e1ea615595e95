"""Tuning: launch a tuning job, watch it, and see its results; or train a single model."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.jobs import jobs, training_jobs
from core.jobs.tuning import tuning_jobs
from ui import cache
from ui.components import errors, links, tabs
from ui.tuning import train_one, training_job, tuning_form, tuning_job

TABS = {
    "results": ":material/insights: Results",
    "new": ":material/add: New tuning job",
    "single": ":material/model_training: Single models",
}


st.title("Tuning")
found: list[jobs.Job] | None = None
singles: list[jobs.Job] = []
with errors.show_raised_errors():
    found = cache.cached_read(tuning_jobs.list_jobs, st.query_params.get("job"))
with errors.show_raised_errors():
    singles = cache.cached_read(
        jobs.list_jobs, "training", name_contains=training_jobs.JOB_NAME_PREFIX, including=st.query_params.get("training")
    )
new = {"data", "clone"} & set(st.query_params) or found == []
results, form, single = tabs.url_tabs("tuning", TABS, "single" if "training" in st.query_params else "new" if new else None)
if results.open:
    with results, errors.show_raised_errors():
        if found:
            chosen = links.url_selectbox("job", [job.name for job in found], "Tuning job")
            if st.session_state.setdefault("tuning-job", chosen) != chosen:
                st.session_state["tuning-job"] = chosen
                for name in {"trial", "filter", "with"} & set(st.query_params):
                    del st.query_params[name]
            tuning_job.show_tuning_job(chosen)
        elif found is not None:
            st.markdown("No tuning job yet. Rebalance some data, then launch one under **New tuning job**.")
            links.page_link("data", "Rebalance data")
if form.open:
    with form, errors.show_raised_errors():
        tuning_form.tuning_form()
if single.open:
    with single, errors.show_raised_errors():
        with errors.show_raised_errors():
            train_one.baseline_form()
        if singles:
            training_job.show_training_job(links.url_selectbox("training", [job.name for job in singles], "Training job"))
