"""The part of the data form that says what is done with the empty cells of each column."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import streamlit as st

from core.analysis.tables.column_kinds import infer_column_kinds
from core.data.missing_values import TREATMENTS

A_VALUE = "a value"
MAX_SHOWN = 12
"""Of more columns with empty cells, those to treat are chosen first."""


def choose_missing(
    key: str, frame: pd.DataFrame, columns: list[str], categorical: Collection[str], ordered: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """(column, treatment or value) of the columns whose empty cells don't stay empty. ``columns``: features; ``categorical``, ``ordered``:
    those of them that are so."""
    gaps = {name: int(cells) for name in columns if (cells := frame[name].isna().sum()) and cells < len(frame)}
    if not gaps:
        return ()
    found = []
    with st.expander(f"Empty cells in {len(gaps)} {'column' if len(gaps) == 1 else 'columns'}", icon=":material/select:"):
        st.caption(
            "XGBoost takes empty cells as they are, and learns which way such rows go. The median is that of the training rows, computed "
            "after the split, so test rows don't count in it."
        )
        shown = list(gaps)
        if len(gaps) > MAX_SHOWN:
            shown = st.multiselect("Columns whose empty cells don't stay empty", list(gaps), key=f"gapped-{key}")
        kinds = infer_column_kinds(frame[shown])
        for place, name in enumerate(shown):
            if place % 3 == 0:
                row = st.columns(3)
            text = kinds[name] == "text"
            options = [
                "keep",
                *(["category"] if name in categorical or (text and name not in ordered) else []),
                *(["median"] if not text or name in ordered else []),
                "drop",
                A_VALUE,
            ]
            treatment = row[place % 3].selectbox(
                f"{name} ({gaps[name]:,} empty)",
                options,
                key=f"missing-{key}-{name}",
                format_func=lambda one: str(TREATMENTS.get(one, one)),
            )
            if treatment == A_VALUE:
                treatment = row[place % 3].text_input(f"Value for {name}", key=f"filling-{key}-{name}").strip() or "keep"
            if treatment != "keep":
                found.append((name, treatment))
    return tuple(found)
