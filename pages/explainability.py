"""Explainability: what moves a model's predictions, over all rows and for one; two models side by side; what if."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.costs import cost_estimates
from core.jobs import jobs
from core.reports import bias_jobs, shap_jobs
from ui import cache, session
from ui.components import errors, links, running_jobs, tabs
from ui.explainability import explanation_report
from ui.shared import cost_line, model_choice, report_choice, report_import

TABS = {"results": ":material/insights: Results", "new": ":material/add: New explanation", "import": ":material/upload_file: Import"}
NONE = "none"


def select_explanations(explanation_jobs: list[jobs.Job]) -> tuple[str, str | None]:
    """Choose an explanation, and one to set beside it: ?job= and ?with=."""
    names = [job.name for job in explanation_jobs]
    one, two = st.columns(2)
    with one:
        name = links.url_selectbox("job", names, "Explanation", format_func=report_choice.short_job_name)
    others = [job.name for job in explanation_jobs if job.status == "Completed" and job.name != name]
    with two:
        other = links.url_selectbox("with", [*others, NONE], "Beside it", format_func=report_choice.short_job_name)
    return name, None if other == NONE else other


def show_results(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was explained yet. Choose one under **New explanation**, or run the whole workflow.")
        links.page_link("overview", "To the overview")
        return
    name, other = select_explanations(found)
    job = cache.cached_read(jobs.describe_job, "processing", name)
    if running_jobs.explain_if_foreign(job):
        return
    if job.status == "Completed":
        cost_line.show_job_cost(job)
        explanation_report.show_explanation(name, report_choice.own_job_or_explain(other))
    elif job.status in jobs.FINAL_STATUSES:
        running_jobs.show_failed_job(job)
        cost_line.show_job_cost(job)
    else:
        running_jobs.watch_job("processing", name)


def launch_form() -> None:
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


st.title("Explainability")
found: list[jobs.Job] | None = None
with errors.show_raised_errors():
    found = cache.cached_read(shap_jobs.list_jobs, st.query_params.get("job"))
linked = "import" if "report" in st.query_params else "new" if found == [] else None
results, form, foreign = tabs.url_tabs("explainability", TABS, linked)
if results.open:
    with results, errors.show_raised_errors():
        errors.if_read(found, show_results)
if form.open:
    with form, errors.show_raised_errors():
        launch_form()
if foreign.open:
    with foreign, errors.show_raised_errors():
        report_import.show_import_tab("explainability", explanation_report.show_imported_report)
