"""Explainability: what moves a model's predictions, over all rows and for one; two models side by side; what if."""

from __future__ import annotations

import streamlit as st

from app_pages import _costs, _explained, _import, _kept, _reports, _session, _show
from core import bias, costs, explainability, jobs

TABS = {"results": ":material/insights: Results", "new": ":material/add: New explanation", "import": ":material/upload_file: Import"}
NONE = "none"


def pair(found: list[jobs.Job]) -> tuple[str, str | None]:
    """Choose an explanation, and one to set beside it: ?job= and ?with=."""
    names = [job.name for job in found]
    one, two = st.columns(2)
    with one:
        name = _show.chosen("job", names, "Explanation", format_func=_reports.short)
    others = [job.name for job in found if job.status == "Completed" and job.name != name]
    with two:
        other = _show.chosen("with", [*others, NONE], "Beside it", format_func=_reports.short)
    return name, None if other == NONE else other


def draw(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was explained yet. Choose one under **New explanation**, or run the whole workflow.")
        _show.link("overview", "To the overview")
        return
    name, other = pair(found)
    job = _kept.lately(jobs.describe, "processing", name)
    if _show.made_elsewhere(job):
        return
    if job.status == "Completed":
        _costs.used(job)
        _explained.show(name, _reports.ours(other))
    elif job.status in jobs.FINAL:
        _show.failed(job)
        _costs.used(job)
    else:
        _show.watch("processing", name)


def launch_form() -> None:
    asked = _reports.model_form("shap")
    if asked is None:
        return
    model, data = asked
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows"}
    rows = st.selectbox("Rows", list(words), format_func=words.__getitem__, key="shap-rows")
    pressed = st.button("Explain", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch"))
    _costs.expected(costs.explanation(_session.clients().settings, data.uri(bias.ROWS[rows])))
    if pressed:
        with _show.errors_shown(), st.spinner("Starting the job …"):
            name = explainability.launch(_session.clients(), _session.identity(), _reports.ensured(model), data, rows=rows)
            _show.turn_to("results", job=name)


st.title("Explainability")
found: list[jobs.Job] | None = None
with _show.errors_shown():
    found = _kept.lately(explainability.list_jobs, st.query_params.get("job"))
linked = "import" if "report" in st.query_params else "new" if found == [] else None
results, form, foreign = _show.sections("explainability", TABS, linked)
if results.open:
    with results, _show.errors_shown():
        _show.of(found, draw)
if form.open:
    with form, _show.errors_shown():
        launch_form()
if foreign.open:
    with foreign, _show.errors_shown():
        _import.draw("explainability", _explained.imported)
