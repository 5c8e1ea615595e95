"""One explanation, alone or beside another: all rows, row by row, along one feature; downloads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app_pages import _reports, _row, _session, _shap, _show
from core import explainability
from core.analysis import explanations_summary as summary
from core.explainability import About, Shap
from core.imports import Opened
from core.views import shap as views
from core.views import shap_words as words
from core.views import words as shared_words
from core.views.style import number


def show(name: str, other: str | None) -> None:
    target = _session.target()
    jobs = {_reports.short(job): job for job in (other, name) if job}
    found = {label: _shap.result(target, job) for label, job in jobs.items()}
    mine, known = found[_reports.short(name)], _shap.about(target, name)
    _reports.heading(mine.folder)
    with st.container(horizontal=True):
        st.metric("Rows explained", f"{mine.rows:,}", border=True)
        st.metric("Expected prediction", number(mine.expected, 4), border=True, help="The mean prediction of the baseline rows.")
        exact = views.additivity(_shap.arrays(mine), mine.expected, mine.predictions.to_numpy(dtype=float))
        st.metric("Additivity error, greatest", f"{exact:.1e}", border=True, help="expected + sum of a row's SHAP values − its prediction.")
    with st.container(horizontal=True):
        _show.link("tuning", "Training job", training=known.training_job)
        _show.link("lineage", "Lineage of the model", uri=known.model_uri)
        if known.rebalanced:
            _show.link("data", "Data", job=known.rebalanced)
    paired = _shap.differences(target, other, name) if other else None
    everything(name, jobs, found, known, paired)
    left, right = st.columns(2, gap="large")
    with left:
        beeswarm(name, mine)
    with right:
        along(found)
    same = {label: shap for label, shap in found.items() if shap is mine or paired is not None}
    _row.show(name, same, known)
    if len(same) < len(found):
        st.caption("The other explanation is of other rows, so that one row can't be set beside one of its own.")
    downloads(name, mine, jobs, known, paired)


def imported(found: Opened) -> None:
    """The global values of a report of others: it has no rows."""
    known = explainability.summary(found.raw, found.uri)
    labels = {one.label: one for one in known.labels}
    label = _show.chosen("label", list(labels), "Output of the model") if len(labels) > 1 else next(iter(labels))
    one = labels[label]
    expected = ", ".join(number(value, 4) for value in one.expected)
    st.metric("Expected prediction", expected or "not known", border=True, help="The model's mean output on the baseline rows.")
    st.subheader("What matters over all rows")
    st.markdown(shared_words.importance({_show.plain(label): {_show.plain(name): value for name, value in one.values.items()}}, None))
    st.caption(
        "Not known, as the report doesn't say it: the rows (so neither one row's contributions nor a feature's course), how many there "
        "were, intervals, and whether the values add up to the predictions."
        + (" The values have signs: they are no mean magnitudes, and features may cancel out." if min(one.values.values()) < 0 else "")
    )
    if one.undefined:
        st.caption(_show.plain(f"Without a figure in the report: {', '.join(one.undefined)}."))
    if known.others:
        st.caption(_show.plain(f"The report also holds {', '.join(known.others)}, which isn't drawn here: see the JSON."))
    values = {label: one.values}
    _show.chart(
        _show.drawn(views.bars, values, x="global SHAP value"),
        views.global_table(values),
        alt="Global SHAP value of each feature",
        key="imported-bars",
    )


def everything(name: str, jobs: dict[str, str], found: dict[str, Shap], known: About, paired: dict[str, summary.Estimate] | None) -> None:
    st.subheader("What matters over all rows")
    means = {label: _shap.overall(_session.target(), job)[0] for label, job in jobs.items()}
    given = [column for column in known.sensitive if column in means[_reports.short(name)]]
    st.markdown(_show.plain(words.of_importance(means[_reports.short(name)])))
    fig = _show.drawn(views.importance_bars, means, sensitive=known.sensitive)
    _show.chart(fig, views.importance_table(means, paired, known.sensitive), alt="Mean absolute SHAP value of each feature", key="bars")
    if paired is not None:
        st.markdown(_show.plain(words.of_differences(paired, *jobs)))
    elif len(jobs) > 1:
        st.caption("The two were explained on different rows, so their difference has no paired interval.")
    absent = [column for column in known.sensitive if column not in given]
    if absent:
        st.markdown(_show.plain(f"Not given to the model: {' and '.join(absent)}. Other columns may stand for them all the same."))
    if given:
        shares = {
            label: summary.share(_shap.arrays(shap), [list(shap.values.columns).index(c) for c in given if c in shap.values.columns])
            for label, shap in found.items()
        }
        gap, mine = None, found[_reports.short(name)]
        if known.facet in given and known.facet_value is not None:
            column = list(mine.values.columns).index(known.facet)
            gap = summary.gap(_shap.arrays(mine)[:, column], (mine.data[known.facet] == known.facet_value).to_numpy(dtype=np.bool_))
        st.info(_show.plain(words.of_sensitive(given, shares, known.facet, known.facet_value, gap)), icon=":material/flag:")


def beeswarm(name: str, mine: Shap) -> None:
    st.subheader("Row by row")
    push = _shap.overall(_session.target(), name)[1]
    st.markdown(_show.plain(words.of_beeswarm(dict(list(push.items())[:3]))))
    rows = [(feature, e.value, e.low, e.high, e.n) for feature, e in push.items()]
    table = pd.DataFrame(rows, columns=["feature", "rank correlation with its SHAP value", "low", "high", "n"])
    alt = "SHAP values of many rows, by feature"
    _show.chart(_show.drawn(views.beeswarm, _shap.arrays(mine), mine.data), table, alt=alt, key="beeswarm")


def along(found: dict[str, Shap]) -> None:
    st.subheader("Along one feature")
    *_, mine = found.values()
    shared = [feature for feature in mine.global_values if all(feature in shap.data.columns for shap in found.values())]
    shared.sort(key=lambda feature: -mine.global_values[feature])
    feature = _show.chosen("feature", shared, "Feature")
    columns = {label: list(shap.values.columns).index(feature) for label, shap in found.items()}
    bands = {label: summary.along(_shap.arrays(shap)[:, columns[label]], shap.data[feature]) for label, shap in found.items()}
    for label, band in bands.items():
        st.markdown(_show.plain(words.of_bands(band, feature, label)))
    fig = _show.drawn(
        views.dependence,
        {label: _shap.arrays(shap) for label, shap in found.items()},
        {label: shap.data for label, shap in found.items()},
        feature,
        bands=bands,
    )
    _show.chart(fig, views.band_table(bands, feature), alt=f"SHAP value against {feature}", key="dependence")


def downloads(name: str, mine: Shap, jobs: dict[str, str], known: About, paired: dict[str, summary.Estimate] | None) -> None:
    st.subheader("Download")

    def every_value() -> bytes:
        from core.governance import pack

        frame = mine.values.assign(prediction=mine.predictions).round(8)
        return pack.table(["row", *frame.columns], frame.itertuples())

    def features() -> bytes:
        from core.governance import pack

        means = {label: _shap.overall(_session.target(), job)[0] for label, job in jobs.items()}
        table = views.importance_table(means, paired, known.sensitive)
        return pack.table(table.columns, table.itertuples(index=False))

    with st.container(horizontal=True):
        for label, content in (("SHAP values, CSV", every_value), ("Features, CSV", features)):
            file = f"{name}-{'values' if content is every_value else 'features'}.csv"
            st.download_button(label, content, file, "text/csv", icon=":material/download:", on_click="ignore", key=file)
    _reports.downloads(mine.folder, name)
