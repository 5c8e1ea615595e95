"""Registry: versions side by side, and the decision on one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import registry
from core.governance import decisions
from core.registry import Comparison, Package
from core.views import bias as bias_views
from core.views import comparison as views
from core.views import shap as shap_views


@st.cache_data(ttl="15m", max_entries=16, show_spinner="Comparing on the same test rows …")
def compared(target: str, a: str, b: str, changed: tuple[str, ...]) -> Comparison:
    return registry.compare(_session.clients(), a, b)


def quality(both: dict[str, Package], found: Comparison) -> None:
    figures = {name: package.performance for name, package in both.items() if package.performance}
    if not figures:
        st.info("Neither version has quality figures. Register it with a bias report.", icon=":material/info:")
        return
    metrics = {name: views.estimates(figure) for name, figure in figures.items()}
    differences = views.readable(found.differences) if found.differences else None
    if len(both) > 1:
        st.markdown(views.summary(differences, list(both)) if differences else found.why)
    table = views.metrics_table(metrics, differences)
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Metrics of both versions with intervals, differences, and whether they are beyond noise",
    )
    left, right = st.columns(2, gap="large") if differences else (st.container(), st.empty())
    names = [name for name in next(iter(metrics.values())) if all(name in other for other in metrics.values())]
    with left:
        st.subheader("Values")
        _show.chart(views.intervals(metrics, names), table, alt="Metrics with 95 % intervals", key="intervals")
    if differences:
        with right:
            st.subheader("Paired differences")
            _show.chart(views.differences_figure(differences), table, alt="Paired differences with 95 % intervals", key="differences")
    st.subheader("Confusion")
    cells = {name: views.confusion_counts(figure) for name, figure in figures.items()}
    rows = [{"version": n, "actual": a, "predicted 0": c[a][0], "predicted 1": c[a][1]} for n, c in cells.items() for a in (0, 1)]
    _show.chart(views.confusion(cells, ["0", "1"]), pd.DataFrame(rows), alt="Confusion matrices", key="confusion")
    kinds = {
        "ROC": (views.roc_table, "false positive rate", "true positive rate", True, False),
        "Precision and recall": (views.pr_table, "recall", "precision", False, False),
        "Calibration": (views.calibration_table, "mean score", "observed rate", True, True),
    }
    for column, (title, (make, x, y, diagonal, markers)) in zip(st.columns(3), kinds.items(), strict=True):
        with column:
            st.subheader(title)
            curves = {name: make(figure) for name, figure in figures.items()}
            all_rows = pd.concat([table.assign(version=name) for name, table in curves.items()])
            _show.chart(views.curve(curves, x=x, y=y, diagonal=diagonal, markers=markers), all_rows, alt=f"{title} of both", key=title)


def fairness(both: dict[str, Package]) -> None:
    facets = {name: package.bias.facets[0] for name, package in both.items() if package.bias and package.bias.facets}
    if not facets:
        st.info("Neither version has a bias report.", icon=":material/info:")
        return
    metrics = {name: {**facet.pre_training, **facet.post_training} for name, facet in facets.items()}
    facet = next(iter(facets.values()))
    st.caption(f"Facet {facet.facet} = {facet.value}, on the held-out test rows.")
    after = {name: facet.post_training for name, facet in facets.items()}
    _show.chart(bias_views.dots(after), bias_views.table(metrics), alt="Post-training bias of both versions", key="bias")
    for package in both.values():
        if "governance:bias-job" in package.properties:
            _show.link("bias", f"Bias report of {package.label}", job=package.properties["governance:bias-job"])


def settings(both: dict[str, Package]) -> None:
    only = st.toggle("Differences only", value=True)
    for title, of in (("Hyperparameters", lambda p: p.hyperparameters), ("Properties", lambda p: p.properties)):
        st.subheader(title)
        table = views.values_table({name: of(package) for name, package in both.items()}, only_differences=only, heading="name")
        st.dataframe(table, hide_index=True, alt=f"{title} of both versions")


def explanation(both: dict[str, Package]) -> None:
    values = {name: package.shap for name, package in both.items() if package.shap}
    if not values:
        st.info("Neither version has SHAP values.", icon=":material/info:")
        return
    _show.chart(shap_views.bars(values), shap_views.global_table(values), alt="Mean absolute SHAP values of both versions", key="shap")
    for package in both.values():
        if "governance:shap-job" in package.properties:
            _show.link("explainability", f"Explanation of {package.label}", job=package.properties["governance:shap-job"])


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def standing(target: str, arn: str, changed: tuple[str, ...]) -> decisions.Standing:
    return decisions.standing(_session.clients(), arn, with_gates=False)


def decision(package: Package, changed: tuple[str, ...]) -> None:
    """How the version stands, and the way to its decision."""
    found = standing(_session.target(), package.arn, changed)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Decision on {_show.plain(package.label)}**")
            _show.state(found.label)
        if found.state.history:
            last = found.state.history[-1]
            st.text(f"{last.kind} by {last.actor['name']}: {last.body['reason']}")
        for reason in found.void:
            st.error(f"**The decision is void.** {_show.plain(reason)}", icon=":material/gpp_bad:")
        for reason in found.review:
            st.warning(_show.plain(reason), icon=":material/event_repeat:")
        altered = registry.missing_evidence(_session.clients(), package)
        if altered:
            st.error(f"**The evidence has changed since it was registered: {', '.join(altered)}.**", icon=":material/gpp_bad:")
        else:
            st.caption(":material/verified_user: The reports are the ones that were registered: their hashes hold.")
        trained = package.properties.get("governance:trained-by-name", "unknown")
        registered = package.properties.get("governance:registered-by-name", "unknown")
        st.caption(_show.plain(f"Trained by {trained}, registered by {registered}; neither may decide."))
        _show.link("decisions", "Gates and decision", package=package.arn)


st.title("Registry")
with _show.errors_shown(stop=True):
    found = registry.versions(_session.clients())
if not found:
    _show.empty("No version is registered yet. Tune a model and register it, or run the whole workflow.", "overview", "To the overview")
    st.stop()
names = {version.arn: f"v{version.version} · {version.description.partition(':')[0]}" for version in found}
one, two = st.columns(2)
with one:
    arn = _show.chosen("package", list(names), "Version", format_func=names.__getitem__)
with two:
    others = [other for other in names if other != arn]
    other = _show.chosen("with", others, "Compare with", format_func=names.__getitem__) if others else None
with _show.errors_shown(stop=True):
    changed = tuple(f"{version.arn}{version.status}" for version in found)
    comparison = compared(_session.target(), other or arn, arn, changed)
both = {names[p.arn]: p for p in (comparison.a, comparison.b)} if other else {names[arn]: comparison.b}
decision(comparison.b, changed)
draws = {"Quality": lambda: quality(both, comparison), "Bias": lambda: fairness(both), "Explanation": lambda: explanation(both)}
draws["Settings"] = lambda: settings(both)
for panel, draw in zip(_show.sections("registry", list(draws)), draws.values(), strict=True):
    if panel.open:
        with panel, _show.errors_shown():
            draw()
_show.link("lineage", "Lineage of this version", package=arn)
