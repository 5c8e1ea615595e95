"""Real and synthetic rows side by side: the distribution of each feature, and the synthetic rows themselves."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.analysis.tables.histograms import FeatureHistograms
from core.analysis.tables.value_names import ValueNames
from core.jobs import rebalancing_jobs
from core.views.data import rebalancing_sentences
from core.views.data import synthetic_row_charts as views
from ui import session
from ui.components import charts, errors, markdown

ROWS_PER_PAGE = 100
"""Rows on one page of the list."""


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the distributions …")
def read_distributions(cache_key: str, job: str, _done: rebalancing_jobs.RebalancedData) -> list[FeatureHistograms]:
    """The histograms of each feature, cached for half an hour."""
    return rebalancing_jobs.read_distributions(session.target(), _done)


@st.cache_data(ttl="10m", max_entries=32, show_spinner="Reading the rows …")
def read_rows_page(cache_key: str, job: str, start: int, _done: rebalancing_jobs.RebalancedData) -> pd.DataFrame:
    """One page of the synthetic rows, from row ``start``."""
    return rebalancing_jobs.read_synthetic_rows(session.target(), rebalancing_jobs.list_synthetic_files(_done), start, ROWS_PER_PAGE)


@st.fragment
def show_distributions(rebalanced: rebalancing_jobs.RebalancedData, names: ValueNames) -> None:
    """Each feature's histogram of the real rows and of the synthetic ones (or of all rows after)."""
    with errors.show_raised_errors():
        features = read_distributions(session.cache_key(), rebalanced.job, rebalanced)
        st.subheader("Are the new rows like the real ones?")
        if not features:
            st.info("This job wrote no distributions. Run it again to see them.", icon=":material/info:")
            return
        facet = rebalanced.roles.facet
        groups = list(features[0]["groups"])
        words = {group: names.describe(facet, group) if group else "everyone" for group in groups}
        left, right = st.columns(2, gap="large")
        with left:
            common = groups.index(views.sole_synthetic_group(features[0]))
            group = st.radio(
                "Rows of",
                groups,
                index=common,
                format_func=lambda one: markdown.escape_markdown(words[one]),
                horizontal=True,
                key="spread-of",
            )
            table = views.overlap_table(features, group)
            least = table.iloc[0]
            st.caption(
                markdown.escape_markdown(
                    f"Of {len(table)} columns, {least['feature']} differs most. A full bar means that real and synthetic rows are spread "
                    "alike."
                )
            )
            bar = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
            st.dataframe(
                table,
                hide_index=True,
                height=340,
                column_config={"overlap": bar},
                alt="Overlap of real and synthetic rows by feature",
            )
        with right:
            found = {f["feature"]: f for f in features}
            order = table["feature"].tolist()
            feature = found[st.selectbox("Feature", order, key="spread-feature")]
            st.caption(markdown.escape_markdown(views.overlap_sentence(feature, group, "" if group == "" else words[group])))
            charts.show_chart(
                charts.cached_figure(views.histogram_figure, feature, group),
                views.histogram_table(feature, group),
                alt=f"Distribution of {feature['feature']} in real and synthetic rows",
                key="spread",
            )


@st.fragment
def show_synthetic_rows(rebalanced: rebalancing_jobs.RebalancedData, names: ValueNames) -> None:
    """The synthetic rows, a page at a time."""
    count, made = (
        int(rebalanced.manifest["synthetic"]["count"]),
        rebalancing_sentences.added_rows_kind(rebalanced.manifest["config"]["method"]),
    )
    with st.expander(f"The {made} rows: {count:,}", icon=":material/auto_awesome:"), errors.show_raised_errors():
        if not count:
            st.caption("This method makes no rows.")
            return
        if not rebalancing_jobs.list_synthetic_files(rebalanced):
            st.info("This job didn't list them. Run it again to see them.", icon=":material/info:")
            return
        number = st.pagination(-(-count // ROWS_PER_PAGE), key=f"synthetic-{rebalanced.job}")
        start = (number - 1) * ROWS_PER_PAGE
        table = read_rows_page(session.cache_key(), rebalanced.job, start, rebalanced)
        st.caption(
            f"{start + 1:,} to {start + len(table):,} of {count:,}. “row” is the position in train_res.csv, from 0. “copy of” is the "
            "row of the "
            "data set that was repeated; it is empty if the row was interpolated."
        )
        st.dataframe(names.decode(table), hide_index=True, height=380, alt=f"The {made} rows")
