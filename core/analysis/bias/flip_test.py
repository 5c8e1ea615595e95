"""The flip test: whether people of the facet are treated otherwise than their nearest neighbours in the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.outcome_counts import BoolArray, Undefined

FLIP_TEST = "FT"
"""The metric's name in the registry: the only one that counts alone don't decide, since it looks for like rows by their features."""
NEIGHBOURS = 5
FEW_ROWS = 9
"""With as few rows in the rest, one neighbour decides."""
MAX_ASKED_ROWS = 200_000
"""Rows of the facet whose neighbours are looked for; of more, so many drawn at random."""
SEED = 0
ROWS_PER_BLOCK = 4_096
"""Rows that are searched at a time, which limits the memory that their neighbours take."""
TIMING_ROWS, MAX_TREE_SECONDS = 50, 2.0
"""The search is timed on this many rows; where all rows would take longer than this many seconds, brute force is timed too."""

SHARED_NEIGHBOURS, MAX_SHARED_ROWS = 16, 500_000
"""How many nearest rows of each row are kept where several values of a facet are asked about the same rows, and of how many rows."""

Floats = NDArray[np.float64]
RowNumbers = NDArray[np.int64]


def flip_test(facet: BoolArray, prediction: BoolArray, features: pd.DataFrame | None) -> float:
    """(accepted though like rows are rejected − rejected though like rows are accepted) / rows of the facet that were asked."""
    return flip_test_value(facet, flip_outcomes(facet, prediction, features))


def flip_test_value(facet: BoolArray, outcomes: Floats) -> float:
    """The flip test's value, from what ``flip_outcomes`` found."""
    return float(np.nansum(outcomes)) / int(asked_rows(facet, outcomes).sum())


def asked_rows(facet: BoolArray, outcomes: Floats) -> BoolArray:
    """Which rows of the facet the flip test asked: all of them, unless there are more than ``MAX_ASKED_ROWS``."""
    known: BoolArray = facet & ~np.isnan(outcomes)
    return known


@dataclass(frozen=True)
class NearestRows:
    """The nearest rows of each row among all, itself included: ``distances``, ascending, and row ``numbers``, both (n, k)."""

    distances: Floats
    numbers: RowNumbers

    def in_rest(self, chosen: RowNumbers, facet: BoolArray, k: int) -> tuple[Floats, RowNumbers, BoolArray]:
        """(distances, numbers) of the k nearest rows outside the facet for each of ``chosen``, both (rows, k), and whether they are known:
        they aren't where too many of a row's nearest are of the facet."""
        outside = ~facet[self.numbers[chosen]]
        places = np.argsort(~outside, axis=1, kind="stable")[:, :k]
        distances = np.take_along_axis(self.distances[chosen], places, axis=1)
        numbers = np.take_along_axis(self.numbers[chosen], places, axis=1)
        return distances, numbers, np.asarray(outside.sum(axis=1) >= k)


def find_nearest_rows(features: pd.DataFrame) -> NearestRows | None:
    """The nearest rows of each row, found once for all values of a facet; None where the flip test can't use the features, and
    for too few or too many rows to be worth it."""
    try:
        rows = _numeric_rows(features).astype(float)
    except Undefined:
        return None
    if not SHARED_NEIGHBOURS < len(rows) <= MAX_SHARED_ROWS:
        return None
    search = _choose_search(SHARED_NEIGHBOURS, rows, rows[:: max(1, len(rows) // TIMING_ROWS)], len(rows))
    found = [search.kneighbors(rows[start : start + ROWS_PER_BLOCK]) for start in range(0, len(rows), ROWS_PER_BLOCK)]
    return NearestRows(np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found]))


def _numeric_rows(features: pd.DataFrame | None) -> NDArray[np.generic]:
    """The features as an array (n, features). Raises Undefined."""
    if features is None or features.shape[1] == 0:
        raise Undefined("The flip test needs the features of the rows")
    if features.shape[1] != features.head(0).select_dtypes([np.number, bool]).shape[1]:
        raise Undefined("FlipTest does not support non-numeric columns")
    rows = features.to_numpy()
    if rows.dtype.kind in "fO" and not np.isfinite(numbers := features.to_numpy(dtype=float)).all():
        raise Undefined(_why_not_finite(features, numbers))
    return rows


def flip_outcomes(
    facet: BoolArray,
    prediction: BoolArray,
    features: pd.DataFrame | None,
    *,
    nearest: NearestRows | None = None,
    max_asked: int | None = None,
    seed: int = SEED,
) -> Floats:
    """For each row of the facet 1 where it is accepted though like rows of the rest are rejected, −1 where it is rejected though like
    rows are accepted; 0 for all other rows; NaN for rows of the facet that weren't asked: of more than ``max_asked``
    (by default ``MAX_ASKED_ROWS``) so many are, drawn with ``seed``. Raises Undefined.
    ``nearest``: ``find_nearest_rows`` of the features, where several facets are asked about the same rows.

    >>> import numpy as np
    >>> import pandas as pd
    >>> women, accepted = np.array([True, True, False, False, False]), np.array([True, False, False, True, True])
    >>> flip_outcomes(women, accepted, pd.DataFrame({"income": [20, 50, 21, 49, 51]})).tolist()
    [1.0, -1.0, 0.0, 0.0, 0.0]
    """
    rows = _numeric_rows(features)
    chosen = np.flatnonzero(facet)
    found = np.zeros(len(facet))
    max_asked = MAX_ASKED_ROWS if max_asked is None else max_asked
    if len(chosen) > max_asked:
        found[chosen] = np.nan
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, max_asked, replace=False))
    votes = np.zeros(len(chosen), dtype=bool)
    asked = np.ones(len(chosen), dtype=bool)
    if nearest is not None and len(facet) - facet.sum() > FEW_ROWS:
        distances, numbers, known = nearest.in_rest(chosen, facet, NEIGHBOURS + 1)
        votes, hangs = _majority(NEIGHBOURS, distances, prediction[numbers])
        hangs &= known
        if hangs.any():
            votes[hangs] = _vote_by_scikit_learn(NEIGHBOURS, rows[~facet], prediction[~facet], rows[chosen[hangs]])
        asked = ~known
    if asked.any():
        votes[asked] = _vote_of_neighbours(rows, np.flatnonzero(~facet), prediction[~facet], chosen[asked])
    found[chosen] = prediction[chosen].astype(int) - votes.astype(int)
    return found


def _why_not_finite(features: pd.DataFrame, numbers: Floats) -> str:
    """Which features have values missing, or infinite, without which no row has a distance from another."""
    lacking = [f"{name} ({n:,} rows)" for name, n in zip(features, np.isnan(numbers).sum(axis=0), strict=True) if n]
    infinite = [str(name) for name, n in zip(features, np.isinf(numbers).sum(axis=0), strict=True) if n]
    parts = [f"{', '.join(lacking[:10])} {'is' if len(lacking) == 1 else 'are'} missing"] if lacking else []
    parts += [f"{', '.join(infinite[:10])} {'is' if len(infinite) == 1 else 'are'} infinite"] if infinite else []
    return f"The flip test compares rows by all their features, and in some rows {' and '.join(parts)}"


def _vote_of_neighbours(rows: NDArray[np.generic], rest: RowNumbers, outcomes: BoolArray, chosen: RowNumbers) -> BoolArray:
    """The majority among the nearest neighbours of each of the ``chosen`` rows in the rest, ties in distance broken as scikit-learn
    breaks them.

    scikit-learn's own search takes many times as long (on integers most of all). So the neighbours are found by a tree, and only rows
    whose vote hangs on which of several equally distant neighbours count are asked again as scikit-learn does.
    """
    k = NEIGHBOURS if len(outcomes) > FEW_ROWS else 1
    if len(outcomes) <= k + 1:
        return _vote_by_scikit_learn(k, rows[rest], outcomes, rows[chosen])
    search = _choose_search(k + 1, rows[rest].astype(float), rows[chosen[:: max(1, len(chosen) // TIMING_ROWS)]].astype(float), len(chosen))
    result, hangs = np.zeros((2, len(chosen)), dtype=bool)
    for start in range(0, len(chosen), ROWS_PER_BLOCK):
        part = slice(start, start + ROWS_PER_BLOCK)
        distances, neighbours = search.kneighbors(rows[chosen[part]].astype(float))
        result[part], hangs[part] = _majority(k, distances, outcomes[neighbours])
    del search
    if hangs.any():
        result[hangs] = _vote_by_scikit_learn(k, rows[rest], outcomes, rows[chosen[hangs]])
    return result


def _majority(k: int, distances: Floats, votes: BoolArray) -> tuple[BoolArray, BoolArray]:
    """(the votes of the k nearest, whether they hang on which of several equally distant ones count); both arguments (rows, k + 1)."""
    last = distances[:, k - 1 : k]
    tied = distances[:, k] <= last[:, 0] * (1 + 1e-9)
    sure = distances[:, :k] < last * (1 - 1e-9)  # clearly nearer than the last to count
    yes = (votes[:, :k] & sure).sum(axis=1)
    open_places = k - sure.sum(axis=1)
    return votes[:, :k].sum(axis=1) * 2 > k, tied & (yes * 2 <= k) & ((yes + open_places) * 2 > k)


def _choose_search(k: int, known: Floats, sample: Floats, row_count: int) -> Any:
    """What finds the k nearest: a tree where columns go together, as a client's amounts do; else it would look at every row, which brute
    force does faster. ``sample`` of the ``row_count`` rows that will be asked tell which it is."""
    from sklearn.neighbors import NearestNeighbors

    from core.analysis.resampling.nearest_neighbours import KDTreeNeighbors

    tree = KDTreeNeighbors(k).fit(known)
    by_tree = _time_search(tree, sample)
    if by_tree * row_count / len(sample) > MAX_TREE_SECONDS:
        brute = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known)
        if by_tree > 2 * _time_search(brute, sample):
            return brute
    return tree


def _time_search(search: Any, rows: Floats) -> float:
    start = time.perf_counter()
    search.kneighbors(rows)
    return time.perf_counter() - start


def _vote_by_scikit_learn(k: int, known: NDArray[np.generic], outcomes: BoolArray, unknown: NDArray[np.generic]) -> BoolArray:
    from sklearn import config_context
    from sklearn.neighbors import KNeighborsClassifier

    with config_context(working_memory=8):  # MB of distances at a time; its default is 1,024
        return np.asarray(KNeighborsClassifier(n_neighbors=k).fit(known, outcomes).predict(unknown), dtype=bool)
