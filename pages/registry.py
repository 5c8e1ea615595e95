"""Registry: one version or two side by side, and the link to the decision."""

from __future__ import annotations

from ui import router

router.require()

from collections.abc import Callable

import streamlit as st

from core.registry.registry_types import Package
from ui import session
from ui.components import errors, links, markdown, tabs
from ui.registry import like_versions, version_choice, version_comparison, version_details, version_list, version_quality
from ui.shared import report_choice

st.title("Registry")
with errors.show_raised_errors(stop=True):
    name = version_choice.select_group()
    found = version_choice.list_versions(name)
if not found:
    links.show_empty_state(
        f"The group {markdown.escape_markdown(name)} has no version yet. Tune a model and register it, or choose another group.",
        "tuning",
        "To tuning",
    )
    st.stop()
words = {version.arn: version_list.version_title(version) for version in found}
like: list[str] = []
one, two = st.columns(2)
with one:
    arn = links.url_selectbox("package", list(words), "Version", format_func=words.__getitem__)
with two:
    other = None
    if len(words) > 1:
        with errors.show_raised_errors():  # if the log can't be read, no version is known to be like the chosen one
            like = like_versions.find_like_versions(arn, found)
        other = report_choice.select_comparison(arn, list(words), words.__getitem__, like=like)
both: dict[str, Package] = {}
with errors.show_raised_errors():
    status = {version.arn: version.status for version in found}
    both = {words[a]: version_choice.read_package(session.cache_key(), a, status[a]) for a in (other, arn) if a}
if not both:
    with errors.show_raised_errors(stop=True):
        version_list.show_version_list(found)
    st.stop()
package = both[words[arn]]
changed = tuple(f"{version.arn}{version.status}" for version in found)
with errors.show_raised_errors():
    version_details.show_decision(package, changed)
groups = [{words[arn]: package}]
with errors.show_raised_errors():
    groups = like_versions.group_like_versions(both, like, words)


draws: dict[str, Callable[[], None]] = {
    "Quality": lambda: like_versions.draw_groups(groups, version_quality.show_quality),
    "Bias": lambda: version_comparison.show_bias(groups),
    "Threshold": lambda: version_comparison.show_thresholds(groups),
    "Explanation": lambda: version_comparison.show_explanation(groups),
    "Settings and data": lambda: version_comparison.show_settings(both),
    "History": lambda: version_details.show_history(package, changed),
    "All versions": lambda: version_list.show_version_list(found),
}
for panel, draw in zip(tabs.url_tabs("registry", {name: name for name in draws}, name="view"), draws.values(), strict=True):
    if panel.open:
        with panel, errors.show_raised_errors():
            draw()
version_details.show_source_links(package)
