"""Two bias reports on the same rows: which metrics differ by more than noise, and which model treats the groups more alike."""

from __future__ import annotations

import streamlit as st

from core.analysis.bias.bias_difference import BiasDifference
from core.reports import bias_outcomes
from core.reports.bias_jobs import BiasReport
from core.views.bias import bias_comparison_charts
from core.views.shared import difference_sentences
from ui import session
from ui.components import charts, links, markdown, tables
from ui.shared import report_details, threshold_panel


@st.cache_data(ttl="30m", max_entries=32, show_spinner=False)
def read_unlike_reasons(cache_key: str, a: str, b: str, names: tuple[str, str]) -> tuple[str, ...]:
    """Every reason why two reports can't be compared, () if they can be; ``a`` and ``b`` are the reports' folders."""
    first, second = (threshold_panel.read_bias_report(cache_key, folder) for folder in (a, b))
    return bias_outcomes.explain_unlike_reports(session.target(), first, second, names)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Comparing on the same rows …")
def read_paired_differences(cache_key: str, a: str, b: str, names: tuple[str, str]) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """Facet -> metric -> difference, and why there are none; ``a`` and ``b`` are the reports' folders."""
    return bias_outcomes.paired_differences(
        session.target(), threshold_panel.read_bias_report(cache_key, a), threshold_panel.read_bias_report(cache_key, b), names
    )


def compare_reports(reports: dict[str, BiasReport], key: str) -> None:
    """Two reports on the same rows: which metrics differ by more than noise."""
    if len(reports) < 2:
        st.info("Choose a second report under **Compare with** to see the paired differences.", icon=":material/compare_arrows:")
        return
    (a, b), names = reports.values(), list(reports)
    found, why = read_paired_differences(session.cache_key(), a.folder, b.folder, (names[0], names[1]))
    show_differences(found.get(key, {}), why or "The facet isn't in both reports.", names, b.group_names(key), f"{names[0]}-{names[1]}")


def show_differences(
    differences: dict[str, BiasDifference], missing_reason: str, names: list[str], people: tuple[str, str], file_name: str
) -> None:
    """The paired differences of a facet, or why there are none."""
    if not differences:
        st.info(missing_reason, icon=":material/info:")
        return
    st.markdown(
        difference_sentences.bias_differences_sentence(
            differences, [markdown.escape_markdown(name) for name in names], markdown.escape_people(people)
        )
    )
    only = links.url_toggle("Differences beyond the noise only", "beyond", value=False)
    table = bias_comparison_charts.differences_table(differences, names, only_beyond=only)
    shown = {name: one for name, one in differences.items() if one.beyond_noise or not only}
    st.plotly_chart(
        charts.cached_figure(bias_comparison_charts.differences_figure, shown),
        alt="Paired differences of bias with 95 % intervals",
        key="bias-differences",
    )
    st.dataframe(table, hide_index=True, height="content", alt="Paired differences of bias with 95 % intervals")
    with st.container(horizontal=True):
        tables.csv_download_button("Differences as CSV", f"bias-{file_name}", table.columns, table.itertuples(index=False))
        report_details.explain_metrics(list(differences), "difference")
