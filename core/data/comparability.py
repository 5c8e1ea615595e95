"""Whether two figures may be compared: only like with like, on the same rows of one data set; says every reason why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

PARTS = {
    "test": ("tested on", ""),
    "validation": ("measured on", "the validation rows of "),
    "train": ("measured on", "the training rows of "),
    "": ("measured on", ""),
}
"""Part of a data set -> how a model is judged on it, in words."""


@dataclass(frozen=True)
class JudgedRows:
    """The rows on which a model, a report or a trial was judged, as far as that is recorded; "", None and () stand for what isn't.

    ``part``: test, validation or train; ``dataset``: the data set's name, ``uploaded``: when (ISO 8601, UTC), ``table``: the SHA-256 of its
    file; ``count``: number of rows; ``split``: how they were chosen, in words; ``label``: the column, ``favourable``: its favourable value,
    ``favourable_name``: in words; ``facets``: the facets that were measured, such as ``sex=2``, ``facet_names``: their people, in words.

    Three hashes name the rows in their order. ``measured``: of the values that the report read; ``file``: of the file (or its URI, for a
    file of others); ``row_ids``: of the rows' places in the table, which stay the same if a column is left out.
    """

    part: str = ""
    dataset: str = ""
    uploaded: str = ""
    table: str = ""
    count: int | None = None
    split: str = ""
    label: str = ""
    favourable: str = ""
    favourable_name: str = ""
    facets: tuple[str, ...] = ()
    facet_names: tuple[str, ...] = ()
    measured: str = ""
    file: str = ""
    row_ids: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anything is recorded that tells these rows from others."""
        return bool(self.measured or self.file or self.row_ids)


def are_same_rows(a: JudgedRows, b: JudgedRows) -> bool:
    """Whether both are known to be the same rows in the same order."""
    same_places = bool(a.row_ids) and a.row_ids == b.row_ids
    same_file = bool(a.file) and a.file == b.file
    if a.measured and b.measured:  # a report that read other rows than its file has contradicts itself
        return a.measured == b.measured or (same_places and not same_file)
    return same_file or same_places


def explain_incomparable(names: tuple[str, str], a: JudgedRows, b: JudgedRows, *, by_facet: bool = False) -> tuple[str, ...]:
    """Every reason why figures of ``a`` and ``b`` can't be compared, as sentences that use their ``names``; () if they can be.

    Both must be judged on the same rows of one data set, in the same order, with the same label and the same favourable value;
    ``by_facet``: also by a facet that both have.
    """
    reasons = [] if are_same_rows(a, b) else [_explain_other_rows(names, a, b)]
    if a.label and b.label and a.label != b.label:
        reasons.append(f"{names[0]} predicts {a.label}, {names[1]} {b.label}.")
    elif a.favourable and b.favourable and a.favourable != b.favourable:
        reasons.append(f"The favourable value is {_favourable_text(a)} for {names[0]} and {_favourable_text(b)} for {names[1]}.")
    if by_facet and a.facets and b.facets and not set(a.facets) & set(b.facets):
        reasons.append(f"{names[0]} was measured for {_facets_text(a)}, {names[1]} for {_facets_text(b)}: they have no facet in common.")
    return tuple(reasons)


def explain_label_mismatch(names: tuple[str, str], a: ArrayLike, b: ArrayLike) -> str:
    """Why two lists of labels, by row (0, 1, or NaN where unknown), aren't those of the same rows; "" if they agree row by row."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(first) != len(second):
        return f"{names[0]} has scores of {len(first):,} rows, {names[1]} of {len(second):,}."
    differing = np.flatnonzero((first != second) & ~(np.isnan(first) & np.isnan(second)))
    if not len(differing):
        return ""
    count = "one row" if len(differing) == 1 else f"{len(differing):,} of {len(first):,} rows"
    return f"{names[0]} and {names[1]} have other labels in {count}, first in row {differing[0]:,}: they weren't judged on the same rows."


def explain_row_mismatch(names: tuple[str, str], a: pd.DataFrame, b: pd.DataFrame) -> str:
    """Why two tables of rows aren't the same rows; "" if they agree row by row in every column that both have. A column may have been left
    out of one of them: then the others tell.

    >>> import pandas as pd
    >>> explain_row_mismatch(("v1", "v2"), pd.DataFrame({"age": [30, 40]}), pd.DataFrame({"age": [30, 41], "debt": [1, 2]}))
    "v1 and v2 have other rows: row 1 has age 40 in one and 41 in the other; they weren't judged on the same rows."
    """
    if len(a) != len(b):
        return f"{names[0]} was judged on {len(a):,} rows, {names[1]} on {len(b):,}."
    shared = [column for column in a.columns if column in b.columns]
    if not shared:
        return f"The rows of {names[0]} and {names[1]} have no column in common."
    first, second = a[shared].to_numpy(dtype=float, na_value=np.nan), b[shared].to_numpy(dtype=float, na_value=np.nan)
    differing = np.argwhere((first != second) & ~(np.isnan(first) & np.isnan(second)))
    if not len(differing):
        return ""
    row, column = differing[0]
    values = f"{shared[column]} {first[row, column]:g} in one and {second[row, column]:g} in the other"
    return f"{names[0]} and {names[1]} have other rows: row {row:,} has {values}; they weren't judged on the same rows."


def describe_judged_rows(name: str, rows: JudgedRows) -> str:
    """On what something was judged, in a sentence: ``v3 was tested on 'loans' (1,200 rows)``, without the full stop."""
    return f"{name} was {PARTS[rows.part][0]} {_rows_text(rows)}"


def _explain_other_rows(names: tuple[str, str], a: JudgedRows, b: JudgedRows) -> str:
    unknown = [name for name, rows in zip(names, (a, b), strict=True) if not rows.is_known]
    if len(unknown) == 2:
        return f"It isn't recorded on which rows {names[0]} and {names[1]} were measured."
    if unknown:
        known = describe_judged_rows(*((names[0], a) if a.is_known else (names[1], b)))
        return f"{known}; it isn't recorded on which rows {unknown[0]} was measured."
    if not (a.table and a.table == b.table):
        dated = bool(a.dataset) and a.dataset == b.dataset
        first, second = (_rows_text(rows, dated=dated) for rows in (a, b))
        if first == second:
            second = "others"
    elif a.part != b.part:
        first, second = _rows_text(a), _rows_text(b)
    else:
        first, second = (f"{_count_text(rows)}{f' ({rows.split})' if rows.split else ''}" for rows in (a, b))
        second = f"{_count_text(b)}, which are others" if first == second else second
        return f"Both come from {_quoted(a)}, but {names[0]} was {PARTS[a.part][0]} {first}, {names[1]} on {second}."
    verbs = PARTS[a.part][0], PARTS[b.part][0]
    return f"{names[0]} was {verbs[0]} {first}, {names[1]} {'on' if verbs[0] == verbs[1] else f'was {verbs[1]}'} {second}."


def _rows_text(rows: JudgedRows, *, dated: bool = False) -> str:
    """``'loans' (1,200 rows)``; ``dated``: with what tells it from another table of this name."""
    count = _count_text(rows)
    if not rows.dataset:
        return f"{PARTS[rows.part][1]}another source ({count})" if rows.part in {"validation", "train"} else f"{count} of another source"
    version = f", uploaded {rows.uploaded[:16].replace('T', ' ')} UTC, SHA-256 {rows.table[:8]}…" if dated and rows.table else ""
    return f"{PARTS[rows.part][1]}{_quoted(rows)} ({count}{version})"


def _count_text(rows: JudgedRows) -> str:
    return "an unknown number of rows" if rows.count is None else "1 row" if rows.count == 1 else f"{rows.count:,} rows"


def _quoted(rows: JudgedRows) -> str:
    return f"'{rows.dataset}'" if rows.dataset else "one table"


def _favourable_text(rows: JudgedRows) -> str:
    return rows.favourable_name or f"{rows.label or 'label'} = {rows.favourable}"


def _facets_text(rows: JudgedRows) -> str:
    return " and ".join(rows.facet_names or [f"people with {facet.replace('=', ' = ', 1)}" for facet in rows.facets])
