"""Data and rebalancing: which rows a model learns from, and what resampling does to each group."""

from __future__ import annotations

import streamlit as st

from app_pages import _launch, _methods, _rebalanced, _session, _sets, _show
from core import jobs, rebalancing

RESULTS, COMPARE = ":material/insights: Results", ":material/compare_arrows: Methods compared"
NEW, SETS = ":material/add: New rebalancing", ":material/database: Data sets"


def one(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("Nothing was rebalanced yet. Choose data and a method under **New rebalancing**, or run the whole workflow.")
        _show.link("overview", "Run the whole workflow")
        return
    name = _show.chosen("job", [job.name for job in found], "Rebalancing job")
    job = jobs.describe(_session.clients(), "processing", name)
    if job.status == "Completed":
        _rebalanced.show(name, COMPARE)
    elif job.status in jobs.FINAL:
        _show.failed(job)
    else:
        _show.watch("processing", name)


st.title("Data and rebalancing")
with _show.errors_shown(stop=True):
    found = rebalancing.list_jobs(_session.clients())
VIEWS = {"results": RESULTS, "compare": COMPARE, "new": NEW, "sets": SETS}
linked = "compare" if "compare" in st.query_params else "sets" if "dataset" in st.query_params else "" if found else "new"
panels = {
    RESULTS: lambda: one(found),
    COMPARE: lambda: _methods.draw(found, RESULTS),
    NEW: lambda: _launch.form(RESULTS, COMPARE, SETS),
    SETS: lambda: _sets.draw(NEW),
}
opened = VIEWS.get(st.query_params.get("view", linked))
for panel, (label, draw) in zip(_show.sections("data", list(panels), opened), panels.items(), strict=True):
    if panel.open:
        st.query_params["view"] = next(name for name, tab in VIEWS.items() if tab == label)
        with panel, _show.errors_shown():
            draw()
