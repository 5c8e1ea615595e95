"""One version, or two side by side: bias, explanation, settings and data."""

from __future__ import annotations

import streamlit as st

from core.registry import model_packages, version_comparison
from core.registry.registry_types import Package
from core.reports.bias_jobs import BiasReport
from core.views.bias import bias_charts as bias_views
from core.views.bias import decline_sentences
from core.views.explainability import shap_charts as shap_views
from core.views.registry import performance_charts as views
from core.views.shared import difference_sentences
from ui import session
from ui.components import charts, links, markdown
from ui.registry import version_quality
from ui.shared import bias_differences, cost_line, threshold_panel


def select_facet(reports: dict[str, BiasReport]) -> str | None:
    """The chosen facet, which is in the URL; None if no report has one."""
    keys = list(dict.fromkeys(one.key for report in reports.values() for one in report.facets))
    if not keys:
        st.info("Neither version has a bias report.", icon=":material/info:")
        return None
    return links.url_selectbox("facet", keys, "Facet") if len(keys) > 1 else keys[0]


def show_bias(packages: dict[str, Package]) -> None:
    """Bias of the versions: in words, paired differences, every metric."""
    reports = {name: package.bias for name, package in packages.items() if package.bias and package.bias.facets}
    key = select_facet(reports)
    if key is None:
        return
    for name, report in reports.items():
        found = threshold_panel.threshold_outcome(session.cache_key(), report.folder, key, None)
        if found is not None:
            people = markdown.escape_people(report.group_names(key))
            said = decline_sentences.decline_rates_sentence(found.declined, people, f"**{markdown.escape_markdown(name)}**")
            st.markdown(f"{said} {decline_sentences.wrongly_declined_sentence(found.declined, people)}")
    metrics = {name: one.post_training for name, report in reports.items() for one in report.facets if one.key == key}
    if len(packages) > 1 and len(metrics) > 1:
        st.subheader("Paired differences")
        (a, b), names = packages.values(), list(packages)
        by_facet, why = version_quality.read_bias_differences(session.cache_key(), a.arn, b.arn)
        named = next(iter(reports.values())).group_names(key)
        bias_differences.show_differences(
            by_facet.get(key, {}), why or "The facet isn't in both reports.", names, named, f"v{a.version}-v{b.version}"
        )
    st.subheader("Values")
    charts.show_chart(
        charts.cached_figure(bias_views.metrics_figure, metrics),
        bias_views.metrics_table(metrics),
        alt="Post-training bias of the versions",
        key="bias",
    )
    _report_links(packages, "bias", "bias-job", "Bias report")


def show_explanation(packages: dict[str, Package]) -> None:
    """What moves the versions' scores."""
    values = {name: package.shap for name, package in packages.items() if package.shap}
    if not values:
        st.info("Neither version has SHAP values.", icon=":material/info:")
        return
    n = next((int(p.performance["n"]) for p in packages.values() if p.performance), None)
    said = {
        markdown.escape_markdown(name): {markdown.escape_markdown(feature): v for feature, v in of.items()} for name, of in values.items()
    }
    st.markdown(difference_sentences.importance_sentence(said, n))
    own = all(p.properties.get("governance:shap-job") for p in packages.values() if p.shap)
    figure = (
        charts.cached_figure(shap_views.global_bars, values)
        if own
        else charts.cached_figure(shap_views.global_bars, values, x="global SHAP value, as each report has it")
    )
    charts.show_chart(
        figure,
        shap_views.global_values_table(values),
        alt="Mean absolute SHAP values of the versions",
        key="shap",
    )
    _report_links(packages, "explainability", "shap-job", "Explanation")


def show_settings(packages: dict[str, Package]) -> None:
    """Hyperparameters, data and properties, side by side."""
    only = links.url_toggle("Differences only", "differences", value=len(packages) > 1)
    parts: dict[str, dict[str, dict[str, str]]] = {
        "Hyperparameters": {name: package.hyperparameters for name, package in packages.items()},
        "Data": {name: read_data_facts(session.cache_key(), package.arn) for name, package in packages.items()},
        "Properties": {name: package.properties for name, package in packages.items()},
    }
    for title, of in parts.items():
        st.subheader(title)
        table = views.values_table(of, only_differences=only and len(packages) > 1, heading="name")
        count = len({name for values in of.values() for name in values})
        if table.empty:
            st.markdown(f"All {count} are the same in both." if count else "Nothing is recorded.")
            continue
        if only and len(packages) > 1:
            st.markdown(f"{len(table)} of {count} differ.")
        st.dataframe(table, hide_index=True, height="content", alt=f"{title} of the versions")
    st.subheader("Costs")
    cost_line.show_versions_cost({name: package.properties for name, package in packages.items()})


@st.cache_data(ttl="30m", max_entries=32, show_spinner=False)
def read_data_facts(cache_key: str, arn: str) -> dict[str, str]:
    """Facts about a version's data, cached for half an hour."""
    return version_comparison.data_facts(session.target(), model_packages.read_package(session.target(), arn))


def _report_links(packages: dict[str, Package], page: str, job_property: str, label: str) -> None:
    with st.container(horizontal=True):
        jobs = {name: package.properties.get(f"governance:{job_property}") for name, package in packages.items()}
        for name, job in jobs.items():
            if job:
                links.page_link(page, f"{label} of {name}", job=job)
        if all(jobs.values()) and len(jobs) > 1:
            first, second = (str(job) for job in jobs.values())
            links.page_link(page, "Both reports side by side", job=second, other=first)


def show_thresholds(packages: dict[str, Package]) -> None:
    """What another threshold does in the versions' bias reports."""
    reports = {label: p.bias for label, p in packages.items() if p.bias and p.bias.facets}
    key = select_facet(reports)
    if key is not None:
        threshold_panel.show_threshold_panel({label: report for label, report in reports.items() if report.sweep(key) is not None}, key)
