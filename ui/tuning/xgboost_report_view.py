"""The XGBoost report of a training job, as charts."""

from __future__ import annotations

import streamlit as st

from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.performance.xgboost_report_json import XgboostReport
from core.jobs.rebalancing_jobs import RebalancedData
from core.views.registry import performance_charts
from core.views.tuning import tuning_sentences
from core.views.tuning import xgboost_charts as views
from ui.components import charts, markdown
from ui.shared import cached_tuning

SECTIONS = ["Confusion", "ROC", "Precision and recall", "Calibration", "Importance", "Residuals"]


def show_xgboost_report(page: str, data: RebalancedData | None, key: str) -> None:
    """Draw the report whose HTML page is at ``page``; ``data``: the rows of the training, for the names of labels and features."""
    features, labels = (data.manifest["features"], data.label_names) if data else ([], ("label 0", "label 1"))
    found = cached_tuning.read_xgboost_report(page)
    rows = found["judged_on"]
    performance = found["performance"][rows]
    said = tuning_sentences.report_sentences(performance, rows, labels)
    name = f"{rows} rows"
    tabs = st.tabs(SECTIONS, key=f"report-tabs-{key}", on_change="rerun")
    for section, tab in zip(SECTIONS, tabs, strict=True):
        if tab.open:
            with tab:
                _show_section(section, found, performance, said, name, features, labels, key)


def _show_section(
    section: str,
    report: XgboostReport,
    performance: PerformanceJson,
    sentences: dict[str, str],
    name: str,
    features: list[str],
    labels: tuple[str, str],
    key: str,
) -> None:
    if section == "Confusion":
        st.markdown(markdown.escape_markdown(sentences["confusion"]))
        counts = performance_charts.confusion_counts(performance)
        table = performance_charts.values_table(
            {f"predicted {labels[p]}": {f"actual {labels[a]}": counts[a][p] for a in (0, 1)} for p in (0, 1)}, heading="rows"
        )
        charts.show_chart(
            charts.cached_figure(performance_charts.confusion_figure, {name: counts}, list(labels)),
            table,
            alt="Confusion matrix",
            key=f"confusion-{key}",
        )
    elif section == "ROC":
        st.markdown(markdown.escape_markdown(sentences["roc"]))
        roc = performance_charts.roc_table(performance)
        figure = charts.cached_figure(
            performance_charts.curve_figure, {name: roc}, x="false positive rate", y="true positive rate", diagonal=True
        )
        charts.show_chart(figure, roc, alt="ROC curve", key=f"roc-{key}")
    elif section == "Precision and recall":
        st.markdown(markdown.escape_markdown(sentences["pr"]))
        pr = performance_charts.pr_table(performance)
        charts.show_chart(
            charts.cached_figure(performance_charts.curve_figure, {name: pr}, x="recall", y="precision"),
            pr,
            alt="Precision-recall curve",
            key=f"pr-{key}",
        )
    elif section == "Calibration":
        st.markdown(markdown.escape_markdown(sentences["calibration"]))
        bins = performance_charts.calibration_table(performance)
        figure = charts.cached_figure(
            performance_charts.curve_figure, {name: bins}, x="mean score", y="observed rate", diagonal=True, markers=True
        )
        charts.show_chart(figure, bins, alt="Observed rate against mean score, in bins", key=f"calibration-{key}")
    elif section == "Importance":
        kind = st.radio("Importance by", ["gain", "weight", "cover"], horizontal=True, key=f"kind-{key}")
        table = views.importance_table(report["importance"], features)
        st.markdown(markdown.escape_markdown(views.importance_sentence(table, str(kind))).replace("\\*\\*", "**"))
        charts.show_chart(
            charts.cached_figure(views.importance_figure, table, str(kind)),
            table,
            alt=f"Importance of features by {kind}",
            key=f"importance-{key}",
        )
    elif "distributions" not in report:
        st.info("This report is older than the charts of residuals and has no data for them.", icon=":material/info:")
    else:
        kinds = report["distributions"][report["judged_on"]]
        st.markdown(markdown.escape_markdown(views.residuals_sentence(kinds["residual"], labels)))
        left, right = st.columns(2)
        with left:
            table = views.distribution_table(kinds["residual"], labels)
            charts.show_chart(
                charts.cached_figure(views.distribution_figure, kinds["residual"], x="residual", labels=labels),
                table,
                alt="Residuals by label",
                key=f"residual-{key}",
            )
        with right:
            table = views.distribution_table(kinds["score"], labels)
            charts.show_chart(
                charts.cached_figure(views.distribution_figure, kinds["score"], x="score", labels=labels),
                table,
                alt="Scores by label",
                key=f"score-{key}",
            )
