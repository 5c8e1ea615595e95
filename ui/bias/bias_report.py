"""One bias report, or two side by side: in words, as a chart, as a table; by group; at other thresholds."""

from __future__ import annotations

import streamlit as st

from core.analysis.bias import group_sentences
from core.reports import bias_jobs
from core.reports.bias_jobs import BiasReport, FacetReport
from core.reports.imported_reports import OpenedReport
from core.views.bias import bias_charts as views
from core.views.bias import bias_comparison_charts, decline_sentences, group_table_charts
from core.views.shared import difference_sentences
from ui import session
from ui.components import charts, errors, links, markdown, tables, tabs
from ui.shared import bias_differences, report_choice, report_details, threshold_panel

VIEWS = {name: name for name in ("Metrics", "Difference", "Groups", "Threshold")}
STAGE_TITLES = {"post_training": "In the predictions", "pre_training": "In the labels of these rows"}


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the report …")
def read_job_report(cache_key: str, job: str) -> BiasReport:
    """The report of a bias job, cached for half an hour."""
    return bias_jobs.read_job_report(session.target(), job)


def show_bias_report(name: str, other: str | None) -> None:
    """Draw the report of the job ``name``, compared with that of the job ``other``."""
    done = read_job_report(session.cache_key(), name)
    report_details.show_report_title(done.folder)
    both = {report_choice.short_job_name(name): done}
    if other:
        both = {report_choice.short_job_name(other): read_job_report(session.cache_key(), other)} | both
    if show_reports(both, name):
        report_details.report_download_buttons(done.folder, name)
        show_origin_links(name)


def show_imported_bias(opened: OpenedReport) -> None:
    """Draw an imported report, compared with one of this product's if chosen."""
    done = bias_jobs.parse_report(opened.raw, opened.uri)
    if not done.facets:
        st.info("The report has no bias metrics.", icon=":material/info:")
        return
    own = [job.name for job in bias_jobs.list_jobs(session.target()) if job.status == "Completed"]
    other = (
        links.url_selectbox("other", [report_choice.NONE, *own], "Compare with", format_func=report_choice.short_job_name)
        if own
        else report_choice.NONE
    )
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
    st.markdown(markdown.escape_markdown(said + (f"The report doesn't say: {', '.join(unknown)}." if unknown else "")))
    name = f"imported-{opened.sha256[:12]}"
    both = {f"imported {opened.sha256[:8]}": done}
    if other != report_choice.NONE:
        both = {report_choice.short_job_name(other): read_job_report(session.cache_key(), other)} | both
    show_reports(both, name)


def show_reports(reports: dict[str, BiasReport], name: str) -> bool:
    """Draw the last of the reports, compared with the other if both measured the same rows, else each alone; False if it has no metrics."""
    label, done = list(reports.items())[-1]
    facets = {facet.key: facet for facet in done.facets}
    if not facets:
        st.info("The report has no bias metrics.", icon=":material/info:")
        return False
    groups = group_like_reports(reports)
    key = links.url_selectbox("facet", list(facets), "Facet", format_func=done.describe_facet) if len(facets) > 1 else next(iter(facets))
    if len(groups) == 1 and len(_with_facet(reports, key)) < len(reports):
        st.info(
            markdown.escape_markdown(f"{next(iter(reports))} has no facet {done.describe_facet(key)}, so the two can't be compared."),
            icon=":material/info:",
        )
    flattered = [each for each, one in reports.items() if one.measured_on == "train" and one is not done]
    if flattered:
        st.warning(f"{', '.join(map(markdown.escape_markdown, flattered))} is measured on training rows.", icon=":material/warning:")
    for group in groups:
        facet = _facet_of(group, key)
        show_summary(list(group.values())[-1], facet, _with_facet(group, facet), named=len(reports) > 1)
    metrics_tab, pair_tab, group_tab, threshold_tab = tabs.url_tabs("bias", VIEWS, name="view")
    if metrics_tab.open:
        with metrics_tab:
            for place, group in enumerate(groups):
                facet = _facet_of(group, key)
                found = {each: one for each, report in group.items() for one in report.facets if one.key == facet}
                _show_group_title(groups, group, facet)
                show_metrics(found, name if len(groups) == 1 else f"{name}-{place}", f"-{place}" if place else "")
    if pair_tab.open:
        with pair_tab, errors.show_raised_errors():
            bias_differences.compare_reports(reports, key)
    if group_tab.open:
        with group_tab:
            show_all_groups(done, name)
            show_report_groups(done, key, label)
    if threshold_tab.open:
        with threshold_tab:
            for place, group in enumerate(groups):
                facet = _facet_of(group, key)
                _show_group_title(groups, group, facet)
                threshold_panel.show_threshold_panel(_with_facet(group, facet), facet, f"-{place}" if place else "")
    return True


def group_like_reports(reports: dict[str, BiasReport]) -> list[dict[str, BiasReport]]:
    """Both reports as one group if they can be compared. Otherwise each is a group of its own, and the page says why."""
    if len(reports) < 2:
        return [reports]
    (a, b), names = reports.values(), list(reports)
    reasons = bias_differences.read_unlike_reasons(session.cache_key(), a.folder, b.folder, (names[0], names[1]))
    if not reasons:
        return [reports]
    said = " ".join(map(markdown.escape_markdown, reasons))
    st.info(
        f"**These two can't be compared.** {said} Each is shown alone. Choose another one under **Compare with**, or measure both models "
        "on the same rows under **New report**.",
        icon=":material/difference:",
    )
    return [{label: report} for label, report in reports.items()]


def _facet_of(group: dict[str, BiasReport], chosen: str) -> str:
    """The chosen facet if the group's reports have it, else their first."""
    keys = [facet.key for report in group.values() for facet in report.facets]
    return chosen if chosen in keys else next(iter(keys), chosen)


def _with_facet(group: dict[str, BiasReport], key: str) -> dict[str, BiasReport]:
    return {label: report for label, report in group.items() if any(facet.key == key for facet in report.facets)}


def _show_group_title(groups: list[dict[str, BiasReport]], group: dict[str, BiasReport], key: str) -> None:
    """Whose figures follow, where two reports can't be compared."""
    if len(groups) > 1:
        st.header(markdown.escape_markdown(next(iter(group))))
        st.caption(markdown.escape_markdown(f"Facet {next(iter(group.values())).describe_facet(key)}"))


@st.cache_data(ttl="30m", max_entries=64, show_spinner=False)
def read_origin(cache_key: str, job: str) -> bias_jobs.ReportOrigin:
    """What the report was made from, cached for half an hour."""
    return bias_jobs.find_origin(session.target(), job)


def show_origin_links(name: str) -> None:
    """Links to what the report came from."""
    found = read_origin(session.cache_key(), name)
    with st.container(horizontal=True):
        if found.training_job:
            links.page_link("tuning", "Training job", training=found.training_job)
        if found.rebalancing_job:
            links.page_link("data", "Data", job=found.rebalancing_job)
        links.page_link("registry", "Versions")


def show_summary(report: BiasReport, key: str, reports: dict[str, BiasReport], *, named: bool) -> None:
    """How many of 100 people of either group each model declines, and what their labels are. ``named``: with the report's name."""
    people = markdown.escape_people(report.group_names(key))
    for label, one in reports.items():
        found = threshold_panel.threshold_outcome(session.cache_key(), one.folder, key, None)
        if found is not None:
            model = f"**{markdown.escape_markdown(label)}**" if named else "the model"
            st.markdown(
                f"{decline_sentences.decline_rates_sentence(found.declined, people, model)} "
                f"{decline_sentences.wrongly_declined_sentence(found.declined, people)}"
            )
    labels = decline_sentences.label_rates_sentence(report.counts(key), people)
    if labels:
        whose = f" of **{markdown.escape_markdown(next(iter(reports)))}**" if named and len(reports) == 1 else ""
        st.markdown(f"In the labels{whose}: {labels}")
    for sentence in report.left_out_rows(key):
        st.caption(markdown.escape_markdown(sentence))


def show_metrics(facets: dict[str, FacetReport], name: str, mark: str = "") -> None:
    """Every metric: chart, range, meaning, value with interval, or why it has no value. ``mark``: makes keys unique."""
    by_stage = {}
    for stage, title in STAGE_TITLES.items():
        models = {label: getattr(facet, stage) for label, facet in facets.items()}
        if stage == "pre_training" and len(models) > 1 and views.has_same_values(models):
            models = {"these rows": next(iter(models.values()))}
        if not any(models.values()):
            continue
        by_stage[stage] = models
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(title)
            report_details.explain_metrics(list(next(iter(models.values()))), f"{stage}{mark}")
        st.markdown(difference_sentences.noise_markdown({markdown.escape_markdown(label): found for label, found in models.items()}))
        st.plotly_chart(
            charts.cached_figure(views.metrics_figure, models),
            alt=f"Bias metrics {title.lower()} with 95 % intervals",
            key=f"dots-{stage}{mark}",
        )
        st.table(views.compact_table(models), border="horizontal")
    tables.csv_download_button(
        "Metrics as CSV", f"{name}-metrics", bias_comparison_charts.CSV_HEADINGS, bias_comparison_charts.csv_rows(by_stage)
    )


def show_all_groups(report: BiasReport, name: str) -> None:
    """Every value of every facet and every pair of them in one chart and table, each against all others."""
    if report.group_table is None:
        return
    st.subheader("All groups")
    table, alt = group_table_charts.group_frame(report.group_table), group_table_charts.groups_alt_text(report.group_table)
    for sentence in group_sentences.explain_group_table(report.group_table):
        st.markdown(markdown.escape_markdown(sentence))
    fig = charts.cached_figure(group_table_charts.groups_figure, report.group_table)
    st.plotly_chart(fig, alt=alt, key="all-groups", config=charts.PLOTLY_CONFIG)
    st.dataframe(table, hide_index=True, alt=alt)
    with st.container(horizontal=True):
        tables.csv_download_button("All groups as CSV", f"{name}-groups", table.columns, table.itertuples(index=False))
        shown = [metric for metric in group_sentences.DISPARITY_TITLES if metric in table.columns]
        report_details.explain_metrics(shown, "all-groups")


def show_report_groups(report: BiasReport, key: str, label: str) -> None:
    """The same sentence and chart for each group."""
    found = threshold_panel.threshold_outcome(session.cache_key(), report.folder, key, None)
    if found is None or not found.declined_by_group:
        st.info("The report has no groups. Measure a data set that has a group variable.", icon=":material/info:")
        return
    threshold_panel.show_declined_by_group(found, report.group_names(key), "report", label)
