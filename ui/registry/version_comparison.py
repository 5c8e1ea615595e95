"""One version, or two side by side: bias, explanation, settings and data."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from core.registry import model_packages
from core.registry import version_comparison as registered
from core.registry.registry_types import Package
from core.reports.bias_jobs import BiasReport
from core.views.bias import bias_charts as bias_views
from core.views.bias import decline_sentences
from core.views.explainability import shap_charts as shap_views
from core.views.registry import performance_charts as views
from core.views.shared import difference_sentences
from ui import session
from ui.components import charts, links, markdown
from ui.registry import like_versions, version_quality
from ui.shared import bias_differences, cost_line, threshold_panel

Groups = list[dict[str, Package]]
"""Versions (label -> version) that can be compared, as one group; or each in a group of its own."""


def select_facet(groups: Groups) -> str | None:
    """The chosen facet, which is in the URL; None if no report has one."""
    found = [report for group in groups for report in _reports(group).values()]
    keys = {one.key: report.describe_facet(one.key) for report in found for one in report.facets}
    if not keys:
        st.info("Neither version has a bias report.", icon=":material/info:")
        return None
    return links.url_selectbox("facet", list(keys), "Facet", format_func=keys.__getitem__) if len(keys) > 1 else next(iter(keys))


def _reports(packages: dict[str, Package]) -> dict[str, BiasReport]:
    return {name: package.bias for name, package in packages.items() if package.bias and package.bias.facets}


def show_bias(groups: Groups) -> None:
    """Bias of the versions: in words, paired differences, every metric."""
    key = select_facet(groups)
    if key is not None:
        like_versions.draw_groups(groups, lambda packages, mark: _show_bias_of(packages, key, mark))
    _report_links(_all(groups), "bias", "bias-job", "Bias report")


def _show_bias_of(packages: dict[str, Package], key: str, mark: str) -> None:
    reports = _reports(packages)
    for name, report in reports.items():
        found = threshold_panel.threshold_outcome(session.cache_key(), report.folder, key, None)
        if found is not None:
            people = markdown.escape_people(report.group_names(key))
            said = decline_sentences.decline_rates_sentence(found.declined, people, f"**{markdown.escape_markdown(name)}**")
            st.markdown(f"{said} {decline_sentences.wrongly_declined_sentence(found.declined, people)}")
    metrics = {name: one.post_training for name, report in reports.items() for one in report.facets if one.key == key}
    named_facet = next((report.describe_facet(key) for report in reports.values()), key)
    if not metrics:
        st.info(f"{_names(packages)} {_has(packages)} no bias report for {markdown.escape_markdown(named_facet)}.", icon=":material/info:")
        return
    if len(packages) > 1:
        st.subheader("Paired differences")
        (a, b), names = packages.values(), list(packages)
        by_facet, why = version_quality.read_bias_differences(session.cache_key(), a.arn, b.arn)
        named = next(iter(reports.values())).group_names(key)
        without = f"{_names(packages, set(metrics))} has no bias report for {named_facet}."
        bias_differences.show_differences(by_facet.get(key, {}), why or without, names, named, f"v{a.version}-v{b.version}")
    st.subheader("Values")
    charts.show_chart(
        charts.cached_figure(bias_views.metrics_figure, metrics),
        bias_views.metrics_table(metrics),
        alt="Post-training bias of the versions",
        key=f"bias{mark}",
    )


def _names(packages: dict[str, Package], without: Collection[str] = ()) -> str:
    return " and ".join(markdown.escape_markdown(name) for name in packages if name not in without)


def _has(packages: dict[str, Package]) -> str:
    return "have" if len(packages) > 1 else "has"


def _all(groups: Groups) -> dict[str, Package]:
    return {name: package for group in groups for name, package in group.items()}


def show_explanation(groups: Groups) -> None:
    """What moves the versions' scores: those that were explained on the same rows in one picture, any other alone."""
    explained = {name: package for name, package in _all(groups).items() if package.shap}
    if not explained:
        st.info("Neither version has SHAP values.", icon=":material/info:")
        return
    together = [explained]
    if len(groups) > 1:
        together = [{name: package} for name, package in explained.items()]
    elif len(explained) > 1:
        reasons = read_unlike_explanations(session.cache_key(), *(package.arn for package in explained.values()))
        if reasons:
            st.info(
                f"**The explanations can't be compared.** {' '.join(map(markdown.escape_markdown, reasons))}", icon=":material/difference:"
            )
            together = [{name: package} for name, package in explained.items()]
    like_versions.draw_groups(together, _show_explanation_of)
    _report_links(explained, "explainability", "shap-job", "Explanation")


@st.cache_data(ttl="15m", max_entries=32, show_spinner=False)
def read_unlike_explanations(cache_key: str, a: str, b: str) -> tuple[str, ...]:
    """Every reason why the explanations of two versions can't be compared; () if they can be."""
    target = session.target()
    return registered.explain_unlike_explanations(target, model_packages.read_package(target, a), model_packages.read_package(target, b))


@st.cache_data(ttl="15m", max_entries=32, show_spinner=False)
def _count_explained_rows(cache_key: str, arn: str) -> int | None:
    return registered.rows_of_explanation(session.target(), model_packages.read_package(session.target(), arn)).count


def _show_explanation_of(packages: dict[str, Package], mark: str) -> None:
    values = {name: {package.describe_feature(f): v for f, v in package.shap.items()} for name, package in packages.items()}
    n = _count_explained_rows(session.cache_key(), next(iter(packages.values())).arn)
    said = {
        markdown.escape_markdown(name): {markdown.escape_markdown(feature): v for feature, v in of.items()} for name, of in values.items()
    }
    st.markdown(difference_sentences.importance_sentence(said, n))
    own = all(p.properties.get("governance:shap-job") for p in packages.values())
    figure = (
        charts.cached_figure(shap_views.global_bars, values)
        if own
        else charts.cached_figure(shap_views.global_bars, values, x="global SHAP value, as each report has it")
    )
    charts.show_chart(figure, shap_views.global_values_table(values), alt="Mean absolute SHAP values of the versions", key=f"shap{mark}")


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
    return registered.data_facts(session.target(), model_packages.read_package(session.target(), arn))


def _report_links(packages: dict[str, Package], page: str, job_property: str, label: str) -> None:
    """A link to each version's report, and to both side by side: the page says there whether they can be compared."""
    with st.container(horizontal=True):
        jobs = {name: package.properties.get(f"governance:{job_property}") for name, package in packages.items()}
        for name, job in jobs.items():
            if job:
                links.page_link(page, f"{label} of {name}", job=job)
        if all(jobs.values()) and len(jobs) > 1:
            first, second = (str(job) for job in jobs.values())
            links.page_link(page, "Both reports side by side", job=second, other=first)


def show_thresholds(groups: Groups) -> None:
    """What another threshold does in the versions' bias reports."""
    key = select_facet(groups)
    if key is not None:
        like_versions.draw_groups(groups, lambda packages, mark: _show_thresholds_of(packages, key, mark))


def _show_thresholds_of(packages: dict[str, Package], key: str, mark: str) -> None:
    reports = _reports(packages)
    threshold_panel.show_threshold_panel({label: report for label, report in reports.items() if report.sweep(key) is not None}, key, mark)
