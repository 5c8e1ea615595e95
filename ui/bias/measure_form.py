"""The form that measures a model's bias."""

from __future__ import annotations

import streamlit as st

from core.costs import cost_estimates
from core.reports import bias_jobs
from ui import session
from ui.components import errors, markdown, tabs
from ui.shared import cost_line, model_choice


def measure_form() -> None:
    """Choose a model, the rows and the threshold, and start the job."""
    asked = model_choice.select_model_and_rows("bias")
    if asked is None:
        return
    model, data = asked
    one, two = st.columns(2)
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows (not held out: flatters)"}
    rows = one.selectbox("Rows", list(bias_jobs.ROW_FILES), format_func=words.__getitem__, key="bias-rows")
    threshold = two.slider("Threshold of the score", 0.05, 0.95, 0.5, 0.05)
    compared = ", and ".join(f"{facet} against {rest}" for facet, rest in bias_jobs.facet_group_names(data).values())
    st.caption(
        markdown.escape_markdown(f"Measures {compared}" + (f", by groups of {data.roles.group}." if data.roles.group else "."))
        + " The roles of the columns come with the data set."
    )
    pressed = st.button("Measure bias", type="primary", icon=":material/play_arrow:", disabled=not session.allowed_or_explain("launch"))
    cost_line.show_expected_cost(cost_estimates.plan_bias_report(session.target().settings, data.uri(bias_jobs.ROW_FILES[rows])))
    if pressed:
        with errors.show_raised_errors(), st.spinner("Starting the job …"):
            name = bias_jobs.launch_job(
                session.target(), session.identity(), model_choice.ensure_model(model), data, rows=rows, threshold=threshold
            )
            tabs.open_tab("results", job=name)
