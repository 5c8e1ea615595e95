"""Real and synthetic rows side by side: how each feature is spread, and the synthetic rows themselves."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import rebalancing
from core.views import distributions as views
from core.views import rebalancing as named

ROWS = 100
"""On one page of the list."""


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the distributions …")
def spread(target: str, job: str, _done: rebalancing.Rebalanced) -> list[dict[str, Any]]:
    return rebalancing.distributions(_session.clients(), _done)


@st.cache_data(ttl="10m", max_entries=32, show_spinner="Reading the rows …")
def page(target: str, job: str, start: int, _done: rebalancing.Rebalanced) -> pd.DataFrame:
    return rebalancing.synthetic_rows(_session.clients(), rebalancing.synthetic_parts(_done), start, ROWS)


@st.fragment
def distributions(done: rebalancing.Rebalanced, names: dict[str, dict[int, str]]) -> None:
    """Each feature's histogram of the real rows and of the synthetic ones (or of all rows after)."""
    with _show.errors_shown():
        features = spread(_session.target(), done.job, done)
        st.subheader("Are the new rows like the real ones?")
        if not features:
            st.info("This job wrote no distributions. Run it again to see them.", icon=":material/info:")
            return
        facet = done.roles.facet
        groups = list(features[0]["groups"])
        words = {group: named.named(facet, group, names) if group else "everyone" for group in groups}
        left, right = st.columns(2, gap="large")
        with left:
            common = groups.index(views.commonest(features[0]))
            group = st.radio("Rows of", groups, index=common, format_func=words.__getitem__, horizontal=True, key="spread-of")
            table = views.summary(features, group)
            least = table.iloc[0]
            st.caption(
                _show.plain(f"Of {len(table)} columns, {least['feature']} is the least alike. The fuller the bar, the more is common.")
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
            st.caption(_show.plain(views.sentence(feature, group, "" if group == "" else words[group])))
            _show.chart(
                _show.drawn(views.histogram, feature, group),
                views.histogram_table(feature, group),
                alt=f"Distribution of {feature['feature']} in real and synthetic rows",
                key="spread",
            )


@st.fragment
def rows(done: rebalancing.Rebalanced) -> None:
    """The synthetic rows, a page at a time."""
    count, made = int(done.manifest["synthetic"]["count"]), named.made(done.manifest["config"]["method"])
    with st.expander(f"The {made} rows: {count:,}", icon=":material/auto_awesome:"), _show.errors_shown():
        if not count:
            st.caption("This method makes no rows.")
            return
        if not rebalancing.synthetic_parts(done):
            st.info("This job wrote no list of them. Run it again to see them.", icon=":material/info:")
            return
        number = st.pagination(-(-count // ROWS), key=f"synthetic-{done.job}")
        start = (number - 1) * ROWS
        table = page(_session.target(), done.job, start, done)
        st.caption(
            f"{start + 1:,} to {start + len(table):,} of {count:,}. “row” is the place in train_res.csv, from 0; “copy of” the row of the "
            "data set that was repeated, empty where the row was interpolated."
        )
        st.dataframe(table, hide_index=True, height=380, alt=f"The {made} rows")
