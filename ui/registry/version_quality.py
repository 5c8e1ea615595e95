"""One version's quality, or two versions' side by side: metrics, paired differences, confusion, ROC, precision and recall, calibration."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.performance.performance_difference import PerformanceDifference
from core.registry import model_packages, registry_types, version_comparison
from core.registry.registry_types import Package
from core.views.registry import performance_charts as views
from core.views.registry import quality_sentences
from core.views.shared import difference_sentences
from ui import session
from ui.components import charts, links, markdown, tables
from ui.shared import report_details


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def read_quality_differences(cache_key: str, a: str, b: str) -> tuple[dict[str, PerformanceDifference] | None, str]:
    """The quality of two versions, paired."""
    target = session.target()
    return version_comparison.paired_differences(target, model_packages.read_package(target, a), model_packages.read_package(target, b))


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def read_bias_differences(cache_key: str, a: str, b: str) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """The bias of two versions, paired."""
    target = session.target()
    return version_comparison.bias_differences(target, model_packages.read_package(target, a), model_packages.read_package(target, b))


def show_quality(packages: dict[str, Package], key: str = "") -> None:
    """Metrics with intervals and paired differences; confusion, ROC, precision and recall, calibration. ``packages``: versions that can be
    compared, or one; ``key``: makes the widgets' keys unique."""
    figures = {name: package.performance for name, package in packages.items() if package.performance}
    if not figures:
        which = "Neither version has" if len(packages) > 1 else "The version doesn't have"
        st.info(f"{which} quality figures: “Evaluate and register” on a training job measures them.", icon=":material/info:")
        return
    labels = registry_types.describe_labels(packages.values())
    metrics = {name: views.quality_estimates(figure, labels) for name, figure in figures.items()}
    found = show_gains(packages) if len(figures) > 1 else None
    paired = views.with_readable_names(found, labels) if found else None
    only = links.url_toggle("Differences only", "differences", value=False) if paired else False
    names = [name for name in next(iter(metrics.values())) if not (only and paired) or paired[name].beyond_noise]
    table = views.metrics_table(metrics, paired)
    table = table[table["metric"].isin(names)]
    st.dataframe(table, hide_index=True, height="content", alt="Metrics of the versions with intervals, differences, and whether noise")
    with st.container(horizontal=True):
        tables.csv_download_button(
            "Metrics as CSV", "-".join(f"v{p.version}" for p in packages.values()) + "-metrics", table, table.itertuples(index=False)
        )
        report_details.explain_metrics(list(metrics[next(iter(metrics))]), f"quality{key}", labels[1])
    left, right = st.columns(2, gap="large") if paired else (st.container(), st.empty())
    with left:
        st.subheader("Values")
        charts.show_chart(
            charts.cached_figure(views.intervals_figure, metrics, names), table, alt="Metrics with 95 % intervals", key=f"intervals{key}"
        )
    if paired:
        with right:
            st.subheader("Paired differences")
            drawn = {name: paired[name] for name in names}
            charts.show_chart(
                charts.cached_figure(views.differences_figure, drawn),
                table,
                alt="Paired differences with 95 % intervals",
                key=f"differences{key}",
            )
    st.subheader("Confusion")
    said = {markdown.escape_markdown(name): figure for name, figure in figures.items()}
    st.markdown(quality_sentences.confusion_sentence(said, markdown.escape_markdown(labels[1])))
    cells = {name: views.confusion_counts(figure) for name, figure in figures.items()}
    rows = [
        {"version": name, "actual": labels[actual], **{f"predicted {labels[code]}": cell[actual][code] for code in (0, 1)}}
        for name, cell in cells.items()
        for actual in (0, 1)
    ]
    charts.show_chart(
        charts.cached_figure(views.confusion_figure, cells, list(labels)),
        pd.DataFrame(rows),
        alt="Confusion matrices",
        key=f"confusion{key}",
    )
    show_curves(figures, found or {}, key, labels[1])


def show_gains(packages: dict[str, Package]) -> dict[str, PerformanceDifference] | None:
    """The paired differences, and in words what a gain in quality costs in calibration and between the groups."""
    (a, b), names = packages.values(), [markdown.escape_markdown(name) for name in packages]
    found, why = read_quality_differences(session.cache_key(), a.arn, b.arn)
    if not found:
        st.info(why, icon=":material/info:")
        return None
    by_facet, _ = read_bias_differences(session.cache_key(), a.arn, b.arn)
    st.markdown(difference_sentences.trade_off_markdown(found, next(iter(by_facet.values()), {}), names))
    return found


def show_curves(figures: dict[str, Any], differences: dict[str, PerformanceDifference], key: str = "", positive: str = "label 1") -> None:
    """ROC, precision and recall, calibration, each with its sentence; ``positive``: what label 1 is called."""
    positive = markdown.escape_markdown(positive)
    said = {markdown.escape_markdown(name): figure for name, figure in figures.items()}
    kinds: dict[str, Any] = {
        "ROC": (
            views.roc_table,
            "false positive rate",
            "true positive rate",
            True,
            False,
            quality_sentences.auc_sentence(said, differences.get("auc"), positive),
        ),
        "Precision and recall": (
            views.pr_table,
            "recall",
            "precision",
            False,
            False,
            quality_sentences.average_precision_sentence(said, differences.get("average_precision"), positive),
        ),
        "Calibration": (
            views.calibration_table,
            "mean score",
            "observed rate",
            True,
            True,
            quality_sentences.calibration_sentence(said, differences.get("ece")),
        ),
    }
    for column, (title, (make, x, y, diagonal, markers, sentence)) in zip(st.columns(3, gap="medium"), kinds.items(), strict=True):
        with column:
            st.subheader(title)
            lines = {name: make(figure) for name, figure in figures.items()}
            all_rows = pd.concat([table.assign(version=name) for name, table in lines.items()])
            charts.show_chart(
                charts.cached_figure(views.curve_figure, lines, x=x, y=y, diagonal=diagonal, markers=markers),
                all_rows,
                alt=f"{title} of the versions",
                key=f"{title}{key}",
            )
            st.markdown(sentence)
