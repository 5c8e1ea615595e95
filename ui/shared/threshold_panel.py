"""The threshold slider: who is declined at another threshold, and how good the model then is."""

from __future__ import annotations

import streamlit as st

from core.analysis.bias.threshold_sweep import ThresholdSweep
from core.reports import bias_jobs, bias_outcomes
from core.views.bias import bias_comparison_charts, decline_sentences
from core.views.bias import threshold_charts as views
from ui import session
from ui.components import charts, errors, markdown, tables
from ui.shared import report_details, threshold_choice


@st.cache_data(ttl="30m", max_entries=32, show_spinner="Reading the report …")
def read_bias_report(cache_key: str, folder: str) -> bias_jobs.BiasReport:
    """The bias report in a folder."""
    return bias_jobs.read_report_at(session.target(), folder)


@st.cache_data(ttl="30m", max_entries=256, show_spinner=False)
def threshold_outcome(cache_key: str, folder: str, key: str, threshold: float | None) -> bias_outcomes.ThresholdOutcome | None:
    """Who is declined at a threshold (None: the report's own), with the metrics; None if the report has no counts."""
    return bias_outcomes.outcome_at_threshold(read_bias_report(cache_key, folder), key, threshold)


@st.fragment
def show_threshold_panel(reports: dict[str, bias_jobs.BiasReport], key: str, mark: str = "") -> None:
    """The slider, and its effect in each report: reports that can be compared, or one. Moving it reruns this part of the page only.
    ``mark``: makes the widgets' keys unique where a page has several panels."""
    sweeps = {label: sweep for label, report in reports.items() if (sweep := report.sweep(key)) is not None}
    if not sweeps:
        st.info("This report was made before other thresholds were counted. Measure bias again.", icon=":material/info:")
        return
    own = {label: reports[label].threshold for label in sweeps}
    with errors.show_raised_errors():
        _draw({label: reports[label] for label in sweeps}, sweeps, own, key, mark)


def _draw(
    reports: dict[str, bias_jobs.BiasReport],
    sweeps: dict[str, ThresholdSweep],
    report_thresholds: dict[str, float],
    key: str,
    mark: str,
) -> None:
    last = list(reports)[-1]
    threshold = _slider(report_thresholds[last], mark, reports[last].describe_label(1))
    people, target = reports[last].group_names(key), session.cache_key()
    said = markdown.escape_people(people)
    now = {label: threshold_outcome(target, report.folder, key, threshold) for label, report in reports.items()}
    before = {label: threshold_outcome(target, report.folder, key, None) for label, report in reports.items()}
    at, old = ({k: v for k, v in found.items() if v is not None} for found in (now, before))
    for label, one in at.items():
        st.markdown(
            f"{decline_sentences.decline_rates_sentence(one.declined, said, f'**{markdown.escape_markdown(label)}**')} "
            f"{decline_sentences.wrongly_declined_sentence(one.declined, said)} "
            + decline_sentences.threshold_change_sentence(one.declined, old[label].declined, said, one.threshold, old[label].threshold)
        )
    counts = views.decline_counts_table({label: one.declined for label, one in at.items()}, people)
    st.dataframe(counts, hide_index=True, alt=f"People declined and approved at {threshold:g}")
    named = {markdown.escape_markdown(label): sweep for label, sweep in sweeps.items()}
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Declined, at every threshold")
        st.markdown(decline_sentences.widest_gap_sentence(named, said))
        fig, table = views.decline_figure_and_table(sweeps, people, {"here": threshold})
        charts.show_chart(
            charts.without_links(fig), table, alt="Share of both groups declined, by threshold", key=f"threshold-shares{mark}"
        )
    with right:
        st.subheader("A figure, at every threshold")
        shown = st.selectbox(
            "Figure",
            views.SHOWN_METRICS,
            index=views.SHOWN_METRICS.index("DPPL"),
            key=f"threshold-figure{mark}",
            label_visibility="collapsed",
        )
        st.markdown(decline_sentences.metric_range_sentence(named, shown))
        fig, table = views.metric_figure_and_table(sweeps, shown, {"here": threshold})
        charts.show_chart(charts.without_links(fig), table, alt=f"{shown} by threshold", key=f"threshold-metric{mark}")
    values = views.metrics_table({k: v.metrics for k, v in at.items()}, {k: v.metrics for k, v in old.items()}, threshold=threshold)
    st.dataframe(values, hide_index=True, height="content", alt=f"Figures at {threshold:g} with 95 % intervals")
    st.caption(
        "The flip test (FT) is missing: it compares single rows, and only counts are kept for other thresholds. Choose a threshold on "
        "validation rows and judge it on test rows; choosing it on test rows would make the model look better than it is."
    )
    threshold_choice.show_threshold_choice(sweeps[last], mark)
    if last in at:
        show_declined_by_group(at[last], people, f"threshold{mark}", last)
    with st.container(horizontal=True):
        tables.csv_download_button("Figures as CSV", f"thresholds-{threshold:g}{mark}", values.columns, values.itertuples(index=False))
        report_details.explain_metrics(list(values["metric"]), f"threshold{mark}", reports[last].describe_label(1))


def _slider(default: float, mark: str, positive: str) -> float:
    """The slider, whose value is in the URL's ``?threshold=``. ``positive``: what label 1 is called."""
    try:
        wanted = float(st.query_params.get("threshold", default))
    except ValueError:
        wanted = default

    def write_to_url() -> None:
        st.query_params["threshold"] = f"{st.session_state[f'threshold-slider{mark}']:g}"

    return float(
        st.slider(
            "Threshold of the score",
            0.01,
            0.99,
            min(max(wanted, 0.01), 0.99),
            0.01,
            key=f"threshold-slider{mark}",
            on_change=write_to_url,
            help=markdown.escape_markdown(f"{positive} is predicted for a row whose score is above it."),
        )
    )


def show_declined_by_group(at_threshold: bias_outcomes.ThresholdOutcome, people: tuple[str, str], key: str, label: str) -> None:
    """Who is declined, group by group."""
    if not at_threshold.declined_by_group:
        return
    st.subheader(f"By group, {markdown.escape_markdown(label)}")
    st.markdown(
        bias_comparison_charts.groups_sentence(
            [(markdown.escape_markdown(group), one) for group, one in at_threshold.declined_by_group], markdown.escape_people(people)
        )
    )
    fig = charts.cached_figure(bias_comparison_charts.groups_figure, at_threshold.declined_by_group, people)
    charts.show_chart(
        fig,
        bias_comparison_charts.groups_table(at_threshold.declined_by_group, people),
        alt="Share declined by group",
        key=f"groups-{key}",
    )
