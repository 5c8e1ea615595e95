"""The prices used for estimates: the table in force, its age, and how to change it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.costs import prices
from ui import session
from ui.components import errors, markdown


def show_prices() -> None:
    """Draw the table, or what is wrong with its file."""
    st.subheader("Prices")
    settings = session.target().settings
    with errors.show_raised_errors():
        table = prices.load_in_force(settings)
        age = table.age().days
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(f"of {table.date}, {age} days old", color="orange" if table.is_outdated() else "gray", icon=":material/event:")
            st.badge(table.region, color="gray", icon=":material/public:")
            st.badge(f"{table.currency} an hour", color="gray", icon=":material/payments:")
            if table.source.startswith("https://"):
                st.link_button("Where they are published", table.source, icon=":material/open_in_new:", type="tertiary")
            else:
                st.caption(markdown.escape_markdown(f"from {table.source}"))
        if table.is_outdated():
            st.warning("These prices are old. Look up the current ones, and set the date in the file.", icon=":material/update:")
        if session.target().region != table.region:
            st.warning(f"Jobs run in {session.target().region}: other regions have other prices.", icon=":material/public:")
        if table.note:
            st.caption(markdown.escape_markdown(table.note))
        config = {use: st.column_config.NumberColumn(format="%.3f") for use in ("training", "processing")}
        st.dataframe(
            _rows(table), hide_index=True, height="content", placeholder="–", column_config=config, alt="Price of an hour by instance type"
        )
    file = settings.prices or prices.BUNDLED_FILE
    if not file.is_file():
        return
    own = (
        f"GOVERNANCE_PRICES names this file: {file}. Edit it to change prices" if settings.prices else "These are the product's own prices"
    )
    advice = "" if settings.prices else ". To change them, download them, edit the file, and name it in GOVERNANCE_PRICES"
    st.caption(
        markdown.escape_markdown(f"{own}{advice}; an instance type that isn't listed has no price. Storage, S3 and taxes aren't included.")
    )
    st.download_button("Prices as TOML", file.read_bytes, "prices.toml", "application/toml", icon=":material/download:", on_click="ignore")


def _rows(table: prices.Prices) -> pd.DataFrame:
    """One row per instance type."""
    types = dict.fromkeys([*table.processing, *table.training])
    return pd.DataFrame(
        [(name, table.hourly("training", name), table.hourly("processing", name)) for name in types],
        columns=["instance type", "training", "processing"],
    )
