"""What a table contains, column by column, and the share of favourable labels in each group of the facet."""

from __future__ import annotations

from typing import Any

import pandas as pd

from core.analysis.intervals.proportions import share_with_interval
from core.analysis.tables.column_kinds import infer_column_kinds
from core.analysis.tables.column_values import cast_to_column

MAX_TOP_VALUES = 3
"""How many values are named of a column of categories or text."""
MAX_GROUPS = 50


def summarise_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per column: kind, missing and different values; minimum, median and maximum of numeric columns, the most frequent values
    of others.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [30, 41, 52, 63, None], "region": ["north", "south", "south", "south", "south"]})
    >>> summarise_columns(frame)[["column", "kind", "missing", "distinct", "median"]]
       column     kind  missing  distinct  median
    0     age  integer        1         4    46.5
    1  region     text        0         2     NaN
    """
    rows = []
    for name, kind in infer_column_kinds(frame).items():
        values = frame[name]
        known = values.dropna()
        row: dict[str, Any] = {"column": name, "kind": kind, "missing": int(values.isna().sum()), "distinct": int(known.nunique())}
        if kind in {"integer", "continuous"} and len(known):
            row |= {"min": float(known.min()), "median": float(known.median()), "max": float(known.max())}
        elif len(known):
            counts = known.value_counts().head(MAX_TOP_VALUES)
            row["top values"] = ", ".join(f"{_short_text(value)} ({100 * n / len(known):.1f} %)" for value, n in counts.items())
        rows.append(row)
    return pd.DataFrame(rows, columns=["column", "kind", "missing", "distinct", "min", "median", "max", "top values"])


def summarise_groups(frame: pd.DataFrame, label: str, favourable: object, facet: str) -> pd.DataFrame:
    """Each value of the facet: rows, and the share of favourable labels among them with its 95 % interval.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"sex": [1, 1, 1, 2, 2], "outcome": ["paid", "paid", "late", "paid", "late"]})
    >>> summarise_groups(frame, "outcome", "paid", "sex").round(2)
      value  rows  favourable   low  high
    0     1     3        0.67  0.12  0.98
    1     2     2        0.50  0.03  0.97
    """
    rows, good = [], cast_to_column(frame[label], favourable)
    for value, labels in frame.groupby(facet, observed=True)[label]:
        found = share_with_interval(float((labels == good).sum()), len(labels))
        if found is not None:
            rows.append({"value": _short_text(value), "rows": len(labels), "favourable": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows, columns=["value", "rows", "favourable", "low", "high"]).head(MAX_GROUPS)


def group_extremes_sentence(table: pd.DataFrame, facet: str) -> str:
    """The groups with the lowest and the highest share of favourable labels, from ``summarise_groups``."""
    if len(table) < 2:
        return f"{facet} has fewer than two groups, so they can't be compared."
    low, *_, high = sorted(table.to_dict("records"), key=lambda row: float(row["favourable"]))
    return f"Favourable labels are least frequent at {_group_text(facet, low)}, and most frequent at {_group_text(facet, high)}."


def consequence_sentence(label: str, favourable: object, facet: str, facet_value: object) -> str:
    """What follows from the roles: what every bias figure will then compare.

    >>> consequence_sentence("paid", "yes", "sex", "f")
    'The bias figures ask whether sex = f has paid = yes less often than the others. With other values they would say something else.'
    """
    return (
        f"The bias figures ask whether {facet} = {facet_value} has {label} = {favourable} less often than the others."
        " With other values they would say something else."
    )


def _group_text(facet: str, row: Any) -> str:
    interval = f"95 % interval {100 * row['low']:.1f} to {100 * row['high']:.1f}"
    return f"{facet} = {row['value']} ({100 * row['favourable']:.1f} of 100; {interval}, n = {row['rows']:,})"


def _short_text(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
