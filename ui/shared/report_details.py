"""What a page says about a report: what its metrics mean, its title, its downloads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import streamlit as st

from core.errors import NotFound
from core.views.shared import metric_glossary
from ui import session
from ui.components import markdown


def explain_metrics(names: Iterable[str], key: str, positive: str = "label 1") -> None:
    """A popover that explains these metrics. ``positive``: what label 1 is called."""
    positive = markdown.escape_markdown(positive)
    with st.popover("What do these metrics mean?", icon=":material/help:", key=f"glossary-{key}"):
        st.markdown(
            metric_glossary.BIAS_INTRODUCTION
            if any(map(metric_glossary.is_bias_metric, names))
            else metric_glossary.performance_introduction(positive)
        )
        st.markdown(metric_glossary.entries_markdown(names, positive))


@st.cache_data(ttl="30m", max_entries=64, show_spinner=False)
def _read_report_title(cache_key: str, folder: str) -> str:
    try:
        config = session.target().files.read_json(f"{folder.removesuffix('/output')}/config/analysis_config.json", dict)
        return str(config["methods"]["report"]["title"])
    except (NotFound, KeyError, TypeError, ValueError):  # a job of this name that something else has started
        return ""


def show_report_title(folder: str) -> None:
    """Which model, on which rows; with a warning if these are training rows."""
    title = _read_report_title(session.cache_key(), folder)
    st.caption(markdown.escape_markdown(title) if title else "The report doesn't record which model and which rows it is about.")
    if "train rows" in title:
        st.warning("Measured on training rows, which the model has seen: it looks better here than on new rows.", icon=":material/warning:")


def _read_file(uri: str) -> bytes:
    return session.target().files.read(uri)


def report_download_buttons(folder: str, name: str) -> None:
    """The report as HTML, PDF and JSON."""
    kinds = {"html": ("report.html", "text/html"), "pdf": ("report.pdf", "application/pdf"), "json": ("analysis.json", "application/json")}
    with st.container(horizontal=True):
        for kind, (file, mime) in kinds.items():
            st.download_button(
                kind.upper(),
                partial(_read_file, f"{folder}/{file}"),
                f"{name}.{kind}",
                mime,
                icon=":material/download:",
                key=f"{kind}-{name}",
                on_click="ignore",
            )
