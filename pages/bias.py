"""Bias: every metric of a model's report, with its range and what it says; of two models, side by side."""

from __future__ import annotations

import streamlit as st

from app_pages import _bias, _costs, _import, _kept, _reports, _session, _show
from core import bias, costs, jobs

TABS = {"results": ":material/insights: Reports", "new": ":material/add: New report", "import": ":material/upload_file: Import"}


def draw(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was measured yet. Choose one under **New report**, or run the whole workflow.")
        _show.link("overview", "To the overview")
        return
    name, other = _reports.pair(found)
    job = _kept.lately(jobs.describe, "processing", name)
    if _show.made_elsewhere(job):
        return
    if job.status == "Completed":
        _costs.used(job)
        _bias.show(name, _reports.ours(other))
    elif job.status in jobs.FINAL:
        _show.failed(job)
        _costs.used(job)
    else:
        _show.watch("processing", name)


def launch_form() -> None:
    asked = _reports.model_form("bias")
    if asked is None:
        return
    model, data = asked
    one, two = st.columns(2)
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows (not held out: flatters)"}
    rows = one.selectbox("Rows", list(bias.ROWS), format_func=words.__getitem__, key="bias-rows")
    threshold = two.slider("Threshold of the score", 0.05, 0.95, 0.5, 0.05)
    facet, rest = next(iter(bias.people(data).values()))
    st.caption(
        _show.plain(f"Measures {facet} against {rest}" + (f", by groups of {data.roles.group}." if data.roles.group else "."))
        + " The roles of the columns come with the data set."
    )
    pressed = st.button("Measure bias", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch"))
    _costs.expected(costs.bias_report(_session.clients().settings, data.uri(bias.ROWS[rows])))
    if pressed:
        with _show.errors_shown(), st.spinner("Starting the job …"):
            name = bias.launch(_session.clients(), _session.identity(), _reports.ensured(model), data, rows=rows, threshold=threshold)
            _show.turn_to("results", job=name)


st.title("Bias")
found: list[jobs.Job] | None = None
with _show.errors_shown():
    found = _kept.lately(bias.list_jobs, st.query_params.get("job"))
results, form, foreign = _show.sections("bias", TABS, "import" if "report" in st.query_params else "new" if found == [] else None)
if results.open:
    with results, _show.errors_shown():
        _show.of(found, draw)
if form.open:
    with form, _show.errors_shown():
        launch_form()
if foreign.open:
    with foreign, _show.errors_shown():
        _import.draw("bias", _bias.imported)
