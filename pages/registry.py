"""Registry: versions side by side, and the way to the decision on one."""

from __future__ import annotations

import streamlit as st

from app_pages import _compare, _kept, _quality, _reports, _session, _show, _thresholds, _versions
from core import registry
from core.registry import Package, Version


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Reading the version …")
def loaded(target: str, arn: str, status: str) -> Package:
    return registry.get(_session.clients(), arn)


def group() -> str:
    """The chosen group: that of ``?package=`` where the link names no other."""
    found = _kept.lately(registry.groups)
    if _kept.lately(registry.versions, registry.NO_GROUP, most=1):
        found.append(registry.NO_GROUP)
    if not found:
        _show.empty("No version is registered yet. Tune a model and register it, or run the whole workflow.", "overview", "To the overview")
        st.stop()
    of_package = registry.group_of(st.query_params.get("package", ""))
    if of_package in found and "group" not in st.query_params:
        st.query_params["group"] = of_package
    own = _session.clients().settings.group
    options = sorted(found, key=lambda name: (name != own, name == registry.NO_GROUP, name))
    if len(options) == 1 and st.query_params.get("group", options[0]) == options[0]:
        return options[0]
    chosen = _show.chosen("group", options, "Group", format_func=lambda name: "no group" if name == registry.NO_GROUP else name)
    if of_package and of_package != chosen:
        for name in {"package", "other"} & set(st.query_params):
            del st.query_params[name]
    return chosen


def newest(name: str) -> list[Version]:
    """The newest versions of the group, and those that the URL names."""
    found = _kept.lately(registry.versions, name, most=_versions.most())
    there = {version.arn for version in found}
    named = [st.query_params.get(key, "") for key in ("package", "other")]
    asked = [_kept.lately(registry.version, arn) for arn in named if registry.group_of(arn) == name and arn not in there]
    return found + [version for version in asked if version is not None]


st.title("Registry")
with _show.errors_shown(stop=True):
    name = group()
    found = newest(name)
if not found:
    _show.empty(
        f"The group {_show.plain(name)} has no version yet. Tune a model and register it, or choose another group.", "tuning", "To tuning"
    )
    st.stop()
words = {version.arn: _versions.title(version) for version in found}
one, two = st.columns(2)
with one:
    arn = _show.chosen("package", list(words), "Version", format_func=words.__getitem__)
with two:
    other = _reports.beside(arn, list(words), "Compare with", words.__getitem__) if len(words) > 1 else None
both: dict[str, Package] = {}
with _show.errors_shown():
    status = {version.arn: version.status for version in found}
    both = {words[a]: loaded(_session.target(), a, status[a]) for a in (other, arn) if a}
if not both:
    with _show.errors_shown(stop=True):
        _versions.listing(found)
    st.stop()
package = both[words[arn]]
changed = tuple(f"{version.arn}{version.status}" for version in found)
with _show.errors_shown():
    _versions.decision(package, changed)


def threshold() -> None:
    reports = {label: p.bias for label, p in both.items() if p.bias and p.bias.facets}
    key = _compare.facet(reports)
    if key is not None:
        _thresholds.panel({label: report for label, report in reports.items() if report.sweep(key) is not None}, key)


draws = {
    "Quality": lambda: _quality.show(both),
    "Bias": lambda: _compare.fairness(both),
    "Threshold": threshold,
    "Explanation": lambda: _compare.explanation(both),
    "Settings and data": lambda: _compare.settings(both),
    "History": lambda: _versions.history(package, changed),
    "All versions": lambda: _versions.listing(found),
}
for panel, draw in zip(_show.sections("registry", {name: name for name in draws}, name="view"), draws.values(), strict=True):
    if panel.open:
        with panel, _show.errors_shown():
            draw()
_versions.links(package)
