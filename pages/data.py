"""Data and rebalancing: which rows a model learns from, and what resampling does to each group."""

from __future__ import annotations

import streamlit as st

from app_pages import _costs, _kept, _launch, _methods, _rebalanced, _sets, _show
from core import jobs, rebalancing

TABS = {
    "results": ":material/insights: Results",
    "compare": ":material/compare_arrows: Methods compared",
    "new": ":material/add: New rebalancing",
    "sets": ":material/database: Data sets",
}


def one(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("Nothing was rebalanced yet. Choose data and a method under **New rebalancing**, or run the whole workflow.")
        _show.link("overview", "Run the whole workflow")
        return
    name = _show.chosen("job", [job.name for job in found], "Rebalancing job")
    job = _kept.lately(jobs.describe, "processing", name)
    if _show.made_elsewhere(job):
        return
    if job.status == "Completed":
        _costs.used(job)
        _rebalanced.show(name)
    elif job.status in jobs.FINAL:
        _show.failed(job)
        _costs.used(job)
    else:
        _show.watch("processing", name)


st.title("Data and rebalancing")
found: list[jobs.Job] | None = None
with _show.errors_shown():
    found = _kept.lately(rebalancing.list_jobs, st.query_params.get("job"))
linked = "compare" if "compare" in st.query_params else "sets" if "dataset" in st.query_params else "new" if found == [] else None
draws = (lambda: _show.of(found, one), lambda: _show.of(found, _methods.draw), _launch.form, _sets.draw)
for panel, draw in zip(_show.sections("data", TABS, linked), draws, strict=True):
    if panel.open:
        with panel, _show.errors_shown():
            draw()
