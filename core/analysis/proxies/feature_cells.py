"""A feature as cells of rows: ranges of numbers with about as many rows each, codes, and the rows without a value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.leaks.coded_columns import CodedColumn, code_column

Codes = NDArray[np.int64]
MAX_RANGES = 30


@dataclass(frozen=True)
class FeatureCells:
    """``codes``: each row's cell, (n,), from 0; ``count``: how many cells there are."""

    codes: Codes
    count: int

    def cross(self, other: FeatureCells) -> FeatureCells:
        """The cells of two features together, cell by cell of this one, the other's in each."""
        return FeatureCells(self.codes * other.count + other.codes, self.count * other.count)


@dataclass(frozen=True)
class CellColumn:
    """A feature whose cells can be cut finely or coarsely. ``coded``: its values are no scale, as those of text never are."""

    column: CodedColumn
    coded: bool

    @property
    def name(self) -> str:
        return self.column.name

    def cut(self, rows: NDArray[np.bool_], rarest: int, coarse: int | None = None) -> FeatureCells:
        """The cells of some rows, bool (n,).

        Numbers: at most as many ranges as the cube root of the rows, and 5 of the ``rarest`` rows for each. Codes: each its own cell,
        neighbours joined where there would be more cells than ``rarest`` rows. Or of either no more than ``coarse``.
        """
        codes = self.column.codes[rows].astype(np.int64)
        most = max(2, rarest if self.coded else min(MAX_RANGES, round(np.cbrt(len(codes))), rarest // 5))
        most = min(most, coarse or most)
        counts = np.bincount(codes, minlength=len(self.column.counts))
        if (counts[:-1] > 0).sum() > most:
            middle = np.cumsum(counts[:-1]) - counts[:-1] / 2
            codes = np.append((middle * most / max(counts[:-1].sum(), 1)).astype(np.int64), most)[codes]
        return _only_present(codes)


def prepare_column(column: pd.Series, *, coded: bool) -> CellColumn:
    """A feature of numbers, codes or text, with missing values or without.

    >>> import numpy as np, pandas as pd
    >>> prepare_column(pd.Series([1.5, None, 30, 2.5], name="age"), coded=False).cut(np.ones(4, bool), 10).codes.tolist()
    [0, 2, 1, 1]
    """
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    plain = pd.Series(column.to_numpy(dtype=float, na_value=np.nan), name=column.name) if numeric else column.astype(object)
    if numeric:
        return CellColumn(code_column(plain), coded)
    known = plain.map(str, na_action="ignore")
    return CellColumn(code_column(pd.Series(pd.Categorical(known).codes, name=column.name).astype(float).replace(-1, np.nan)), True)


def _only_present(codes: Codes) -> FeatureCells:
    present = np.bincount(codes) > 0
    return FeatureCells((np.cumsum(present) - 1)[codes], int(present.sum()))
