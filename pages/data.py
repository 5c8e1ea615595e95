"""Data and rebalancing: which rows a model learns from, and what resampling does to each group."""

from __future__ import annotations

from ui import router

router.require()

from collections.abc import Callable

import streamlit as st

from core.jobs import jobs, rebalancing_jobs
from ui import cache
from ui.components import errors, links, tabs
from ui.data import datasets_tab, method_comparison, rebalancing_form, rebalancing_result
from ui.shared import job_outcome

TABS = {
    "results": ":material/insights: Results",
    "compare": ":material/compare_arrows: Methods compared",
    "new": ":material/add: New rebalancing",
    "sets": ":material/database: Data sets",
}


def show_rebalancing(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("Nothing was rebalanced yet. Choose data and a method under **New rebalancing**, or run the whole workflow.")
        links.page_link("overview", "Run the whole workflow")
        return
    name = links.url_selectbox("job", [job.name for job in found], "Rebalancing job")
    job_outcome.show_processing_job(name, lambda: rebalancing_result.show_rebalancing_result(name))


st.title("Data and rebalancing")
found: list[jobs.Job] | None = None
with errors.show_raised_errors():
    found = cache.cached_read(rebalancing_jobs.list_jobs, st.query_params.get("job"))
linked = "compare" if "compare" in st.query_params else "sets" if "dataset" in st.query_params else "new" if found == [] else None
draws: tuple[Callable[[], None], ...] = (
    lambda: errors.if_read(found, show_rebalancing),
    lambda: errors.if_read(found, method_comparison.show_rebalancing_comparison),
    rebalancing_form.rebalancing_form,
    datasets_tab.show_datasets,
)
for panel, draw in zip(tabs.url_tabs("data", TABS, linked), draws, strict=True):
    if panel.open:
        with panel, errors.show_raised_errors():
            draw()
