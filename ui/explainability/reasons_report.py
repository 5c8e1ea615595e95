"""Why a model declines and where its disparity comes from: the result of a reasons job."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.analysis.proxies.reasons_json import WhyJson
from core.analysis.proxies.row_filter import RowFilterError, select_rows
from core.analysis.tables.value_names import ValueNames
from core.reports import reasons_jobs
from core.reports.reasons_jobs import ReasonsRequest
from core.views.explainability import why_tables as views
from ui import session
from ui.components import charts, links, markdown, tables

MAX_SHOWN = 100


@st.cache_data(ttl="30m", max_entries=8, show_spinner="Reading the reasons …")
def read_result(cache_key: str, job: str) -> tuple[WhyJson, ReasonsRequest]:
    """The result of a job, and what it was asked."""
    return reasons_jobs.read_result(session.target(), job), reasons_jobs.read_request(session.target(), job)


@st.cache_data(ttl="30m", max_entries=4, show_spinner="Reading the declined rows …")
def read_rows(cache_key: str, job: str) -> tuple[pd.DataFrame, str]:
    """The declined rows with their reasons, and the sample notice."""
    return reasons_jobs.read_declined_rows(session.target(), job)


@st.cache_data(ttl="30m", max_entries=2, show_spinner="Reading the applicants …")
def read_applicants(cache_key: str, job: str) -> pd.DataFrame:
    """The rows that the job looked at."""
    return reasons_jobs.read_applicants(session.target(), job)


def show_reasons(name: str) -> None:
    """Draw the result of the job ``name``."""
    found, asked = read_result(session.cache_key(), name)
    for part, why in found["unmeasured"].items():
        st.warning(markdown.escape_markdown(f"{part[:1].upper()}{part[1:]}: not measured. {why.rstrip('.')}."), icon=":material/warning:")
    show_declines(name, found, asked)
    show_origins(found, asked)
    show_weak_spots(name, found, asked)
    with st.container(horizontal=True):
        links.page_link("tuning", "Training job", training=asked["training_job"])
        links.page_link("data", "Data", job=asked["rebalancing_job"])


def show_declines(name: str, found: WhyJson, asked: ReasonsRequest) -> None:
    """The reasons of declined rows: how often each is named, the rows for a person, and a sample notice."""
    reasons = found["reasons"]
    if reasons is None:
        return
    st.subheader("Why rows are declined")
    st.markdown(markdown.escape_markdown(views.reasons_sentence(reasons)))
    if not reasons["declined"]:
        return
    charts.show_chart(
        charts.cached_figure(views.reasons_bars, reasons), views.reasons_table(reasons), alt="How often each reason is named", key="reasons"
    )
    st.caption(markdown.escape_markdown(views.reasons_note(reasons)))
    table, notice = read_rows(session.cache_key(), name)
    left = table[table["holds"] == "no"]
    with st.expander(f"For a person: {len(left):,} declined rows whose reasons don't hold", icon=":material/person_search:"):
        st.dataframe(
            left.head(MAX_SHOWN)[["row", "score", "reason 1", "reason 2", "why not"]],
            hide_index=True,
            alt="Declined rows whose reasons don't hold",
        )
        if len(left) > MAX_SHOWN:
            st.caption(f"The first {MAX_SHOWN} of {len(left):,}; the file has all.")
    with st.expander("A sample notice", icon=":material/mail:"):
        st.text(notice)
    cells = table.astype(object).where(table.notna(), None)
    tables.csv_download_button("All declined rows with their reasons (CSV)", name, table.columns, cells.itertuples(index=False))


def show_origins(found: WhyJson, asked: ReasonsRequest) -> None:
    """Proxies, through which features the disparity flows, and what dropping them costs."""
    proxies, dropping = found["proxies"], found["dropping"]
    names = ValueNames.from_json(asked["value_names"])
    if proxies is not None:
        st.subheader("What gives protected groups away")
        st.markdown(markdown.escape_markdown(views.proxies_sentence(proxies)))
        fig = charts.cached_figure(views.proxies_chart, proxies)
        charts.show_chart(fig, views.proxies_table(proxies), alt="How well features give protected groups away", key="proxies")
        if note := views.proxies_note(proxies):
            st.caption(markdown.escape_markdown(note))
        if dropping is None and "cost of dropping" not in found["unmeasured"]:
            st.caption("None of them gives a group away enough to be tried without.")
    for flow in found["flows"]:
        st.markdown(markdown.escape_markdown(views.flow_sentence(flow, names.describe(asked["label"], 1))))
        tables.table_twin(views.flow_table(flow), alt=f"Flow of the disparity of {flow['group']}")
    if dropping is not None:
        st.markdown("**What dropping them costs**, on the same test rows, with 95 % intervals.")
        st.dataframe(
            views.dropping_table(dropping, names), hide_index=True, alt="Models without proxies beside the model with all features"
        )
    if found["dependence"]:
        st.subheader("How the prediction depends on a feature")
        by_name = {one["feature"]: one["points"] for one in found["dependence"]}
        feature = links.url_selectbox("feature", list(by_name), "Feature")
        fig = charts.cached_figure(views.dependence_chart, by_name[feature], feature)
        charts.show_chart(fig, views.dependence_table(by_name[feature]), alt=f"Mean prediction by {feature}", key="dependence")


def show_weak_spots(name: str, found: WhyJson, asked: ReasonsRequest) -> None:
    """Where the model is wrong most often; and any rows, by a filter."""
    weak = found["weak_spots"]
    if weak is not None:
        st.subheader("Where the model is worst")
        st.markdown(markdown.escape_markdown(views.weak_spots_sentence(weak)))
        st.dataframe(views.weak_spots_table(weak), hide_index=True, alt="Slices in which the model is wrong most often")
    text = st.text_input("Find rows", key="rows-filter", placeholder="age > 60 and sex = f", help="Conditions joined by “and”.")
    if text.strip():
        rows = read_applicants(session.cache_key(), name)
        try:
            places = select_rows(rows, text, ValueNames.from_json(asked["value_names"]))
        except RowFilterError as error:
            st.error(markdown.escape_message(str(error)), icon=":material/error:")
            return
        st.markdown(f"{len(places):,} of {len(rows):,} rows.")
        shown = ValueNames.from_json(asked["value_names"]).decode(rows.iloc[places[:MAX_SHOWN]])
        st.dataframe(shown, alt="Rows that meet the filter")
