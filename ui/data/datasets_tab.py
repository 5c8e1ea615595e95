"""The data sets of the workspace: what is kept, its SHA-256, and who uploaded it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.data import datasets
from core.lineage import lineage_graph
from ui import session
from ui.components import links, markdown, tables, tabs, times
from ui.data import dataset_form, table_findings

ROWS_PER_PAGE = 50


@st.cache_data(ttl="15s", max_entries=4, show_spinner="Reading the data sets …")
def list_datasets(cache_key: str) -> list[datasets.Dataset]:
    """The data sets of the workspace, cached for 15 seconds."""
    return datasets.list_datasets(session.target())


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the first rows …")
def read_first_rows(cache_key: str, uri: str) -> pd.DataFrame:
    """The first rows of a data set, cached for half an hour."""
    return datasets.read_first_rows(session.target(), uri)


def datasets_table(found: list[datasets.Dataset]) -> pd.DataFrame:
    """One row per data set, newest first; the column ``version`` counts those with the same name."""
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
                "facet": datasets.value_names(d).describe(d.roles.facet, d.roles.facet_value),
                "created": pd.Timestamp(d.created),
                "by": d.created_by,
                "SHA-256": d.sha256,
            }
        )
    names = ["name", "version", "rows", "columns", "label", "facet", "created", "by", "SHA-256"]
    return pd.DataFrame(rows[::-1], columns=names)


def show_datasets() -> None:
    """The list of data sets, and the chosen one."""
    if (wanted := st.query_params.get("dataset")) and all(d.uri != wanted for d in list_datasets(session.cache_key())):
        list_datasets.clear()
    found = list_datasets(session.cache_key())
    if not found:
        st.markdown("No data set is kept yet. Under **New rebalancing** use the bundled rows, upload a CSV, or name one in S3.")
        return
    rows = datasets_table(found)
    pages = -(-len(rows) // ROWS_PER_PAGE)
    start = (st.pagination(pages, key="sets-page") - 1) * ROWS_PER_PAGE if pages > 1 else 0
    st.dataframe(
        rows.iloc[start : start + ROWS_PER_PAGE],
        hide_index=True,
        height="content",
        column_config=tables.TIME_COLUMNS,
        alt="Data sets of the workspace",
    )
    st.download_button(
        "List as CSV",
        lambda: tables.table_to_csv(rows),
        "data-sets.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sets-csv",
    )
    names = {d.uri: f"{d.name} v{v} · {d.sha256[:12]}" for d, v in zip(found, rows["version"], strict=True)}
    chosen = {d.uri: d for d in found}[links.url_selectbox("dataset", list(names), "Data set", format_func=names.__getitem__)]
    _show_dataset(chosen, next((d for d in found[found.index(chosen) + 1 :] if d.name == chosen.name), None))


def _show_dataset(dataset: datasets.Dataset, earlier: datasets.Dataset | None) -> None:
    """``earlier``: the data set of this name before it."""
    with st.container(border=True):
        st.markdown(f"**{markdown.escape_markdown(dataset.name)}**, {dataset.rows:,} rows, {len(dataset.columns)} columns")
        times.show_relative_time(dataset.created, f"kept by {markdown.escape_markdown(dataset.created_by)}")
        st.caption(f"SHA-256 `{dataset.sha256}`  \n{dataset_form.roles_in_words(dataset.roles, datasets.value_names(dataset))}")
        if earlier:
            difference = datasets.describe_difference(dataset, earlier)
            st.caption(
                markdown.escape_markdown(f"It differs from the earlier data set of this name ({earlier.sha256[:12]}): {difference}.")
            )
        if dataset.notes:
            with st.expander("What was found, and what was done", icon=":material/search:"):
                st.markdown(table_findings.list_sentences(dataset.notes))
        if dataset.coding:
            coded = [{"column": c, "text": t, "code": n} for c, codes in dataset.coding.items() for t, n in codes.items()]
            tables.table_twin(pd.DataFrame(coded), alt="What each code stands for", label="Codes")
        with st.expander("First rows", icon=":material/table:"):
            st.dataframe(
                datasets.value_names(dataset).decode(read_first_rows(session.cache_key(), dataset.uri)),
                hide_index=True,
                height=280,
                alt=f"First rows of {dataset.name}",
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Rebalance these rows", icon=":material/balance:"):
                st.session_state["source"] = "stored"
                tabs.open_tab("new", dataset=dataset.uri)
            st.download_button(
                "Download",
                lambda: session.target().files.read(dataset.uri),
                f"{dataset.name}-{dataset.sha256[:12]}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                disabled=not session.is_allowed("export"),
                help="The file with the SHA-256 shown above.",
            )
            if lineage_graph.find_artifact_arn(session.target(), dataset.uri):
                links.page_link("lineage", "What was made from it", uri=dataset.uri)
            else:
                st.caption("Not used by any job yet.")
