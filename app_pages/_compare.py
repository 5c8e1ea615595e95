"""One version, or two side by side: quality, bias, explanation, settings and data."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _bias, _reports, _session, _show, _thresholds
from core import comparison, registry
from core.analysis.performance_difference import Difference
from core.bias import BiasReport
from core.registry import Package
from core.views import bias as bias_views
from core.views import bias_pairs, words
from core.views import comparison as views
from core.views import shap as shap_views


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def differences(target: str, a: str, b: str) -> tuple[dict[str, Difference] | None, str]:
    """The quality of two versions, paired."""
    clients = _session.clients()
    return registry.differences(clients, registry.get(clients, a), registry.get(clients, b))


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def biases(target: str, a: str, b: str) -> tuple[dict[str, dict[str, bias_pairs.BiasDifference]], str]:
    """The bias of two versions, paired."""
    clients = _session.clients()
    return comparison.bias_differences(clients, registry.get(clients, a), registry.get(clients, b))


def quality(both: dict[str, Package]) -> None:
    """Metrics with intervals and paired differences; confusion, ROC, precision and recall, calibration."""
    figures = {name: package.performance for name, package in both.items() if package.performance}
    if not figures:
        st.info("Neither version has quality figures. Register it with a bias report.", icon=":material/info:")
        return
    metrics = {name: views.estimates(figure) for name, figure in figures.items()}
    found = gains(both) if len(figures) > 1 else None
    paired = views.readable(found) if found else None
    only = _reports.toggle("Differences only", "differences", value=False) if paired else False
    names = [name for name in next(iter(metrics.values())) if not (only and paired) or paired[name].beyond_noise]
    table = views.metrics_table(metrics, paired)
    table = table[table["metric"].isin(names)]
    st.dataframe(table, hide_index=True, height="content", alt="Metrics of the versions with intervals, differences, and whether noise")
    with st.container(horizontal=True):
        _reports.csv("Metrics as CSV", "-".join(f"v{p.version}" for p in both.values()) + "-metrics", table, table.itertuples(index=False))
        _reports.explained(list(metrics[next(iter(metrics))]), "quality")
    left, right = st.columns(2, gap="large") if paired else (st.container(), st.empty())
    with left:
        st.subheader("Values")
        _show.chart(views.intervals(metrics, names), table, alt="Metrics with 95 % intervals", key="intervals")
    if paired:
        with right:
            st.subheader("Paired differences")
            drawn = {name: paired[name] for name in names}
            _show.chart(views.differences_figure(drawn), table, alt="Paired differences with 95 % intervals", key="differences")
    st.subheader("Confusion")
    st.markdown(words.confusion(figures))
    cells = {name: views.confusion_counts(figure) for name, figure in figures.items()}
    rows = [{"version": n, "actual": a, "predicted 0": c[a][0], "predicted 1": c[a][1]} for n, c in cells.items() for a in (0, 1)]
    _show.chart(views.confusion(cells, ["0", "1"]), pd.DataFrame(rows), alt="Confusion matrices", key="confusion")
    curves(figures, found or {})


def gains(both: dict[str, Package]) -> dict[str, Difference] | None:
    """The paired differences, after what they say; with what a gain costs in calibration and between the groups."""
    (a, b), names = both.values(), [_show.plain(name) for name in both]
    found, why = differences(_session.target(), a.arn, b.arn)
    if not found:
        st.info(why, icon=":material/info:")
        return None
    by_facet, _ = biases(_session.target(), a.arn, b.arn)
    st.markdown(words.trade(found, next(iter(by_facet.values()), {}), names))
    return found


def curves(figures: dict[str, Any], found: dict[str, Difference]) -> None:
    """ROC, precision and recall, calibration, each with its sentence."""
    kinds: dict[str, Any] = {
        "ROC": (views.roc_table, "false positive rate", "true positive rate", True, False, words.ranking(figures, found.get("auc"))),
        "Precision and recall": (
            views.pr_table,
            "recall",
            "precision",
            False,
            False,
            words.retrieval(figures, found.get("average_precision")),
        ),
        "Calibration": (views.calibration_table, "mean score", "observed rate", True, True, words.calibration(figures, found.get("ece"))),
    }
    for column, (title, (make, x, y, diagonal, markers, sentence)) in zip(st.columns(3, gap="medium"), kinds.items(), strict=True):
        with column:
            st.subheader(title)
            lines = {name: make(figure) for name, figure in figures.items()}
            all_rows = pd.concat([table.assign(version=name) for name, table in lines.items()])
            _show.chart(
                views.curve(lines, x=x, y=y, diagonal=diagonal, markers=markers), all_rows, alt=f"{title} of the versions", key=title
            )
            st.markdown(sentence)


def facet(reports: dict[str, BiasReport]) -> str | None:
    """The facet that is shown, in step with the URL; None where no report has one."""
    keys = list(dict.fromkeys(one.key for report in reports.values() for one in report.facets))
    if not keys:
        st.info("Neither version has a bias report.", icon=":material/info:")
        return None
    return _show.chosen("facet", keys, "Facet") if len(keys) > 1 else keys[0]


def fairness(both: dict[str, Package]) -> None:
    """Bias of the versions: in words, paired differences, every metric."""
    reports = {name: package.bias for name, package in both.items() if package.bias and package.bias.facets}
    key = facet(reports)
    if key is None:
        return
    for name, report in reports.items():
        found = _thresholds.outcome(_session.target(), report.folder, key, None)
        if found is not None:
            said = words.turned_away(found.turned, report.people(key), f"**{_show.plain(name)}**")
            st.markdown(f"{said} {words.wrongly(found.turned, report.people(key))}")
    metrics = {name: one.post_training for name, report in reports.items() for one in report.facets if one.key == key}
    if len(both) > 1 and len(metrics) > 1:
        st.subheader("Paired differences")
        (a, b), names = both.values(), list(both)
        by_facet, why = biases(_session.target(), a.arn, b.arn)
        people = next(iter(reports.values())).people(key)
        _bias.show_difference(by_facet.get(key, {}), why or "The facet isn't in both reports.", names, people, f"v{a.version}-v{b.version}")
    st.subheader("Values")
    _show.chart(bias_views.dots(metrics), bias_views.table(metrics), alt="Post-training bias of the versions", key="bias")
    _report_links(both, "bias", "bias-job", "Bias report")


def explanation(both: dict[str, Package]) -> None:
    """What moves the versions' scores."""
    values = {name: package.shap for name, package in both.items() if package.shap}
    if not values:
        st.info("Neither version has SHAP values.", icon=":material/info:")
        return
    n = next((int(p.performance["n"]) for p in both.values() if p.performance), None)
    st.markdown(words.importance(values, n))
    _show.chart(shap_views.bars(values), shap_views.global_table(values), alt="Mean absolute SHAP values of the versions", key="shap")
    _report_links(both, "explainability", "shap-job", "Explanation")


def settings(both: dict[str, Package]) -> None:
    """Hyperparameters, data and properties, side by side."""
    only = _reports.toggle("Differences only", "differences", value=len(both) > 1)
    parts: dict[str, dict[str, dict[str, str]]] = {
        "Hyperparameters": {name: package.hyperparameters for name, package in both.items()},
        "Data": {name: facts(_session.target(), package.arn) for name, package in both.items()},
        "Properties": {name: package.properties for name, package in both.items()},
    }
    for title, of in parts.items():
        st.subheader(title)
        table = views.values_table(of, only_differences=only and len(both) > 1, heading="name")
        count = len({name for values in of.values() for name in values})
        if table.empty:
            st.markdown(f"All {count} are the same in both." if count else "Nothing is known.")
            continue
        if only and len(both) > 1:
            st.markdown(f"{len(table)} of {count} differ.")
        st.dataframe(table, hide_index=True, height="content", alt=f"{title} of the versions")


@st.cache_data(ttl="30m", max_entries=32, show_spinner=False)
def facts(target: str, arn: str) -> dict[str, str]:
    return comparison.data_facts(_session.clients(), registry.get(_session.clients(), arn))


def _report_links(both: dict[str, Package], page: str, key: str, label: str) -> None:
    with st.container(horizontal=True):
        jobs = {name: package.properties.get(f"governance:{key}") for name, package in both.items()}
        for name, job in jobs.items():
            if job:
                _show.link(page, f"{label} of {name}", job=job)
        if all(jobs.values()) and len(jobs) > 1:
            first, second = (str(job) for job in jobs.values())
            _show.link(page, "Both reports side by side", job=second, other=first)
