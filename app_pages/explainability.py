"""Explainability: what moves a model's predictions, over all rows and for one; two models side by side."""

from __future__ import annotations

import streamlit as st

from app_pages import _reports, _session, _show
from core import explainability, jobs
from core.views import shap as views
from core.views.style import number

RESULTS, NEW = ":material/insights: Results", ":material/add: New explanation"


@st.cache_data(ttl="30m", max_entries=6, show_spinner="Reading the SHAP values …")
def result(target: str, job: str) -> explainability.Shap:
    return explainability.result(_session.clients(), job)


def show(name: str, other: str | None) -> None:
    found = {_reports.short(job): result(_session.target(), job) for job in (other, name) if job}
    mine = found[_reports.short(name)]
    _reports.heading(mine.folder)
    values = mine.values.to_numpy(dtype=float)
    with st.container(horizontal=True):
        st.metric("Rows explained", f"{mine.rows:,}", border=True)
        st.metric("Expected prediction", number(mine.expected, 4), border=True, help="The mean prediction of the baseline rows.")
        exact = views.additivity(values, mine.expected, mine.predictions.to_numpy(dtype=float))
        st.metric("Additivity error, greatest", f"{exact:.1e}", border=True, help="expected + sum of a row's SHAP values − its prediction.")
    st.subheader("What matters over all rows")
    globally = {label: shap.global_values for label, shap in found.items()}
    _show.chart(views.bars(globally), views.global_table(globally), alt="Mean absolute SHAP value of each feature", key="bars")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Row by row")
        st.plotly_chart(views.beeswarm(values, mine.data), alt="SHAP values of many rows, by feature", key="beeswarm")
    with right:
        st.subheader("Along one feature")
        shared = [feature for feature in mine.global_values if all(feature in shap.data.columns for shap in found.values())]
        feature = st.selectbox("Feature", shared)
        arrays = {label: shap.values.to_numpy(dtype=float) for label, shap in found.items()}
        frames = {label: shap.data for label, shap in found.items()}
        st.plotly_chart(views.dependence(arrays, frames, feature), alt=f"SHAP value against {feature}", key="dependence")
    st.subheader("One row")
    row = int(
        st.number_input("Row of the data", 0, mine.rows - 1, min(int(st.query_params.get("row", "0") or 0), mine.rows - 1), key="row")
    )
    for column, (label, shap) in zip(st.columns(len(found), gap="large"), found.items(), strict=True):
        if row < shap.rows:
            with column:
                st.caption(f"{label}: predicted {number(float(shap.predictions.iloc[row]), 3)}")
                one = shap.values.iloc[row].to_numpy(dtype=float)
                drawn = views.waterfall(one, shap.expected, shap.data.iloc[row])
                table = views.waterfall_table(one, shap.data.iloc[row])
                _show.chart(drawn, table, alt=f"Contributions to the prediction of row {row}, {label}", key=f"waterfall-{label}")
    _reports.downloads(mine.folder, name)


def draw(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was explained yet. Choose one under **New explanation**, or run the whole workflow.")
        _show.link("overview", "To the overview")
        return
    name, other = _reports.pair(found)
    job = jobs.describe(_session.clients(), "processing", name)
    if job.status == "Completed":
        show(name, other)
    elif job.status in jobs.FINAL:
        _show.failed(job)
    else:
        _show.watch("processing", name)


def launch_form() -> None:
    asked = _reports.model_form("shap")
    if asked is None:
        return
    model, data = asked
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows"}
    rows = st.selectbox("Rows", list(words), format_func=words.__getitem__, key="shap-rows")
    if st.button("Explain", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch")):
        with _show.errors_shown(), st.spinner("Starting the job …"):
            name = explainability.launch(_session.clients(), _session.identity(), _reports.ensured(model), data, rows=rows)
            _show.turn_to("explainability", RESULTS, job=name)


st.title("Explainability")
with _show.errors_shown(stop=True):
    found = explainability.list_jobs(_session.clients())
results, form = _show.sections("explainability", [RESULTS, NEW], None if found else NEW)
if results.open:
    with results, _show.errors_shown():
        draw(found)
if form.open:
    with form, _show.errors_shown():
        launch_form()
