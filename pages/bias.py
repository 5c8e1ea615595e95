"""Bias: every metric of a model's report, with its range and what it says; of two models, side by side."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.costs import cost_estimates
from core.jobs import jobs
from core.reports import bias_jobs
from ui import cache, session
from ui.bias import bias_report
from ui.components import errors, links, markdown, running_jobs, tabs
from ui.shared import cost_line, model_choice, report_choice, report_import

TABS = {"results": ":material/insights: Reports", "new": ":material/add: New report", "import": ":material/upload_file: Import"}


def show_results(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was measured yet. Choose one under **New report**, or run the whole workflow.")
        links.page_link("overview", "To the overview")
        return
    name, other = report_choice.select_report_pair(found)
    job = cache.cached_read(jobs.describe_job, "processing", name)
    if running_jobs.explain_if_foreign(job):
        return
    if job.status == "Completed":
        cost_line.show_job_cost(job)
        bias_report.show_report(name, report_choice.own_job_or_explain(other))
    elif job.status in jobs.FINAL_STATUSES:
        running_jobs.show_failed_job(job)
        cost_line.show_job_cost(job)
    else:
        running_jobs.watch_job("processing", name)


def launch_form() -> None:
    asked = model_choice.select_model_and_rows("bias")
    if asked is None:
        return
    model, data = asked
    one, two = st.columns(2)
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows (not held out: flatters)"}
    rows = one.selectbox("Rows", list(bias_jobs.ROW_FILES), format_func=words.__getitem__, key="bias-rows")
    threshold = two.slider("Threshold of the score", 0.05, 0.95, 0.5, 0.05)
    facet, rest = next(iter(bias_jobs.facet_group_names(data).values()))
    st.caption(
        markdown.escape_markdown(f"Measures {facet} against {rest}" + (f", by groups of {data.roles.group}." if data.roles.group else "."))
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


st.title("Bias")
found: list[jobs.Job] | None = None
with errors.show_raised_errors():
    found = cache.cached_read(bias_jobs.list_jobs, st.query_params.get("job"))
results, form, foreign = tabs.url_tabs("bias", TABS, "import" if "report" in st.query_params else "new" if found == [] else None)
if results.open:
    with results, errors.show_raised_errors():
        errors.if_read(found, show_results)
if form.open:
    with form, errors.show_raised_errors():
        launch_form()
if foreign.open:
    with foreign, errors.show_raised_errors():
        report_import.show_import_tab("bias", bias_report.show_imported_report)
