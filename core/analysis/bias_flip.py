"""The flip test's neighbours: what would have been predicted for the facet, judging by like rows of the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias_registry import BoolArray, Undefined

NEIGHBOURS = 5
FEW_ROWS = 9
"""With as few rows in the rest, one neighbour decides."""


def flip_test(facet: BoolArray, prediction: BoolArray, features: pd.DataFrame | None) -> float:
    """(accepted though like rows are rejected − rejected though like rows are accepted) / rows of the facet."""
    return float(flips(facet, prediction, features).sum()) / int(facet.sum())


def flips(facet: BoolArray, prediction: BoolArray, features: pd.DataFrame | None) -> NDArray[np.int64]:
    """For each row of the facet 1 where it is accepted though like rows of the rest are rejected, −1 where it is rejected though like
    rows are accepted; 0 for all other rows. Raises Undefined."""
    if features is None or features.shape[1] == 0:
        raise Undefined("The flip test needs the features of the rows")
    if features.shape[1] != features.select_dtypes([np.number, bool]).shape[1]:
        raise Undefined("FlipTest does not support non-numeric columns")
    rows = np.array(features)
    if rows.dtype.kind in "fO" and not np.isfinite(rows.astype(float)).all():
        raise Undefined("The flip test needs features without missing or infinite values")
    found = np.zeros(len(facet), dtype=np.int64)
    found[facet] = prediction[facet].astype(int) - _vote(rows[~facet], prediction[~facet], rows[facet]).astype(int)
    return found


def _vote(known: NDArray[np.generic], outcomes: BoolArray, unknown: NDArray[np.generic]) -> BoolArray:
    """The majority among each row's nearest neighbours, ties in distance broken as scikit-learn breaks them.

    scikit-learn searches integers some 15 times more slowly than floats. So the search is in floats, and only rows whose
    last neighbour is as far away as the first one left out are searched again as the integers that they are.
    """
    from sklearn.neighbors import KNeighborsClassifier

    k = NEIGHBOURS if len(known) > FEW_ROWS else 1
    exact = KNeighborsClassifier(n_neighbors=k).fit(known, outcomes)
    if known.dtype.kind not in "iu" or len(known) <= k + 1 or exact._fit_method != "brute":
        return np.asarray(exact.predict(unknown), dtype=bool)
    fast = KNeighborsClassifier(n_neighbors=k + 1).fit(known.astype(float), outcomes)
    distances, neighbours = fast.kneighbors(unknown.astype(float))
    result: BoolArray = outcomes[neighbours[:, :k]].sum(axis=1) * 2 > k
    tied = distances[:, k] <= distances[:, k - 1] * (1 + 1e-9)
    if tied.any():
        result[tied] = exact.predict(unknown[tied])
    return result
