"""One bias report, or two side by side: in words, as a picture, as a table; by group; at other thresholds."""

from __future__ import annotations

import streamlit as st

from app_pages import _differences, _reports, _session, _show, _thresholds
from core import bias
from core.bias import BiasReport, FacetReport
from core.imports import Opened
from core.views import bias as views
from core.views import bias_pairs, words

VIEWS = {name: name for name in ("Metrics", "Difference", "Groups", "Threshold")}
STAGES = {"post_training": "In the predictions", "pre_training": "In the labels of these rows"}


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the report …")
def report(target: str, job: str) -> BiasReport:
    return bias.report(_session.clients(), job)


def show(name: str, other: str | None) -> None:
    """Draw the report of the job ``name``, with ``other`` beside it."""
    done = report(_session.target(), name)
    _reports.heading(done.folder)
    both = {_reports.short(name): done}
    if other:
        both = {_reports.short(other): report(_session.target(), other)} | both
    if compared(both, name):
        _reports.downloads(done.folder, name)
        links(name)


def imported(found: Opened) -> None:
    """Draw a report of others; own ones may stand beside it."""
    done = bias.parse(found.raw, found.uri)
    if not done.facets:
        st.info("The report has no bias metrics.", icon=":material/info:")
        return
    own = [job.name for job in bias.list_jobs(_session.clients()) if job.status == "Completed"]
    other = _show.chosen("other", [_reports.NONE, *own], "Beside it", format_func=_reports.short) if own else _reports.NONE
    label, favourable = done.label
    said = f"The favourable value of the label {label} is {favourable}. " if label and favourable else ""
    unknown = [
        what
        for what, known in {
            "on which rows it was measured": done.measured_on,
            "how many rows there are": any(done.counts(facet.key) for facet in done.facets),
            "the intervals": any(m.interval for f in done.facets for m in {**f.pre_training, **f.post_training}.values()),
            "the model's quality": done.governance.get("performance"),
            "other thresholds": done.governance.get("sweeps"),
        }.items()
        if not known
    ]
    st.markdown(_show.plain(said + (f"Not known, as the report doesn't say it: {', '.join(unknown)}." if unknown else "")))
    name = f"imported-{found.sha256[:12]}"
    both = {f"imported {found.sha256[:8]}": done}
    if other != _reports.NONE:
        both = {_reports.short(other): report(_session.target(), other)} | both
    compared(both, name)


def compared(both: dict[str, BiasReport], name: str) -> bool:
    """Draw the last of the reports, with the other beside it; False where it has no metrics."""
    label, done = list(both.items())[-1]
    facets = {facet.key: facet for facet in done.facets}
    if not facets:
        st.info("The report has no bias metrics.", icon=":material/info:")
        return False
    key = _show.chosen("facet", list(facets), "Facet") if len(facets) > 1 else next(iter(facets))
    pairs = {each: facet for each, one in both.items() for facet in one.facets if facet.key == key}
    if len(pairs) < len(both):
        st.info(f"{_show.plain(next(iter(both)))} has no facet {_show.plain(key)}: it can't stand beside it.", icon=":material/info:")
    flattered = [each for each, one in both.items() if one.measured_on == "train" and one is not done]
    if flattered:
        st.warning(f"{', '.join(map(_show.plain, flattered))} is measured on training rows.", icon=":material/warning:")
    in_words(done, key, {each: both[each] for each in pairs})
    metrics_tab, pair_tab, group_tab, threshold_tab = _show.sections("bias", VIEWS, name="view")
    if metrics_tab.open:
        with metrics_tab:
            metrics(pairs, name)
    if pair_tab.open:
        with pair_tab, _show.errors_shown():
            _differences.difference({each: both[each] for each in pairs}, key)
    if group_tab.open:
        with group_tab:
            by_group(done, key, label)
    if threshold_tab.open:
        with threshold_tab:
            _thresholds.panel({each: both[each] for each in pairs}, key)
    return True


@st.cache_data(ttl="30m", max_entries=64, show_spinner=False)
def origin(target: str, job: str) -> bias.Origin:
    return bias.origin(_session.clients(), job)


def links(name: str) -> None:
    """To what the report came from."""
    found = origin(_session.target(), name)
    with st.container(horizontal=True):
        if found.training_job:
            _show.link("tuning", "Training job", training=found.training_job)
        if found.rebalanced:
            _show.link("data", "Data", job=found.rebalanced)
        _show.link("registry", "Versions")


def in_words(done: BiasReport, key: str, both: dict[str, BiasReport]) -> None:
    """What the model does to 100 people of either side."""
    people = _thresholds.plain(done.people(key))
    for label, one in both.items():
        found = _thresholds.outcome(_session.target(), one.folder, key, None)
        if found is not None:
            model = f"**{_show.plain(label)}**" if len(both) > 1 else "the model"
            st.markdown(f"{words.turned_away(found.turned, people, model)} {words.wrongly(found.turned, people)}")
    labels = words.labelled(done.counts(key), people)
    if labels:
        st.markdown(f"In the labels: {labels}")


def metrics(pairs: dict[str, FacetReport], name: str) -> None:
    """Every metric: picture, range, words, value with interval; why where there's none."""
    tables = {}
    for stage, title in STAGES.items():
        models = {label: getattr(facet, stage) for label, facet in pairs.items()}
        if stage == "pre_training" and len(models) > 1 and views.same(models):
            models = {"these rows": next(iter(models.values()))}
        if not any(models.values()):
            continue
        tables[stage] = models
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(title)
            _reports.explained(list(next(iter(models.values()))), stage)
        st.markdown(words.noisy({_show.plain(label): found for label, found in models.items()}))
        st.plotly_chart(_show.drawn(views.dots, models), alt=f"Bias metrics {title.lower()} with 95 % intervals", key=f"dots-{stage}")
        st.table(views.reading(models), border="horizontal")
    _reports.csv("Metrics as CSV", f"{name}-metrics", bias_pairs.HEADINGS, bias_pairs.rows(tables))


def by_group(done: BiasReport, key: str, label: str) -> None:
    """The same sentence and picture for each group."""
    found = _thresholds.outcome(_session.target(), done.folder, key, None)
    if found is None or not found.groups:
        st.info("The report has no groups. Measure a data set that has a group variable.", icon=":material/info:")
        return
    _thresholds.groups(found, done.people(key), "report", label)
