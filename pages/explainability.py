"""Explainability: which features drive a model's predictions, over all rows and for one; two models side by side; what if."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.jobs import jobs
from core.reports import shap_jobs
from ui import cache
from ui.components import errors, links, tabs
from ui.explainability import explain_form, explanation_report, reasons_form
from ui.shared import job_outcome, report_choice, report_import

TABS = {
    "results": ":material/insights: Results",
    "reasons": ":material/contact_support: Reasons",
    "new": ":material/add: New explanation",
    "import": ":material/upload_file: Import",
}


st.title("Explainability")
found: list[jobs.Job] | None = None
with errors.show_raised_errors():
    found = cache.cached_read(shap_jobs.list_jobs, st.query_params.get("job"))
linked = "import" if "report" in st.query_params else "new" if found == [] else None
results, reasons, form, foreign = tabs.url_tabs("explainability", TABS, linked)
if results.open:
    with results, errors.show_raised_errors():
        if found:
            name, other = report_choice.select_report_pair(found, label="Explanation", other_query="with")
            job_outcome.show_processing_job(
                name, lambda: explanation_report.show_explanation(name, report_choice.own_job_or_explain(other))
            )
        elif found is not None:
            st.markdown("No model was explained yet. Choose one under **New explanation**, or run the whole workflow.")
            links.page_link("overview", "To the overview")
if reasons.open:
    with reasons, errors.show_raised_errors():
        reasons_form.reasons_tab()
if form.open:
    with form, errors.show_raised_errors():
        explain_form.explain_form()
if foreign.open:
    with foreign, errors.show_raised_errors():
        report_import.show_import_tab("explainability", explanation_report.show_imported_explanation)
