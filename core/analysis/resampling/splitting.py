"""One split, computed once: training, validation and test rows that share no row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.tables.value_names import ValueNames

RowNumbers = NDArray[np.int64]


class SplitError(ValueError):
    """The table can't be split as asked, with the reason and the remedy."""


@dataclass(frozen=True)
class Split:
    """Row numbers (from 0) of the three parts, each in ascending order; together they are all rows, and no row is in two."""

    train: RowNumbers
    validation: RowNumbers
    test: RowNumbers


def split_rows(
    df: pd.DataFrame,
    label: str,
    facet: str,
    facet_value: int,
    *,
    seed: int,
    validation_size: float,
    test_size: float,
    names: ValueNames | None = None,
) -> Split:
    """Split the rows, stratified on label × facet.

    validation_size, test_size: shares of all rows, each in (0, 1), together below 1. Raises SplitError for shares out of range, or for a
    stratum with fewer than three rows; ``names``: the words for its codes.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"late": [0, 1] * 20, "sex": [1, 1, 2, 2] * 10})
    >>> split = split_rows(frame, "late", "sex", 2, seed=1, validation_size=0.2, test_size=0.2)
    >>> len(split.train), len(split.validation), len(split.test)
    (24, 8, 8)
    """
    from sklearn.model_selection import train_test_split

    if not (0 < validation_size < 1 and 0 < test_size < 1 and validation_size + test_size < 1):
        raise SplitError(f"The validation and test shares must be above 0 and together below 1, not {validation_size} and {test_size}.")
    strata: pd.Series[str] = df[label].astype(str) + "/" + np.where(df[facet] == facet_value, "facet", "others")
    counts: pd.Series[int] = strata.value_counts()
    if counts.min() < 3:
        value, side = str(counts.idxmin()).split("/")
        names = names or ValueNames()
        where = (
            names.describe(facet, facet_value)
            if side == "facet"
            else names.describe_others(facet, facet_value, df[facet].dropna().unique())
        )
        rows_have = "1 row has" if counts.min() == 1 else f"{counts.min()} rows have"
        raise SplitError(
            f"Only {rows_have} {names.describe(label, value)} and {where}; each part needs at least one, so three are needed. "
            "Add such rows, or choose another facet."
        )
    rows = np.arange(len(df), dtype=np.int64)
    try:
        rest, test = train_test_split(rows, test_size=test_size, random_state=seed, stratify=strata)
        train, validation = train_test_split(
            rest, test_size=validation_size / (1 - test_size), random_state=seed, stratify=strata.to_numpy()[rest]
        )
    except ValueError as error:
        raise SplitError(f"The table of {len(df)} rows is too small for these shares: {error}") from error
    return Split(np.sort(train), np.sort(validation), np.sort(test))


def count_leaked_rows(train_origins: RowNumbers, held_out: RowNumbers) -> int:
    """How many held-out rows leaked into training.

    train_origins: shape (n,) or (n, m), the source row numbers that each training row came from (itself, or the row that a synthetic one
    was made from), -1 where there is none. held_out: row numbers of the validation and test rows. 0 when the split came first.

    >>> import numpy as np
    >>> count_leaked_rows(np.array([0, 1, 1, 7]), np.array([7, 8, 9]))
    1
    """
    return int(np.isin(np.unique(held_out), np.unique(train_origins)).sum())
