"""Registry: versions side by side, and the way to the decision on one."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.registry import model_packages
from core.registry.model_packages import Package, Version
from ui import cache, session
from ui.components import errors, links, markdown, tabs
from ui.registry import version_comparison, version_details, version_list, version_quality
from ui.shared import report_choice, threshold_panel


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Reading the version …")
def read_version(cache_key: str, arn: str, status: str) -> Package:
    return model_packages.read_package(session.target(), arn)


def select_group() -> str:
    """The chosen group: that of ``?package=`` where the link names no other."""
    found = cache.cached_read(model_packages.list_groups)
    if cache.cached_read(model_packages.list_versions, model_packages.NO_GROUP, max_results=1):
        found.append(model_packages.NO_GROUP)
    if not found:
        links.show_empty_state(
            "No version is registered yet. Tune a model and register it, or run the whole workflow.", "overview", "To the overview"
        )
        st.stop()
    of_package = model_packages.group_from_arn(st.query_params.get("package", ""))
    if of_package in found and "group" not in st.query_params:
        st.query_params["group"] = of_package
    own = session.target().settings.group
    options = sorted(found, key=lambda name: (name != own, name == model_packages.NO_GROUP, name))
    if len(options) == 1 and st.query_params.get("group", options[0]) == options[0]:
        return options[0]
    chosen = links.url_selectbox(
        "group", options, "Group", format_func=lambda name: "no group" if name == model_packages.NO_GROUP else name
    )
    if of_package and of_package != chosen:
        for name in {"package", "other"} & set(st.query_params):
            del st.query_params[name]
    return chosen


def list_versions(name: str) -> list[Version]:
    """The newest versions of the group, and those that the URL names."""
    found = cache.cached_read(model_packages.list_versions, name, max_results=version_list.list_limit())
    there = {version.arn for version in found}
    named = [st.query_params.get(key, "") for key in ("package", "other")]
    asked = [
        cache.cached_read(model_packages.find_version, arn)
        for arn in named
        if model_packages.group_from_arn(arn) == name and arn not in there
    ]
    return found + [version for version in asked if version is not None]


st.title("Registry")
with errors.show_raised_errors(stop=True):
    name = select_group()
    found = list_versions(name)
if not found:
    links.show_empty_state(
        f"The group {markdown.escape_markdown(name)} has no version yet. Tune a model and register it, or choose another group.",
        "tuning",
        "To tuning",
    )
    st.stop()
words = {version.arn: version_list.version_title(version) for version in found}
one, two = st.columns(2)
with one:
    arn = links.url_selectbox("package", list(words), "Version", format_func=words.__getitem__)
with two:
    other = report_choice.select_comparison(arn, list(words), "Compare with", words.__getitem__) if len(words) > 1 else None
both: dict[str, Package] = {}
with errors.show_raised_errors():
    status = {version.arn: version.status for version in found}
    both = {words[a]: read_version(session.cache_key(), a, status[a]) for a in (other, arn) if a}
if not both:
    with errors.show_raised_errors(stop=True):
        version_list.show_version_list(found)
    st.stop()
package = both[words[arn]]
changed = tuple(f"{version.arn}{version.status}" for version in found)
with errors.show_raised_errors():
    version_details.show_decision(package, changed)


def show_thresholds() -> None:
    reports = {label: p.bias for label, p in both.items() if p.bias and p.bias.facets}
    key = version_comparison.select_facet(reports)
    if key is not None:
        threshold_panel.show_threshold_panel({label: report for label, report in reports.items() if report.sweep(key) is not None}, key)


draws = {
    "Quality": lambda: version_quality.show_quality(both),
    "Bias": lambda: version_comparison.show_bias(both),
    "Threshold": show_thresholds,
    "Explanation": lambda: version_comparison.show_explanation(both),
    "Settings and data": lambda: version_comparison.show_settings(both),
    "History": lambda: version_details.show_history(package, changed),
    "All versions": lambda: version_list.show_version_list(found),
}
for panel, draw in zip(tabs.url_tabs("registry", {name: name for name in draws}, name="view"), draws.values(), strict=True):
    if panel.open:
        with panel, errors.show_raised_errors():
            draw()
version_details.show_source_links(package)
