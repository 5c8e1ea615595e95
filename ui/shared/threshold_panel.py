"""The threshold slider: what another cut-off does to whom, and how well the model then does."""

from __future__ import annotations

import streamlit as st

from app_pages import _reports, _session, _show
from core import bias, bias_outcomes
from core.analysis.thresholds import Sweep
from core.views import bias_pairs, words
from core.views import thresholds as views


@st.cache_data(ttl="30m", max_entries=32, show_spinner="Reading the report …")
def report_at(target: str, folder: str) -> bias.BiasReport:
    """A report by its folder."""
    return bias.read(_session.clients(), folder)


@st.cache_data(ttl="30m", max_entries=256, show_spinner=False)
def outcome(target: str, folder: str, key: str, threshold: float | None) -> bias_outcomes.Outcome | None:
    """What a threshold does; None in a report without counts."""
    return bias_outcomes.outcome(report_at(target, folder), key, threshold)


def plain(people: tuple[str, str]) -> tuple[str, str]:
    """What facet and rest are called, for a sentence."""
    return _show.plain(people[0]), _show.plain(people[1])


@st.fragment
def panel(reports: dict[str, bias.BiasReport], key: str) -> None:
    """The slider, and what it does in each report; drawn anew by itself."""
    sweeps = {label: sweep for label, report in reports.items() if (sweep := report.sweep(key)) is not None}
    if not sweeps:
        st.info("This report has no counts at other thresholds: it is older than they are. Measure bias anew.", icon=":material/info:")
        return
    own = {label: reports[label].threshold for label in sweeps}
    with _show.errors_shown():
        _draw({label: reports[label] for label in sweeps}, sweeps, own, key)


def _draw(reports: dict[str, bias.BiasReport], sweeps: dict[str, Sweep], own: dict[str, float], key: str) -> None:
    last = list(reports)[-1]
    threshold = _slider(own[last])
    people, target = reports[last].people(key), _session.target()
    said = plain(people)
    now = {label: outcome(target, report.folder, key, threshold) for label, report in reports.items()}
    before = {label: outcome(target, report.folder, key, None) for label, report in reports.items()}
    at, old = ({k: v for k, v in found.items() if v is not None} for found in (now, before))
    for label, one in at.items():
        st.markdown(
            f"{words.turned_away(one.turned, said, f'**{_show.plain(label)}**')} {words.wrongly(one.turned, said)} "
            + words.moved(one.turned, old[label].turned, said, one.threshold, old[label].threshold)
        )
    counts = views.people({label: one.turned for label, one in at.items()}, people)
    st.dataframe(counts, hide_index=True, alt=f"People turned away and approved at {threshold:g}")
    named = {_show.plain(label): sweep for label, sweep in sweeps.items()}
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Turned away, at every threshold")
        st.markdown(words.widest(named, said))
        fig, table = views.shares(sweeps, people, {"here": threshold})
        _show.chart(fig, table, alt="Share of both groups turned away, by threshold", key="threshold-shares")
    with right:
        st.subheader("A figure, at every threshold")
        shown = st.selectbox("Figure", views.SHOWN, index=views.SHOWN.index("DPPL"), key="threshold-figure", label_visibility="collapsed")
        st.markdown(words.course(named, shown))
        fig, table = views.metric(sweeps, shown, {"here": threshold})
        _show.chart(fig, table, alt=f"{shown} by threshold", key="threshold-metric")
    values = views.table({k: v.figures for k, v in at.items()}, {k: v.figures for k, v in old.items()}, threshold=threshold)
    st.dataframe(values, hide_index=True, height="content", alt=f"Figures at {threshold:g} with 95 % intervals")
    st.caption(
        "The flip test isn't here: it looks for like rows, which counts don't have. A threshold is chosen on validation rows and "
        "judged on test rows; choosing it here would flatter the model."
    )
    if last in at:
        groups(at[last], people, "threshold", last)
    with st.container(horizontal=True):
        _reports.csv("Figures as CSV", f"thresholds-{threshold:g}", values.columns, values.itertuples(index=False))
        _reports.explained(list(values["metric"]), "threshold")


def _slider(default: float) -> float:
    """In step with the URL's ``?threshold=``."""
    try:
        wanted = float(st.query_params.get("threshold", default))
    except ValueError:
        wanted = default

    def moved() -> None:
        st.query_params["threshold"] = f"{st.session_state['threshold-slider']:g}"

    return float(
        st.slider(
            "Threshold of the score",
            0.01,
            0.99,
            min(max(wanted, 0.01), 0.99),
            0.01,
            key="threshold-slider",
            on_change=moved,
            help="A row is predicted 1 where its score is above it.",
        )
    )


def groups(found: bias_outcomes.Outcome, people: tuple[str, str], key: str, label: str) -> None:
    """The same, group by group."""
    if not found.groups:
        return
    st.subheader(f"By group, {_show.plain(label)}")
    st.markdown(bias_pairs.groups_sentence([(_show.plain(group), one) for group, one in found.groups], plain(people)))
    fig = _show.drawn(bias_pairs.groups_figure, found.groups, people)
    _show.chart(fig, bias_pairs.groups_table(found.groups, people), alt="Share turned away by group", key=f"groups-{key}")
