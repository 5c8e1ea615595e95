"""Gaps in a table: filled in copies for methods that need distances, and with the median of the training rows where a person asks for it.

Nothing else fills a gap: XGBoost learns at each split which way rows without a value go, and SHAP values follow it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling.rebalancing_manifest import FilledColumn
from core.analysis.tables.column_kinds import ColumnError

Floats = NDArray[np.float64]
RowNumbers = NDArray[np.int64]


@dataclass(frozen=True)
class FilledTable:
    """``frame``: the table with the gaps of the asked columns filled; ``columns``: each column that has a gap, and what was done to it."""

    frame: pd.DataFrame
    columns: list[FilledColumn]


def fill_for_distances(frame: pd.DataFrame, categorical: Collection[str] = ()) -> Floats:
    """A table's numbers, shape (rows, columns), with each gap filled so that distances are defined: by the column's median, or, where it
    is ``categorical``, by its most frequent code; by 0 in a column without any value.

    >>> import pandas as pd
    >>> fill_for_distances(pd.DataFrame({"age": [30, None, 50], "region": [1, 1, None]}), {"region"}).tolist()
    [[30.0, 1.0], [40.0, 1.0], [50.0, 1.0]]
    """
    values = frame.to_numpy(dtype=float)
    gaps = np.isnan(values)
    if not gaps.any():
        return values
    values = values.copy()
    for place in np.flatnonzero(gaps.any(axis=0)).tolist():
        known = values[~gaps[:, place], place]
        if len(known) == 0:
            filling = 0.0
        elif frame.columns[place] in categorical:
            codes, counts = np.unique(known, return_counts=True)
            filling = codes[counts.argmax()]
        else:
            filling = float(np.median(known))
        values[gaps[:, place], place] = filling
    return values


def median_of_training(column: pd.Series, train: RowNumbers) -> int | float:
    """The median of a column's training rows; in a column of whole numbers the lower of two middle ones, so that it stays whole.

    train: (n,), the row numbers of the training rows. Raises ColumnError where none of them has a value.

    >>> import numpy as np, pandas as pd
    >>> median_of_training(pd.Series([1, 2, None, 99], dtype="Int64"), np.array([0, 1, 2]))
    1
    """
    known = column.iloc[train].dropna()
    if known.empty:
        raise ColumnError(str(column.name), "has no value in the training rows, so there is no median to fill its gaps with")
    if column.dtype.kind in "iu":
        return int(np.quantile(known.to_numpy(dtype=float), 0.5, method="lower"))
    return float(known.median())


def fill_with_medians(
    frame: pd.DataFrame, medians: Collection[str], train: RowNumbers, validation: RowNumbers, test: RowNumbers
) -> FilledTable:
    """Fill the gaps of the columns ``medians``, in every row, with the median of the training rows; all other gaps stay.

    train, validation, test: the row numbers of the three parts. Nothing of validation and test rows goes into a median. Raises ColumnError.

    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"age": [30.5, None, 90], "debt": [None, 2.5, 3.5]})
    >>> filled = fill_with_medians(frame, ["age"], np.array([0]), np.array([1]), np.array([2]))
    >>> filled.frame["age"].tolist(), filled.columns[0]["filled_with"], filled.columns[1]["filled_with"]
    ([30.5, 30.5, 90.0], 30.5, None)
    """
    found: list[FilledColumn] = []
    done = frame.copy(deep=False)
    for name in frame.columns:
        gaps = frame[name].isna().to_numpy()
        if not gaps.any():
            continue
        value = median_of_training(frame[name], train) if name in medians else None
        if value is not None:
            filled = frame[name].fillna(value)
            done[name] = filled.astype("int64") if filled.dtype.kind in "iu" else filled
        found.append(
            {
                "column": str(name),
                "treatment": "keep" if value is None else "median",
                "filled_with": value,
                "train": _count(gaps, train),
                "validation": _count(gaps, validation),
                "test": _count(gaps, test),
            }
        )
    return FilledTable(done, found)


def _count(gaps: NDArray[np.bool_], rows: Sequence[int] | RowNumbers) -> int:
    return int(gaps[rows].sum())
