"""One version, or two side by side: bias, explanation, settings and data."""

from __future__ import annotations

import streamlit as st

from app_pages import _costs, _differences, _quality, _reports, _session, _show, _thresholds
from core import comparison, registry
from core.bias import BiasReport
from core.registry import Package
from core.views import bias as bias_views
from core.views import comparison as views
from core.views import shap as shap_views
from core.views import words


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
            people = _thresholds.plain(report.people(key))
            said = words.turned_away(found.turned, people, f"**{_show.plain(name)}**")
            st.markdown(f"{said} {words.wrongly(found.turned, people)}")
    metrics = {name: one.post_training for name, report in reports.items() for one in report.facets if one.key == key}
    if len(both) > 1 and len(metrics) > 1:
        st.subheader("Paired differences")
        (a, b), names = both.values(), list(both)
        by_facet, why = _quality.biases(_session.target(), a.arn, b.arn)
        named = next(iter(reports.values())).people(key)
        _differences.show(by_facet.get(key, {}), why or "The facet isn't in both reports.", names, named, f"v{a.version}-v{b.version}")
    st.subheader("Values")
    _show.chart(_show.drawn(bias_views.dots, metrics), bias_views.table(metrics), alt="Post-training bias of the versions", key="bias")
    _report_links(both, "bias", "bias-job", "Bias report")


def explanation(both: dict[str, Package]) -> None:
    """What moves the versions' scores."""
    values = {name: package.shap for name, package in both.items() if package.shap}
    if not values:
        st.info("Neither version has SHAP values.", icon=":material/info:")
        return
    n = next((int(p.performance["n"]) for p in both.values() if p.performance), None)
    said = {_show.plain(name): {_show.plain(feature): v for feature, v in of.items()} for name, of in values.items()}
    st.markdown(words.importance(said, n))
    own = all(p.properties.get("governance:shap-job") for p in both.values() if p.shap)
    axis = {} if own else {"x": "global SHAP value, as each report has it"}
    _show.chart(
        _show.drawn(shap_views.bars, values, **axis),
        shap_views.global_table(values),
        alt="Mean absolute SHAP values of the versions",
        key="shap",
    )
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
    st.subheader("Costs")
    _costs.of_versions({name: package.properties for name, package in both.items()})


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
