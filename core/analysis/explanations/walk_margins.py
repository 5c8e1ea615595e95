"""A model's log-odds, also along walks from a baseline row to a row, one feature at a time.

A prediction of every step of a walk would descend each tree once a step. Here a tree is descended once a row: where row and baseline row
part at a split, both ways are followed, and each leaf that is reached keeps which features must be the row's and which the baseline row's.
On a walk it counts from the step that adds the last of the former to the one before the first of the latter. The numbers are XGBoost's own
to the last bit: single precision, added up tree by tree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Places = NDArray[np.int16]
RowNumbers = NDArray[np.int64]
Walks = NDArray[np.float32] | NDArray[np.float64]

COMPILED_STEPS = 2_000_000
"""With fewer steps of walks, predictions are quicker than loading the machine code."""
CHECKED_ROWS = 64
"""The first rows of walks, which are also predicted by XGBoost: where one bit differs, so are all others."""


class Margin:
    """The log-odds that a model gives a table's rows."""

    def __init__(self, predict: Callable[[Floats], Floats]) -> None:
        self.predict = predict

    def __call__(self, table: Floats) -> Floats:
        return self.predict(table)

    def along_walks(self, rows: Floats, background: Floats, chosen: RowNumbers, places: Places) -> Iterator[tuple[Walks, Walks]]:
        """Of each pair of walks, one backwards, the log-odds after each number of features, from none to all, that are taken from the row
        instead of its baseline row: both (n, features + 1).

        rows: (n, features), background: (m, features), numbers of single precision; chosen: (pairs, n), the baseline row of each walk;
        places: (pairs, n, features), the place of each feature in the order of the walk, from 0.
        """
        last = rows.shape[1] - 1
        for numbers, forth in zip(chosen, places, strict=True):
            yield tuple(self._predict_walks(rows, background[numbers], order) for order in (forth, last - forth))  # type: ignore[misc]

    def _predict_walks(self, rows: Floats, base: Floats, places: Places) -> Floats:
        n, width = rows.shape
        known = places[:, None, :] < np.arange(width + 1)[None, :, None]
        return self(np.where(known, rows[:, None, :], base[:, None, :]).reshape(-1, width)).reshape(n, width + 1)


class TreeMargin(Margin):
    """The log-odds of a ``gbtree`` booster with one tree in each round and numeric splits only (``rewrite_as_plain_trees``)."""

    def __init__(self, plain: Booster) -> None:
        self.booster = plain
        super().__init__(self._predict)

    def _predict(self, table: Floats) -> Floats:
        found = self.booster.inplace_predict(table.astype(np.float32), predict_type="margin", validate_features=False)
        return np.asarray(found, dtype=float)

    def along_walks(self, rows: Floats, background: Floats, chosen: RowNumbers, places: Places) -> Iterator[tuple[Walks, Walks]]:
        """As of any model; read off the trees where that is quicker than loading the machine code."""
        trees = self._find_trees(rows, background, chosen, places) if 2 * places.size >= COMPILED_STEPS else None
        if trees is None:
            return super().along_walks(rows, background, chosen, places)
        found = read_walks(trees, rows, background, chosen, places)
        return ((found[0, pair], found[1, pair]) for pair in range(len(chosen)))

    def _find_trees(self, rows: Floats, background: Floats, chosen: RowNumbers, places: Places) -> TreeTables | None:
        """The trees, if they give the first rows what XGBoost predicts."""
        some = rows[:CHECKED_ROWS], background, chosen[:1, :CHECKED_ROWS], places[:1, :CHECKED_ROWS]
        ((forth, back),) = super().along_walks(*some)
        return self._trees if np.array_equal(read_walks(self._trees, *some)[:, 0], np.array([forth, back])) else None

    @cached_property
    def _trees(self) -> TreeTables:
        return read_trees(self.booster)


@dataclass(frozen=True)
class TreeTables:
    """Plain trees one after another, an entry for each node. ``left``, ``right``: the children's places in these tables, -1 at a leaf;
    ``condition``: the split, below which a value goes left, or the leaf's value; ``missing_left``: where a missing value goes;
    ``roots``: the place of each tree's root; ``largest``: how many nodes the largest tree has; ``start``: the log-odds before the first
    tree."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    condition: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    largest: int
    start: np.float32


def read_trees(booster: Booster) -> TreeTables:
    """The tables of a ``gbtree`` booster with one tree in each round and numeric splits only (``plain_trees.rewrite_as_plain_trees``)."""
    model = json.loads(bytes(booster.save_raw("json")))
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)

    def joined(key: str, dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.asarray(tree[key], dtype=dtype) for tree in trees])

    offsets = np.repeat(roots[:-1], sizes)
    children = {}
    for key in ("left_children", "right_children"):
        own = joined(key, np.int32)
        children[key] = np.where(own < 0, -1, own + offsets).astype(np.int32)
    return TreeTables(
        children["left_children"],
        children["right_children"],
        joined("split_indices", np.int32),
        joined("split_conditions", np.float32),
        joined("default_left", np.bool_),
        roots[:-1],
        max(sizes),
        _start(model),
    )


def _start(model: dict[str, Any]) -> np.float32:
    """The log-odds before the first tree: what the model predicts with this tree alone, and 0 in its leaves. ``model``: XGBoost's JSON,
    which is changed."""
    import xgboost

    trees = model["learner"]["gradient_booster"]["model"]
    first = trees["trees"][0]
    leaves = zip(first["left_children"], first["split_conditions"], strict=True)
    first["split_conditions"] = [0.0 if child == -1 else condition for child, condition in leaves]
    trees |= {"iteration_indptr": [0, 1], "tree_info": [0], "trees": [first]}
    trees["gbtree_model_param"] |= {"num_trees": "1"}
    alone = xgboost.Booster()
    alone.load_model(bytearray(json.dumps(model).encode()))
    row = np.zeros((1, int(model["learner"]["learner_model_param"]["num_feature"])), dtype=np.float32)
    return np.float32(alone.inplace_predict(row, predict_type="margin", validate_features=False)[0])


def read_walks(trees: TreeTables, rows: Floats, background: Floats, chosen: RowNumbers, places: Places) -> NDArray[np.float32]:
    """``Margin.along_walks`` of the trees, shape (2, pairs, n, features + 1): forth, and back."""
    n, width = rows.shape
    found = np.empty((2, len(chosen), n, width + 1), dtype=np.float32)
    _compiled()(
        trees.left,
        trees.right,
        trees.feature,
        trees.condition,
        trees.missing_left,
        trees.roots,
        trees.largest,
        trees.start,
        rows.astype(np.float32),
        background.astype(np.float32),
        chosen,
        places,
        found,
    )
    return found


@cache
def _compiled() -> Callable[..., None]:
    """The descent as machine code, kept on disk for the next process where a folder can be written."""
    import numba

    try:
        return numba.njit(cache=True, nogil=True)(_descend)
    except RuntimeError:  # there is no such folder
        return numba.njit(nogil=True)(_descend)


def _descend(  # type: ignore[no-untyped-def]
    left, right, feature, condition, missing_left, roots, largest, start, rows, background, chosen, places, found
) -> None:  # pragma: no cover - it runs as machine code
    """Fill ``found``. A part of a tree that is still to be followed waits on a stack, with the feature that leads there."""
    n, width = rows.shape
    path = min(width, largest) + 1
    waiting_node = np.empty(largest + 1, dtype=np.int64)
    waiting_counts = np.empty((largest + 1, 2), dtype=np.int64)
    waiting_feature = np.empty(largest + 1, dtype=np.int64)
    on_path = np.empty((2, path), dtype=np.int16)  # features that must be the row's, and the baseline row's
    leaf_node = np.empty(len(left), dtype=np.int64)
    leaf_ends = np.empty((len(left) + 1, 2), dtype=np.int64)
    of_leaf = np.empty((2, len(left) * path), dtype=np.int16)
    sums = np.empty(width + 1, dtype=np.float32)
    place = np.empty(width, dtype=np.int64)
    for row in range(n):
        leaves = 0
        for pair in range(len(chosen)):
            base = chosen[pair, row]
            if pair == 0 or base != chosen[pair - 1, row]:  # the leaves that are reached are others
                leaves = 0
                leaf_ends[0, 0], leaf_ends[0, 1] = 0, 0
                for root in roots:
                    waiting_node[0], waiting_feature[0] = root, -1
                    waiting_counts[0, 0], waiting_counts[0, 1] = 0, 0
                    waiting = 1
                    while waiting:
                        waiting -= 1
                        node = waiting_node[waiting]
                        own, other = waiting_counts[waiting, 0], waiting_counts[waiting, 1]
                        if waiting_feature[waiting] >= 0:
                            on_path[0, own] = waiting_feature[waiting]
                            own += 1
                        while left[node] >= 0:
                            at = feature[node]
                            new, old = rows[row, at], background[base, at]
                            new_left = missing_left[node] if np.isnan(new) else new < condition[node]
                            old_left = missing_left[node] if np.isnan(old) else old < condition[node]
                            goes_left = new_left
                            if new_left != old_left:
                                known = 0
                                for i in range(own):
                                    if on_path[0, i] == at:
                                        known = 1
                                for i in range(other):
                                    if on_path[1, i] == at:
                                        known = 2
                                if known == 0:
                                    waiting_node[waiting] = left[node] if new_left else right[node]
                                    waiting_counts[waiting, 0], waiting_counts[waiting, 1] = own, other
                                    waiting_feature[waiting] = at
                                    waiting += 1
                                    on_path[1, other] = at
                                    other += 1
                                if known != 1:
                                    goes_left = old_left
                            node = left[node] if goes_left else right[node]
                        leaf_node[leaves] = node
                        for i in range(own):
                            of_leaf[0, leaf_ends[leaves, 0] + i] = on_path[0, i]
                        for i in range(other):
                            of_leaf[1, leaf_ends[leaves, 1] + i] = on_path[1, i]
                        leaf_ends[leaves + 1, 0] = leaf_ends[leaves, 0] + own
                        leaf_ends[leaves + 1, 1] = leaf_ends[leaves, 1] + other
                        leaves += 1
            for back in range(2):
                for i in range(width):
                    place[i] = width - 1 - places[pair, row, i] if back else places[pair, row, i]
                for step in range(width + 1):
                    sums[step] = start
                for leaf in range(leaves):
                    first, last = 0, width
                    for i in range(leaf_ends[leaf, 0], leaf_ends[leaf + 1, 0]):
                        first = max(first, place[of_leaf[0, i]] + 1)
                    for i in range(leaf_ends[leaf, 1], leaf_ends[leaf + 1, 1]):
                        last = min(last, place[of_leaf[1, i]])
                    value = condition[leaf_node[leaf]]
                    for step in range(first, last + 1):
                        sums[step] += value
                for step in range(width + 1):
                    found[back, pair, row, step] = sums[step]
