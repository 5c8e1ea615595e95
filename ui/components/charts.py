"""Shows charts, each with a text alternative and a table of its values."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import ParamSpec

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ui.components.tables import table_twin

P = ParamSpec("P")


PLOTLY_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]]}


def cached_figure(make: Callable[P, go.Figure], *arguments: P.args, **named: P.kwargs) -> go.Figure:
    """The figure that ``make(…)`` returns, made once for the same arguments instead of at every rerun. Callers must not change it."""
    return _cache_figure(f"{make.__module__}.{make.__qualname__}", pickle.dumps((arguments, named)), lambda: make(*arguments, **named))


@st.cache_resource(ttl="10m", max_entries=64, show_spinner=False)
def _cache_figure(function_name: str, content: bytes, _make: Callable[[], go.Figure]) -> go.Figure:
    return _make()


def show_chart(fig: go.Figure, table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A chart that can be saved as PNG, and below it the same values as a table, which can be saved as CSV."""
    st.plotly_chart(fig, alt=alt, key=key, config=PLOTLY_CONFIG | {"toImageButtonOptions": {"filename": key, "scale": 2}})
    table_twin(table, alt=alt)
