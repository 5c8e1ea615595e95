"""The form that explains a model."""

from __future__ import annotations

import streamlit as st

from core.costs import cost_estimates
from core.reports import bias_jobs, shap_jobs
from ui import session
from ui.components import errors, tabs
from ui.shared import cost_line, model_choice


def explain_form() -> None:
    """Choose a model and the rows, and start the job."""
    asked = model_choice.select_model_and_rows("shap")
    if asked is None:
        return
    model, data = asked
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows"}
    rows = st.selectbox("Rows", list(words), format_func=words.__getitem__, key="shap-rows")
    pressed = st.button("Explain", type="primary", icon=":material/play_arrow:", disabled=not session.allowed_or_explain("launch"))
    cost_line.show_expected_cost(cost_estimates.plan_explanation(session.target().settings, data.uri(bias_jobs.ROW_FILES[rows])))
    if pressed:
        with errors.show_raised_errors(), st.spinner("Starting the job …"):
            name = shap_jobs.launch_job(session.target(), session.identity(), model_choice.ensure_model(model), data, rows=rows)
            tabs.open_tab("results", job=name)
