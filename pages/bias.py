"""Bias: every metric of a model's report, with its range and meaning; two models side by side."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.jobs import jobs
from core.reports import bias_jobs
from ui import cache
from ui.bias import bias_report, measure_form
from ui.components import errors, links, tabs
from ui.shared import job_outcome, report_choice, report_import

TABS = {"results": ":material/insights: Reports", "new": ":material/add: New report", "import": ":material/upload_file: Import"}


st.title("Bias")
found: list[jobs.Job] | None = None
with errors.show_raised_errors():
    found = cache.cached_read(bias_jobs.list_jobs, st.query_params.get("job"))
results, form, foreign = tabs.url_tabs("bias", TABS, "import" if "report" in st.query_params else "new" if found == [] else None)
if results.open:
    with results, errors.show_raised_errors():
        if found:
            name, other = report_choice.select_report_pair(found)
            job_outcome.show_processing_job(name, lambda: bias_report.show_bias_report(name, report_choice.own_job_or_explain(other)))
        elif found is not None:
            st.markdown("No model was measured yet. Choose one under **New report**, or run the whole workflow.")
            links.page_link("overview", "To the overview")
if form.open:
    with form, errors.show_raised_errors():
        measure_form.measure_form()
if foreign.open:
    with foreign, errors.show_raised_errors():
        report_import.show_import_tab("bias", bias_report.show_imported_bias)
