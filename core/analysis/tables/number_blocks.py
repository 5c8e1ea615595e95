"""A table's columns of numbers looked at all at once: of thousands of columns each by itself would take a thousand times as long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[Any]
"""Numbers of any one type."""
MAX_EXACT_INTEGER = 2**53
"""Floats can't tell larger whole numbers from their neighbours."""
SAMPLE_ROWS = 1000
"""So many of the first rows of a long column often decide what it is."""
LONG_TABLE_ROWS = 100_000
CELLS_AT_A_TIME = 2_000_000
"""So many cells are computed with at a time."""


def number_blocks(frame: pd.DataFrame) -> Iterator[tuple[NDArray[np.intp], Numbers]]:
    """The columns of numbers, those of each type together: their places in the table, and their values, shape (columns, rows). In a long
    table each by itself, since together they would be copied; of a table without rows none.

    >>> [(places.tolist(), block.tolist()) for places, block in number_blocks(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [3, 4]}))]
    [([0, 2], [[1, 2], [3, 4]])]
    """
    dtypes = frame.dtypes.tolist() if len(frame) else []
    for dtype in dict.fromkeys(one for one in dtypes if isinstance(one, np.dtype) and one.kind in "iuf"):
        places = np.array([place for place, one in enumerate(dtypes) if one == dtype])
        if len(frame) > LONG_TABLE_ROWS:
            yield from ((places[i : i + 1], frame.iloc[:, place].to_numpy()[None, :]) for i, place in enumerate(places))
        else:
            yield places, frame.iloc[:, places].to_numpy().T


def whole_cells(block: Numbers) -> Booleans:
    """Which numbers are whole (infinities aren't, nor are those that a float can't tell from their neighbours)."""
    whole: Booleans = (np.abs(block) <= MAX_EXACT_INTEGER) & (block == np.floor(block))
    return whole


def share_of_whole_cells(block: Numbers) -> NDArray[np.float64]:
    """The share of whole numbers among the known ones of each column of a block; NaN for a column without any."""
    size = max(1, CELLS_AT_A_TIME // max(1, block.shape[1]))
    shares = [np.zeros(0)]
    for start in range(0, len(block), size):
        part = block[start : start + size]
        with np.errstate(invalid="ignore"):
            shares.append((part == np.floor(part)).sum(axis=1) / (part.shape[1] - np.isnan(part).sum(axis=1)))
    return np.concatenate(shares)


def count_distinct_by_column(block: Numbers) -> NDArray[np.intp]:
    """How many different numbers each column of a block has; missing ones don't count.

    >>> count_distinct_by_column(np.array([[2.0, 1.0, 2.0], [np.nan, np.nan, 3.0]])).tolist()
    [2, 1]
    """
    if not block.shape[1]:
        return np.zeros(len(block), dtype=np.intp)
    ordered = np.sort(block, axis=1)  # missing ones last
    known = ~np.isnan(ordered) if block.dtype.kind == "f" else np.ones(block.shape, dtype=bool)
    found: NDArray[np.intp] = known[:, 0] + ((ordered[:, 1:] != ordered[:, :-1]) & known[:, 1:]).sum(axis=1)
    return found


def most_distinct_by_column(block: Numbers) -> list[int]:
    """The most different numbers that each column of a block of whole ones can have: so many lie between its lowest and its highest.

    >>> most_distinct_by_column(np.array([[2, 1, 2], [7, 7, 5]]))
    [2, 3]
    """
    lowest, highest = block.min(axis=1).tolist(), block.max(axis=1).tolist()
    return [high - low + 1 for low, high in zip(lowest, highest, strict=True)]


def columns_of_many_values(frame: pd.DataFrame, limit: int) -> set[int]:
    """The places of columns of numbers that have more than ``limit`` different ones in their first rows already."""
    blocks = number_blocks(frame.iloc[:SAMPLE_ROWS])
    return {int(place) for places, block in blocks for place in places[count_distinct_by_column(block) > limit]}
