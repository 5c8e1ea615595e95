"""What every page shows in one way: errors, charts with their table, empty states, job states, links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.errors import GovernanceError

ICONS = {
    "overview": ":material/home:",
    "data": ":material/balance:",
    "tuning": ":material/tune:",
    "lineage": ":material/account_tree:",
    "registry": ":material/fact_check:",
    "bias": ":material/diversity_3:",
    "explainability": ":material/lightbulb:",
}
STATES = {
    "Completed": ("green", ":material/check_circle:"),
    "InProgress": ("blue", ":material/progress_activity:"),
    "Stopping": ("orange", ":material/stop_circle:"),
    "Stopped": ("gray", ":material/stop_circle:"),
    "Failed": ("red", ":material/error:"),
    "Approved": ("green", ":material/verified:"),
    "Rejected": ("red", ":material/block:"),
    "PendingManualApproval": ("orange", ":material/hourglass_top:"),
}
WORDS = {"PendingManualApproval": "Waiting for approval", "InProgress": "In progress"}


def show_error(error: GovernanceError) -> None:
    """What happened, to what, and what the user can do about it."""
    st.error(f"**{error.what}**" + (f"  \n{error.remedy}" if error.remedy else ""), icon=":material/error:")


@contextmanager
def errors_shown(*, stop: bool = False) -> Iterator[None]:
    """Show an error of the product's family where it occurs; with ``stop`` the rest of the page isn't shown."""
    try:
        yield
    except GovernanceError as error:
        show_error(error)
        if stop:
            st.stop()


def chart(fig: go.Figure, table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A figure, and under it the same figures as a table."""
    st.plotly_chart(fig, alt=alt, key=key, config={"displaylogo": False, "displayModeBar": False})
    twin(table, alt=alt)


def twin(table: pd.DataFrame, *, alt: str, label: str = "As a table") -> None:
    """The table beside a picture."""
    with st.expander(label, icon=":material/table:"):
        st.dataframe(table, hide_index=True, alt=alt)


def state(status: str) -> None:
    """A job's or package's state as a badge."""
    colour, icon = STATES.get(status, ("gray", ":material/help:"))
    st.badge(WORDS.get(status, status), color=colour, icon=icon)  # type: ignore[arg-type]


def link(page: str, label: str, **query: str) -> None:
    """A link to another page of this app, open at what ``query`` names."""
    st.page_link(f"pages/{page}.py", label=label, icon=ICONS[page], query_params=query or None)


def empty(text: str, page: str, label: str) -> None:
    """Say that there's nothing yet, and link to what to do next."""
    with st.container(border=True):
        st.markdown(text)
        link(page, label)


def chosen(name: str, options: list[str], label: str, **arguments: Any) -> str:
    """A select box that the URL's ``?name=`` presets and that keeps the URL in step."""
    wanted = st.query_params.get(name)
    if wanted is not None and wanted not in options:
        st.warning(f"The link names {wanted}, which isn't in this workspace. Showing {options[0]}.", icon=":material/link_off:")
    index = options.index(wanted) if wanted in options else 0
    value: str = st.selectbox(label, options, index=index, **arguments)
    if st.query_params.get(name) != value and (wanted is not None or index != options.index(value)):
        st.query_params[name] = value
    return value


def facts(values: Mapping[str, Any]) -> None:
    """Names and values as a small table."""
    st.dataframe(pd.DataFrame({"": list(values), " ": [str(v) for v in values.values()]}), hide_index=True)
