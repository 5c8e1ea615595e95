"""Bias: every metric of a model's report, with its range and what it says; of two models, side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _reports, _session, _show
from core import bias, jobs
from core.views import bias as views
from core.views.style import percent

RESULTS, NEW = ":material/insights: Reports", ":material/add: New report"


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the report …")
def report(target: str, job: str) -> bias.BiasReport:
    return bias.report(_session.clients(), job)


def show(name: str, other: str | None) -> None:
    done = report(_session.target(), name)
    _reports.heading(done.folder)
    facets = {f"{facet.facet} = {facet.value}": facet for facet in done.facets}
    if not facets:
        st.info("The report has no bias metrics.", icon=":material/info:")
        return
    chosen = st.selectbox("Facet", list(facets)) if len(facets) > 1 else next(iter(facets))
    facet = facets[chosen]
    twin = None
    if other:
        twin = next((f for f in report(_session.target(), other).facets if (f.facet, f.value) == (facet.facet, facet.value)), None)
    counted = next(
        (c for c in done.governance.get("facets", []) if c["facet"] == facet.facet and str(c["value_or_threshold"]) == facet.value), None
    )
    if counted:
        with st.container(horizontal=True):
            st.metric(f"Rows with {chosen}", f"{counted['rows']:,}", border=True)
            st.metric("The other rows", f"{counted['rest']:,}", border=True)
            st.metric(f"Favourable, {chosen}", percent(counted["favourable_rows"] / max(counted["rows"], 1)), border=True)
            st.metric("Favourable, the others", percent(counted["favourable_rest"] / max(counted["rest"], 1)), border=True)
    pair = ({_reports.short(other): twin} if twin and other else {}) | {_reports.short(name): facet}
    after, before = {n: f.post_training for n, f in pair.items()}, {n: f.pre_training for n, f in pair.items()}
    if len(before) > 1 and views.same(before):
        before = {"these rows": facet.pre_training}
    for title, models in (("In the predictions", after), ("In the labels of these rows", before)):
        if any(models.values()):
            st.subheader(title)
            st.plotly_chart(views.dots(models), alt=f"Bias metrics {title.lower()}", key=f"dots-{title}")
            st.table(views.reading(models), border="horizontal")
    groups = [g for g in done.governance.get("groups", []) if g.get("facet") == facet.facet]
    if groups:
        st.subheader(f"By {groups[0]['group_variable']}")
        names = {"group": "group", "rows": "rows", "facet_rows": f"of these, {chosen}", "favourable": "favourable outcomes"}
        table = pd.DataFrame(groups)[list(names)].rename(columns=names)
        st.dataframe(table, hide_index=True, alt="Rows and favourable outcomes by group")
    _reports.downloads(done.folder, name)


def draw(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("No model was measured yet. Choose one under **New report**, or run the whole workflow.")
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
    asked = _reports.model_form("bias")
    if asked is None:
        return
    model, data = asked
    one, two = st.columns(2)
    words = {"test": "Test rows (held out)", "validation": "Validation rows", "train": "Training rows (not held out: flatters)"}
    rows = one.selectbox("Rows", list(bias.ROWS), format_func=words.__getitem__, key="bias-rows")
    threshold = two.slider("Threshold of the score", 0.05, 0.95, 0.5, 0.05)
    if st.button("Measure bias", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch")):
        with _show.errors_shown(), st.spinner("Starting the job …"):
            name = bias.launch(_session.clients(), _session.identity(), _reports.ensured(model), data, rows=rows, threshold=threshold)
            _show.turn_to("bias", RESULTS, job=name)


st.title("Bias")
with _show.errors_shown(stop=True):
    found = bias.list_jobs(_session.clients())
results, form = _show.sections("bias", [RESULTS, NEW], None if found else NEW)
if results.open:
    with results, _show.errors_shown():
        draw(found)
if form.open:
    with form, _show.errors_shown():
        launch_form()
