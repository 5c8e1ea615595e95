"""Two bias reports on the same rows: which metrics differ by more than noise, and whose groups are nearer to each other."""

from __future__ import annotations

import streamlit as st

from app_pages import _reports, _session, _show, _thresholds
from core import bias_outcomes
from core.analysis.bias_difference import BiasDifference
from core.bias import BiasReport
from core.views import bias_pairs, words


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Comparing on the same rows …")
def paired(target: str, a: str, b: str) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """By the reports' folders."""
    return bias_outcomes.paired(_session.clients(), _thresholds.report_at(target, a), _thresholds.report_at(target, b))


def difference(both: dict[str, BiasReport], key: str) -> None:
    """Two reports on the same rows: which metrics differ by more than noise."""
    if len(both) < 2:
        st.info("Choose a second report **beside it** to see the paired differences.", icon=":material/compare_arrows:")
        return
    (a, b), names = both.values(), list(both)
    found, why = paired(_session.target(), a.folder, b.folder)
    show(found.get(key, {}), why or "The facet isn't in both reports.", names, b.people(key), f"{names[0]}-{names[1]}")


def show(found: dict[str, BiasDifference], why: str, names: list[str], people: tuple[str, str], file: str) -> None:
    """The paired differences of a facet, or why there are none."""
    if not found:
        st.info(why, icon=":material/info:")
        return
    st.markdown(words.biases(found, [_show.plain(name) for name in names], _thresholds.plain(people)))
    only = _reports.toggle("Differences beyond the noise only", "beyond", value=False)
    table = bias_pairs.differences_table(found, names, only_beyond=only)
    shown = {name: one for name, one in found.items() if one.beyond_noise or not only}
    st.plotly_chart(
        _show.drawn(bias_pairs.differences_figure, shown), alt="Paired differences of bias with 95 % intervals", key="bias-differences"
    )
    st.dataframe(table, hide_index=True, height="content", alt="Paired differences of bias with 95 % intervals")
    with st.container(horizontal=True):
        _reports.csv("Differences as CSV", f"bias-{file}", table.columns, table.itertuples(index=False))
        _reports.explained(list(found), "difference")
