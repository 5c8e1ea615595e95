"""Shows charts, each with a text alternative and a table of its values."""

from __future__ import annotations

import json
import pickle
import re
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
    return without_links(_make())


def without_links(fig: go.Figure) -> go.Figure:
    """The figure, with ``<a …>`` in a user's text as text: Plotly would make a link of it."""
    content = fig.to_json()
    safe = re.sub(r"\\u003c(?=a\b)", r"\\u0026lt;", content, flags=re.IGNORECASE)
    return fig if safe == content else go.Figure(json.loads(safe), skip_invalid=True)


def show_chart(fig: go.Figure, table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A chart that can be saved as PNG, and below it the same values as a table, which can be saved as CSV."""
    st.plotly_chart(fig, alt=alt, key=key, config=PLOTLY_CONFIG | {"toImageButtonOptions": {"filename": key, "scale": 2}})
    table_twin(table, alt=alt)
