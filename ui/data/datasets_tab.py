"""The data sets of the workspace: what is kept, under which hash, by whom."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _methods, _roles, _session, _show, _when
from core import datasets, lineage

ROWS = 50


@st.cache_data(ttl="15s", max_entries=4, show_spinner="Reading the data sets …")
def listed(target: str) -> list[datasets.Dataset]:
    return datasets.list_datasets(_session.clients())


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the first rows …")
def first_rows(target: str, uri: str) -> pd.DataFrame:
    return datasets.head(_session.clients(), uri)


def table(found: list[datasets.Dataset]) -> pd.DataFrame:
    """One row a data set, newest first; ``version`` counts those of one name."""
    seen: dict[str, int] = {}
    rows = []
    for d in reversed(found):
        seen[d.name] = seen.get(d.name, 0) + 1
        rows.append(
            {
                "name": d.name,
                "version": seen[d.name],
                "rows": d.rows,
                "columns": len(d.columns),
                "label": d.roles.label,
                "facet": f"{d.roles.facet} = {d.roles.facet_value}",
                "created": pd.Timestamp(d.created),
                "by": d.created_by,
                "SHA-256": d.sha256,
            }
        )
    names = ["name", "version", "rows", "columns", "label", "facet", "created", "by", "SHA-256"]
    return pd.DataFrame(rows[::-1], columns=names)


def draw() -> None:
    if (wanted := st.query_params.get("dataset")) and all(d.uri != wanted for d in listed(_session.target())):
        listed.clear()
    found = listed(_session.target())
    if not found:
        st.markdown("No data set is kept yet. Under **New rebalancing** take the bundled rows, upload a CSV, or name one in S3.")
        return
    rows = table(found)
    pages = -(-len(rows) // ROWS)
    start = (st.pagination(pages, key="sets-page") - 1) * ROWS if pages > 1 else 0
    st.dataframe(
        rows.iloc[start : start + ROWS], hide_index=True, height="content", column_config=_show.TIMES, alt="Data sets of the workspace"
    )
    st.download_button(
        "List as CSV",
        lambda: _methods.csv(rows),
        "data-sets.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sets-csv",
    )
    names = {d.uri: f"{d.name} v{v} · {d.sha256[:12]}" for d, v in zip(found, rows["version"], strict=True)}
    _one({d.uri: d for d in found}[_show.chosen("dataset", list(names), "Data set", format_func=names.__getitem__)])


def _one(d: datasets.Dataset) -> None:
    with st.container(border=True):
        st.markdown(f"**{_show.plain(d.name)}**, {d.rows:,} rows, {len(d.columns)} columns")
        _when.caption(d.created, f"kept by {_show.plain(d.created_by)}")
        st.caption(f"SHA-256 `{d.sha256}`  \n{_roles.roles_in_words(d.roles)}")
        if d.coding:
            coded = [{"column": c, "text": t, "code": n} for c, codes in d.coding.items() for t, n in codes.items()]
            _show.twin(pd.DataFrame(coded), alt="What each code stands for", label="Codes")
        with st.expander("First rows", icon=":material/table:"):
            st.dataframe(first_rows(_session.target(), d.uri), hide_index=True, height=280, alt=f"First rows of {d.name}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Rebalance these rows", icon=":material/balance:"):
                st.session_state["source"] = "stored"
                _show.turn_to("new", dataset=d.uri)
            st.download_button(
                "Download",
                lambda: _session.clients().read(d.uri),
                f"{d.name}-{d.sha256[:12]}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                disabled=not _show.allowed("export"),
                help="The bytes whose hash stands above.",
            )
            if lineage.artifact_of(_session.clients(), d.uri):
                _show.link("lineage", "What was made of it", uri=d.uri)
            else:
                st.caption("Not used by any job yet.")
