"""The part of the data form that says what is done with each column: left out, kept, categories, amounts, or values with an order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
import streamlit as st

from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Finding, Treatment, sort_texts
from core.data.missing_values import texts_of
from ui.components import markdown

TREATMENT_WORDS: dict[Treatment, str] = {
    "leave out": "leave it out",
    "keep": "keep it",
    "categorical": "categories",
    "continuous": "amounts",
}
MAX_SHOWN = 12
"""Of more columns with a finding, those to treat otherwise than proposed are chosen first."""
MAX_ORDERED_VALUES = 20
"""Columns with more different values aren't offered an order."""


def choose_treatments(key: str, reading: TableReading, named: Collection[str]) -> dict[str, Treatment]:
    """Column -> what a person chose to do with it, of the columns with a finding that proposes or asks something. ``named``: columns with a
    role, which stay."""
    found = {f.column: f for f in reading.findings if f.choices and f.column not in named}
    if not found:
        return {}
    undecided = [name for name, finding in found.items() if finding.treatment is None]
    chosen: dict[str, Treatment] = {}
    title = f"{len(found):,} {'column' if len(found) == 1 else 'columns'} with a finding: what is done"
    with st.expander(title, icon=":material/rule:", expanded=bool(undecided)):
        shown = list(found)
        if len(found) > MAX_SHOWN:
            proposed = [name for name in found if name not in undecided]
            more = st.multiselect("Columns to treat otherwise than proposed", proposed, key=f"otherwise-{key}")
            shown = [*undecided, *more]
        for place, name in enumerate(shown):
            if place % 3 == 0:
                row = st.columns(3)
            with row[place % 3]:
                if (treatment := _choose_treatment(key, found[name])) is not None:
                    chosen[name] = treatment
    return chosen


def _choose_treatment(key: str, finding: Finding) -> Treatment | None:
    """What to do with one column; None until a person has decided, where nothing is proposed."""
    return st.selectbox(
        markdown.escape_markdown(finding.column) or "(no name)",
        finding.choices,
        index=None if finding.treatment is None else finding.choices.index(finding.treatment),
        format_func=TREATMENT_WORDS.__getitem__,
        placeholder="to be decided",
        key=f"treatment-{key}-{finding.column}",
        help=markdown.escape_markdown(f"{finding.message} {finding.hint}".strip()),
    )


def choose_orders(
    key: str, frame: pd.DataFrame, columns: Collection[str], distinct: Mapping[str, int]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The columns whose values have an order, with the order. ``distinct``: column -> its number of different values."""
    few = [c for c in columns if 2 <= distinct[c] <= MAX_ORDERED_VALUES and not _has_fractions(frame[c])]
    if not few:
        return ()
    chosen = st.multiselect(
        "Ordered columns",
        few,
        key=f"ordered-{key}",
        help="Columns whose values have an order, such as low, medium, high, or codes whose numbers don't follow it. Other text is "
        "categories without an order.",
    )
    orders = []
    for column in chosen:
        values = sort_texts(list(dict.fromkeys(texts_of(frame[column].drop_duplicates()))))
        order = st.multiselect(markdown.escape_markdown(f"{column}, from the lowest to the highest"), values, key=f"order-{key}-{column}")
        orders.append((column, tuple(order)))
    return tuple(orders)


def _has_fractions(column: pd.Series) -> bool:
    return column.dtype.kind == "f" and bool((column.dropna() % 1 > 0).any())
