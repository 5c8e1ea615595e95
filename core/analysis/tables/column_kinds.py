"""What the columns of a table are, and integers that stay integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.analysis.tables.number_blocks import SAMPLE_ROWS, count_distinct_by_column, number_blocks, whole_cells

ColumnKind = Literal["integer", "categorical", "continuous", "text"]

MAX_CATEGORIES = 15
"""A column of whole numbers with at most so many different ones is taken for a coded category."""
MIN_WHOLE_SHARE = 0.9
"""A column with few different whole numbers in at least this share of its rows, and fractions in the others, is continuous, and said."""


class ColumnError(ValueError):
    """A column has values that it must not have. ``column`` names it, ``reason`` says what and where."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")
        self.column, self.reason = column, reason


def infer_column_kinds(df: pd.DataFrame) -> dict[str, ColumnKind]:
    """Each column's kind.

    ``text`` isn't numeric; ``continuous`` has fractions; ``categorical`` is whole numbers, few of them different
    (two, or at most 15 and half the rows); ``integer`` is whole numbers, many of them different. Missing values don't count.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"sex": [1, 2, 1, 2], "debt": [0.5, 0.1, 0.9, 0.3], "region": ["north", "south", "south", "south"]})
    >>> infer_column_kinds(frame)
    {'sex': 'categorical', 'debt': 'continuous', 'region': 'text'}
    """
    early = _kinds_by_first_rows(df)
    return {str(name): early.get(i) or _infer_kind(df.iloc[:, i]) for i, name in enumerate(df.columns.tolist())}


def _kinds_by_first_rows(df: pd.DataFrame) -> dict[int, ColumnKind]:
    """Place -> kind of the columns of numbers whose first rows decide it."""
    found: dict[int, ColumnKind] = {}
    for places, block in number_blocks(df.iloc[:SAMPLE_ROWS]):
        if block.dtype.kind == "f":
            decided, kind = (~whole_cells(block) & ~np.isnan(block)).any(axis=1), "continuous"
        else:
            decided, kind = count_distinct_by_column(block) > MAX_CATEGORIES, "integer"
        found |= dict.fromkeys(places[decided].tolist(), kind)
    return found


def _infer_kind(series: pd.Series[Any]) -> ColumnKind:
    if isinstance(series.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(series.dtype):
        return "text"
    if series.dtype.kind == "f" and _has_fraction(series):
        return "continuous"
    distinct = count_distinct(series, MAX_CATEGORIES)
    if distinct > MAX_CATEGORIES:
        return "integer"
    return "categorical" if distinct <= 2 or 2 * distinct <= len(series) - count_missing(series) else "integer"


def count_distinct(series: pd.Series, limit: int) -> int:
    """How many different values a column has, without missing ones; any number above ``limit`` if they are more.

    Of a long column the first rows are looked at first: mostly they have more already.

    >>> import pandas as pd
    >>> count_distinct(pd.Series([1, 2, 2, None]), 15), count_distinct(pd.Series(range(5000)), 15) > 15
    (2, True)
    """
    if len(series) > SAMPLE_ROWS and (few := int(series.iloc[:SAMPLE_ROWS].nunique())) > limit:
        return few
    return int(series.nunique())


def count_missing(series: pd.Series) -> int:
    """How many cells of a column are empty."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iub":
        return 0
    return int(series.isna().sum())


def _has_fraction(series: pd.Series[Any]) -> bool:
    """Whether some value isn't a whole number; missing ones don't count."""
    return bool((~_is_whole(series) & ~series.isna().to_numpy()).any())


def _is_whole(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Which values are whole numbers; missing ones aren't."""
    return whole_cells(values.to_numpy(dtype=float, na_value=np.nan))


def is_mostly_whole(series: pd.Series) -> bool:
    """Whether a column of numbers has few different whole ones in at least 90 % of its rows, and fractions in the others: it may be meant
    as codes, and a fraction is a slip. Missing values don't count.

    >>> import pandas as pd
    >>> is_mostly_whole(pd.Series([1, 2] * 9 + [1.4])), is_mostly_whole(pd.Series([1.5, 2, 3])), is_mostly_whole(pd.Series([1, 2]))
    (True, False, False)
    """
    if series.dtype.kind != "f":
        return False
    values = series.to_numpy(dtype=float, na_value=np.nan)
    values = values[~np.isnan(values)]
    if not len(values):
        return False
    whole = values == np.floor(values)
    return bool(MIN_WHOLE_SHARE <= whole.mean() < 1) and len(np.unique(values[whole])) <= MAX_CATEGORIES


def to_integers(df: pd.DataFrame, coded: Iterable[str] = (), categorical: Iterable[str] = ()) -> pd.DataFrame:
    """The table with every column of whole numbers as int64, or Int64 where cells are missing, so that it's written as ``1`` and never as
    ``1.0``.

    Numbers written as text are read. Columns with fractions stay as they are. Those named in ``coded`` (label, facet) must be whole in
    every row; those in ``categorical`` in every row that has a value.

    Raises ColumnError, naming the column and the first offending row (counted from 1), when a column mixes numbers and text, or
    when a coded one has a missing value or a fraction.

    >>> import pandas as pd
    >>> frame = to_integers(pd.DataFrame({"age": [30.0, 41.0], "debt": [0.5, 0.1], "children": [2.0, None]}))
    >>> frame.dtypes.astype(str).to_dict()
    {'age': 'int64', 'debt': 'float64', 'children': 'Int64'}
    """
    complete, codes = set(coded), {*coded, *categorical}
    unknown = codes - set(map(str, df.columns))
    if unknown:
        raise ColumnError(min(unknown), "is not in the table")
    done, names = df.copy(deep=False), df.columns.tolist()
    as_they_are = {place for place, kind in _kinds_by_first_rows(df).items() if kind == "continuous" and str(names[place]) not in codes}
    for place, (name, dtype) in enumerate(zip(names, df.dtypes.tolist(), strict=True)):
        if (place in as_they_are and dtype == np.float64) or dtype == np.int64:
            continue
        column = _column_to_integers(str(name), df.iloc[:, place], str(name) in codes, str(name) in complete)
        done.isetitem(place, column.array)
    return done


def _column_to_integers(name: str, series: pd.Series[Any], coded: bool, complete: bool) -> pd.Series[Any]:
    if series.dtype.kind not in "iubf":
        numbers = pd.to_numeric(series.astype(object), errors="coerce")
        text = numbers.isna() & series.notna()
        if text.any() and not text[series.notna()].all():
            raise ColumnError(name, f"mixes numbers and text: {_describe_first(series, text)}; correct or remove such rows")
        if text.any():
            if coded:
                raise ColumnError(name, f"must hold numbers: {_describe_first(series, text)}; code its values as whole numbers")
            return series
        series = numbers
    missing = series.isna()
    if missing.any() and complete:
        raise ColumnError(
            name, f"has no value in {missing.sum()} of {len(series)} rows, first in row {_first_row_number(missing)}; fill or remove them"
        )
    if missing.all():
        return series.astype(float)
    if series.dtype.kind in "ib" or (series.dtype.kind == "u" and series.max() <= np.iinfo("int64").max):
        return series.astype("Int64" if missing.any() else "int64")
    whole = pd.Series(_is_whole(series), index=series.index) | missing
    if whole.all():
        return series.astype("Int64" if missing.any() else "int64")
    if coded:
        raise ColumnError(
            name, f"mixes whole numbers and fractions: {_describe_first(series, ~whole)}; a coded column must hold whole numbers"
        )
    return series.astype(float)


def _first_row_number(where: pd.Series[Any]) -> int:
    return int(where.to_numpy().argmax()) + 1


def _describe_first(series: pd.Series[Any], where: pd.Series[Any]) -> str:
    value = series[where].tolist()[0]
    return f"{value!r} in row {_first_row_number(where)}, {int(where.sum())} such of {len(series)} rows"


def bin_group(series: ArrayLike | pd.Series, bins: int | Sequence[float]) -> pd.Series:
    """The bin of each value as an ordered category, such as ``30–39``.

    ``bins`` is a number of bins with about equally many rows each, or the edges: ``[30, 40]`` makes ``<30``, ``30–39`` and ``≥40``.
    A bin includes its lower edge and excludes its upper one. Text values, or fewer different values than bins, are bins themselves.
    Raises ValueError for fewer than one bin, or edges that don't ascend.

    >>> bin_group([23, 35, 61], [30, 40]).tolist()
    ['<30', '30–39', '≥40']
    """
    values = series if isinstance(series, pd.Series) else pd.Series(series)
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "b"
    if isinstance(bins, int | np.integer):
        if bins < 1:
            raise ValueError("bins must be at least 1")
        if not numeric or values.nunique() <= bins:
            known = sorted(values.dropna().unique())
            return values.map({value: f"{value:g}" if numeric else str(value) for value in known}).astype(
                pd.CategoricalDtype([f"{value:g}" if numeric else str(value) for value in known], ordered=True)
            )
        quantiles = np.unique(np.quantile(values.dropna(), np.linspace(0, 1, int(bins) + 1)[1:-1]))
        edges = np.ceil(quantiles) if (values.dropna() % 1 == 0).all() else quantiles
        edges = np.unique(edges[edges > values.min()])
    else:
        edges = np.asarray(bins, dtype=float)
        if not numeric:
            raise ValueError("edges need a numeric group variable")
        if len(edges) == 0 or (np.diff(edges) <= 0).any():
            raise ValueError("the edges of the bins must ascend")
    whole = bool((values.dropna() % 1 == 0).all() and (edges % 1 == 0).all())
    labels = _bin_labels(edges, whole)
    codes = np.where(values.isna(), -1, np.searchsorted(edges, values.to_numpy(dtype=float), side="right"))
    names = np.array([*labels, None], dtype=object)[codes]
    return pd.Series(names, index=values.index, name=values.name, dtype=pd.CategoricalDtype(labels, ordered=True))


def _bin_labels(edges: np.ndarray[Any, np.dtype[np.float64]], whole: bool) -> list[str]:
    if len(edges) == 0:
        return ["all"]
    inner = []
    for low, high in pairwise(edges):
        last = high - 1 if whole else high
        inner.append(f"{low:g}" if last == low else f"{low:g}–{last:g}")
    return [f"<{edges[0]:g}", *inner, f"≥{edges[-1]:g}"]
