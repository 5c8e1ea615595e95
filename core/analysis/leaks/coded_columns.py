"""Columns as numbers of their different values: what the searches for leaks count on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class CodedColumn:
    """A column of n rows. ``values``: its k different values, numbers in ascending order; ``codes``, shape (n,): each row's value, k where
    it is missing; ``counts``, shape (k + 1,): rows of each value, and last the missing ones."""

    name: str
    values: NDArray[np.generic]
    codes: NDArray[np.int32]
    counts: NDArray[np.int64]

    @property
    def is_numeric(self) -> bool:
        return self.values.dtype.kind in "iufb"

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int(self.counts[-1])

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.counts[:-1].sum())


def code_column(series: pd.Series) -> CodedColumn:
    """The column's different values, and which of them each row has.

    >>> import pandas as pd
    >>> column = code_column(pd.Series([30.0, None, 20.0, 30.0], name="age"))
    >>> column.values.tolist(), column.codes.tolist(), column.counts.tolist()
    ([20.0, 30.0], [1, 2, 0, 1], [1, 2, 1])
    """
    raw = series.to_numpy()
    if raw.dtype.kind == "f":
        codes, values = _code_floats(raw)
    else:
        found, values = pd.factorize(raw if raw.dtype.kind in "iub" else series.astype(object).to_numpy())
        places = np.arange(len(values) + 1, dtype=np.int32)
        if values.dtype.kind in "iub":
            order = np.argsort(values)
            places[order], values = np.arange(len(values), dtype=np.int32), values[order]
        codes = places[found]  # a missing value has the code -1, which takes the last place
    return CodedColumn(str(series.name), values, codes, np.bincount(codes, minlength=len(values) + 1))


def _code_floats(raw: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Codes and values; sorting is faster than hashing where most values differ, as they do in columns of fractions."""
    order = np.argsort(raw)  # missing ones last
    known = len(raw) - int(np.isnan(raw).sum())
    ordered = raw[order][:known] + 0.0  # -0.0 is 0.0
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[:known])
    codes = np.empty(len(raw), dtype=np.int32)
    codes[order] = np.repeat(np.arange(len(starts) + 1, dtype=np.int32), np.diff(np.append(starts, [known, len(raw)])))
    return codes, ordered[starts]


def digest_rows(columns: Sequence[CodedColumn]) -> NDArray[np.uint64]:
    """A 64-bit digest of each row's values, shape (n,): equal for equal rows (a missing value equals a missing one). Two different rows
    among a million share one with a probability of 3 in 100 million.

    >>> import pandas as pd
    >>> first, second, third = digest_rows([code_column(pd.Series([1, 2, 1])), code_column(pd.Series(["a", "a", "a"]))])
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    digests = np.zeros(len(columns[0].codes), dtype=np.uint64)
    for column in columns:
        values = column.values if column.is_numeric else column.values.astype(str).astype(object)
        known = pd.util.hash_array(values, categorize=False) if len(values) else np.empty(0, dtype=np.uint64)
        hashes = np.append(known, np.uint64(1))
        digests = (digests ^ hashes[column.codes]) * _MULTIPLIER
        digests ^= digests >> np.uint64(29)
    return digests
