"""One explanation, alone or compared with another: over all rows, row by row, along one feature; downloads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.explanations import shap_summary
from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.tables.value_names import ValueNames
from core.reports import shap_jobs
from core.reports.imported_reports import OpenedReport
from core.reports.shap_jobs import ShapRequest, ShapResult
from core.views.explainability import shap_charts as views
from core.views.explainability import shap_sentences as words
from core.views.shared import difference_sentences
from core.views.shared.number_text import format_number
from ui import session
from ui.components import charts, links, markdown
from ui.explainability import cached_explanations, one_row
from ui.shared import report_choice, report_details


def show_explanation(name: str, other: str | None) -> None:
    """Draw the explanation of the job ``name``, compared with that of the job ``other``."""
    target = session.cache_key()
    jobs = {report_choice.short_job_name(job): job for job in (other, name) if job}
    found = {label: cached_explanations.read_explanation(target, job) for label, job in jobs.items()}
    mine, known = found[report_choice.short_job_name(name)], cached_explanations.read_about(target, name)
    report_details.show_report_title(mine.folder)
    with st.container(horizontal=True):
        st.metric("Rows explained", f"{mine.rows:,}", border=True)
        st.metric("Expected prediction", format_number(mine.expected, 4), border=True, help="The mean prediction of the baseline rows.")
        help_text = (
            f"Expected + sum of a row's SHAP values − its prediction. With more than {mine.error_bound:.0e} there is no explanation."
        )
        st.metric("Additivity error, greatest", f"{mine.additivity_error:.1e}", border=True, help=help_text)
    with st.container(horizontal=True):
        links.page_link("tuning", "Training job", training=known.training_job)
        links.page_link("lineage", "Lineage of the model", uri=known.model_uri)
        if known.rebalancing_job:
            links.page_link("data", "Data", job=known.rebalancing_job)
    alone = other is not None and explain_if_unlike(name, other)
    both, explained = (
        (jobs, found) if not alone else ({k: v for k, v in jobs.items() if v == name}, {report_choice.short_job_name(name): mine})
    )
    paired = cached_explanations.paired_differences(target, other, name) if other and not alone else None
    show_importance(name, both, explained, known, paired)
    left, right = st.columns(2, gap="large")
    with left:
        show_beeswarm(name, mine, known.value_names)
    with right:
        show_dependence_plot(explained, known.value_names)
    one_row.show_row(name, explained, known)
    if other and alone:
        show_other_alone(other)
    show_downloads(name, mine, both, known, paired)


def explain_if_unlike(name: str, other: str) -> bool:
    """Whether two explanations can't be compared; the page then says why, and what could be done instead."""
    names = (report_choice.short_job_name(name), report_choice.short_job_name(other))
    reasons = cached_explanations.explain_unlike(session.cache_key(), name, other, names)
    if reasons:
        said = " ".join(map(markdown.escape_markdown, reasons))
        st.info(
            f"**These two can't be compared.** {said} Each is shown alone. Choose another one under **Compare with**, or explain both "
            "models on the same rows under **New explanation**.",
            icon=":material/difference:",
        )
    return bool(reasons)


def show_other_alone(name: str) -> None:
    """What matters in an explanation that can't be compared with the one that the page is about."""
    label, shap = report_choice.short_job_name(name), cached_explanations.read_explanation(session.cache_key(), name)
    st.header(markdown.escape_markdown(label))
    st.caption(f"{shap.rows:,} rows explained; expected prediction {format_number(shap.expected, 4)}.")
    means = {label: cached_explanations.importance_and_direction(session.cache_key(), name)[0]}
    sensitive = cached_explanations.read_about(session.cache_key(), name).sensitive
    st.markdown(markdown.escape_markdown(words.importance_sentence(means[label])))
    fig = charts.cached_figure(views.importance_bars, means, sensitive=sensitive)
    alt = f"Mean absolute SHAP value of each feature, {label}"
    charts.show_chart(fig, views.importance_table(means, None, sensitive), alt=alt, key="bars-other")
    links.page_link("explainability", f"Open {label}", job=name)


def show_imported_explanation(opened: OpenedReport) -> None:
    """The global SHAP values of an imported report, which has no rows."""
    known = shap_jobs.summarize_report(opened.raw, opened.uri)
    labels = {one.label: one for one in known.labels}
    label = links.url_selectbox("label", list(labels), "Output of the model") if len(labels) > 1 else next(iter(labels))
    one = labels[label]
    expected = ", ".join(format_number(value, 4) for value in one.expected)
    st.metric("Expected prediction", expected or "not known", border=True, help="The model's mean output on the baseline rows.")
    st.subheader("What matters over all rows")
    st.markdown(
        difference_sentences.importance_sentence(
            {markdown.escape_markdown(label): {markdown.escape_markdown(name): value for name, value in one.values.items()}}, None
        )
    )
    st.caption(
        "The report doesn't contain the rows or their number, so this page can't show single rows, the course along a feature, intervals, "
        "or whether the values add up to the predictions."
        + (
            " Some values are negative: they aren't mean magnitudes, and positive and negative effects may cancel."
            if min(one.values.values()) < 0
            else ""
        )
    )
    if one.undefined:
        st.caption(markdown.escape_markdown(f"The report has no value for {', '.join(one.undefined)}."))
    if known.others:
        st.caption(
            markdown.escape_markdown(f"The report also contains {', '.join(known.others)}. This page doesn't show that; the JSON does.")
        )
    values = {label: one.values}
    charts.show_chart(
        charts.cached_figure(views.global_bars, values, x="global SHAP value"),
        views.global_values_table(values),
        alt="Global SHAP value of each feature",
        key="imported-bars",
    )


def show_importance(
    name: str,
    jobs: dict[str, str],
    explanations: dict[str, ShapResult],
    about: ShapRequest,
    paired: dict[str, ShapEstimate] | None,
) -> None:
    """Mean |SHAP| of each feature, and how much of it sensitive columns have."""
    st.subheader("What matters over all rows")
    means = {label: cached_explanations.importance_and_direction(session.cache_key(), job)[0] for label, job in jobs.items()}
    given = [column for column in about.sensitive if column in means[report_choice.short_job_name(name)]]
    st.markdown(markdown.escape_markdown(words.importance_sentence(means[report_choice.short_job_name(name)])))
    fig = charts.cached_figure(views.importance_bars, means, sensitive=about.sensitive)
    charts.show_chart(
        fig, views.importance_table(means, paired, about.sensitive), alt="Mean absolute SHAP value of each feature", key="bars"
    )
    if paired is not None:
        st.markdown(markdown.escape_markdown(words.differences_sentence(paired, *jobs)))
    absent = [column for column in about.sensitive if column not in given]
    if absent:
        st.markdown(
            markdown.escape_markdown(f"Not given to the model: {' and '.join(absent)}. Other columns may still act as proxies for them.")
        )
    if given:
        shares = {
            label: shap_summary.importance_share(
                cached_explanations.shap_array(shap), [list(shap.values.columns).index(c) for c in given if c in shap.values.columns]
            )
            for label, shap in explanations.items()
        }
        gap, mine = None, explanations[report_choice.short_job_name(name)]
        if about.facet in given and about.facet_value is not None:
            column = list(mine.values.columns).index(about.facet)
            gap = shap_summary.shap_gap(
                cached_explanations.shap_array(mine)[:, column], (mine.data[about.facet] == about.facet_value).to_numpy(dtype=np.bool_)
            )
        st.info(
            markdown.escape_markdown(
                words.sensitive_columns_sentence(
                    given, shares, about.facet, about.value_names.describe(about.facet, about.facet_value), gap
                )
            ),
            icon=":material/flag:",
        )


def show_beeswarm(name: str, explanation: ShapResult, names: ValueNames) -> None:
    """SHAP values of many rows, by feature."""
    st.subheader("Row by row")
    push = cached_explanations.importance_and_direction(session.cache_key(), name)[1]
    st.markdown(markdown.escape_markdown(words.beeswarm_sentence(dict(list(push.items())[:3]))))
    rows = [(feature, e.value, e.low, e.high, e.n) for feature, e in push.items()]
    table = pd.DataFrame(rows, columns=["feature", "rank correlation with its SHAP value", "low", "high", "n"])
    alt = "SHAP values of many rows, by feature"
    charts.show_chart(
        charts.cached_figure(views.beeswarm, cached_explanations.shap_array(explanation), explanation.data, names),
        table,
        alt=alt,
        key="beeswarm",
    )


def show_dependence_plot(explanations: dict[str, ShapResult], names: ValueNames) -> None:
    """SHAP value against the value of one feature."""
    st.subheader("Along one feature")
    *_, mine = explanations.values()
    shared = [feature for feature in mine.global_values if all(feature in shap.data.columns for shap in explanations.values())]
    shared.sort(key=lambda feature: -mine.global_values[feature])
    feature = links.url_selectbox("feature", shared, "Feature")
    columns = {label: list(shap.values.columns).index(feature) for label, shap in explanations.items()}
    bands = {
        label: shap_summary.mean_by_band(
            cached_explanations.shap_array(shap)[:, columns[label]], shap.data[feature], coded=names.is_coded(feature)
        )
        for label, shap in explanations.items()
    }
    for label, band in bands.items():
        st.markdown(markdown.escape_markdown(words.bands_sentence(band, feature, label, names)))
    fig = charts.cached_figure(
        views.dependence,
        {label: cached_explanations.shap_array(shap) for label, shap in explanations.items()},
        {label: shap.data for label, shap in explanations.items()},
        feature,
        names,
        bands=bands,
    )
    charts.show_chart(fig, views.band_table(bands, feature, names), alt=f"SHAP value against {feature}", key="dependence")


def show_downloads(
    name: str, explanation: ShapResult, jobs: dict[str, str], about: ShapRequest, paired: dict[str, ShapEstimate] | None
) -> None:
    """All SHAP values and the features as CSV; the report."""
    st.subheader("Download")

    def every_value() -> bytes:
        from core.safe_csv import safe_csv_bytes

        frame = explanation.values.assign(prediction=explanation.predictions).round(8)
        return safe_csv_bytes(["row", *frame.columns], frame.itertuples())

    def features() -> bytes:
        from core.safe_csv import safe_csv_bytes

        means = {label: cached_explanations.importance_and_direction(session.cache_key(), job)[0] for label, job in jobs.items()}
        table = views.importance_table(means, paired, about.sensitive)
        return safe_csv_bytes(table.columns, table.itertuples(index=False))

    with st.container(horizontal=True):
        for label, content in (("SHAP values, CSV", every_value), ("Features, CSV", features)):
            file = f"{name}-{'values' if content is every_value else 'features'}.csv"
            st.download_button(label, content, file, "text/csv", icon=":material/download:", on_click="ignore", key=file)
    report_details.report_download_buttons(explanation.folder, name)
