"""One filter for all charts and tables of a tuning job's trials, kept in the URL."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.views.tuning.trial_filter import TrialFilter, tuned_parameters
from core.views.tuning.tuning_charts import STATUS_COLOURS
from ui.components import markdown


def choose_filter(table: pd.DataFrame, job: str) -> TrialFilter:
    """Draw the filter and say how many trials pass; returns the filter."""
    if len(table) < 2:
        return TrialFilter()
    now = TrialFilter.from_text(st.query_params.get("filter", ""))
    turn = st.session_state.setdefault("tuning-filter-turn", 0)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Filter", icon=":material/filter_alt:"):
            found = _filter_widgets(table, now, f"{job}-{turn}")
        st.caption(markdown.escape_markdown(found.summary_text(len(found.apply(table)), len(table))))
        if found and st.button("Show all trials", icon=":material/filter_alt_off:", type="tertiary"):
            st.session_state["tuning-filter-turn"] = turn + 1
            del st.query_params["filter"]
            st.rerun()
    if found:
        if st.query_params.get("filter") != found.to_text():
            st.query_params["filter"] = found.to_text()
    elif "filter" in st.query_params:
        del st.query_params["filter"]
    return found


def _filter_widgets(table: pd.DataFrame, current: TrialFilter, key: str) -> TrialFilter:
    asked = [status for status in current.statuses if status in STATUS_COLOURS]
    states = sorted({*table["status"], *asked})
    kept = st.multiselect("Status", states, asked, placeholder="Any", key=f"filter-status-{key}")
    ranges = {}
    for column in ["objective", *tuned_parameters(table)]:
        values = pd.to_numeric(table[column], errors="coerce").dropna()
        if values.nunique() < 2:
            continue
        low, high = float(values.min()), float(values.max())
        start, end = current.ranges.get(column, (low, high))
        start, end = min(max(start, low), high), max(min(end, high), low)
        chosen_low, chosen_high = st.slider(
            column, low, high, (start, end), step=(high - low) / 100, format="%.4g", key=f"filter-{column}-{key}"
        )
        if (chosen_low, chosen_high) != (low, high):
            ranges[column] = (chosen_low, chosen_high)
    return TrialFilter(tuple(kept or ()), ranges)
