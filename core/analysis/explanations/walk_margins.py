"""A model's log-odds, also along walks from a baseline row to a row, one feature at a time.

A prediction of every step of a walk would descend each tree once a step. Here a tree is descended once a walk: at a split where both rows
go the same way, no step differs; where they part, the steps before the feature's place go one way, and those from it on the other. The
numbers are XGBoost's own to the last bit: single precision, added up tree by tree.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Ranks = NDArray[np.int64]

COMPILED_STEPS = 100_000
"""With fewer steps of walks at a time, predictions are quicker than loading the machine code."""
CHECKED_ROWS = 64
"""The first rows of walks, which are also predicted by XGBoost: where one bit differs, so are all others."""


class Margin:
    """The log-odds that a model gives a table's rows."""

    def __init__(self, predict: Callable[[Floats], Floats]) -> None:
        self.predict = predict

    def __call__(self, table: Floats) -> Floats:
        return self.predict(table)

    def along_walks(self, rows: Floats, base: Floats, ranks: Ranks) -> Floats:
        """The log-odds after each number of features, from none to all, that are taken from the row instead of the baseline row.

        rows, base: (n, features), numbers of single precision; ranks: (n, features), the place of each feature in the order of the walk,
        from 0. Returns (n, features + 1).
        """
        n, width = rows.shape
        known = ranks[:, None, :] < np.arange(width + 1)[None, :, None]
        return self(np.where(known, rows[:, None, :], base[:, None, :]).reshape(-1, width)).reshape(n, width + 1)


class TreeMargin(Margin):
    """The log-odds of a ``gbtree`` booster with one tree in each round and numeric splits only (``rewrite_as_plain_trees``)."""

    def __init__(self, plain: Booster) -> None:
        self.booster = plain
        super().__init__(self._predict)

    def _predict(self, table: Floats) -> Floats:
        found = self.booster.inplace_predict(table.astype(np.float32), predict_type="margin", validate_features=False)
        return np.asarray(found, dtype=float)

    def along_walks(self, rows: Floats, base: Floats, ranks: Ranks) -> Floats:
        """As of any model; read off the trees where that is quicker than loading the machine code."""
        if ranks.size < COMPILED_STEPS:
            return super().along_walks(rows, base, ranks)
        few = slice(0, CHECKED_ROWS)
        predicted = super().along_walks(rows[few], base[few], ranks[few])
        for trees in self._candidates:  # the first one, but for about one model in a hundred
            if np.array_equal(margins_along_walks(trees, rows[few], base[few], ranks[few]), predicted):
                return margins_along_walks(trees, rows, base, ranks)
        return super().along_walks(rows, base, ranks)

    @cached_property
    def _candidates(self) -> list[TreeTables]:
        """The trees; with log-odds before the first tree that may differ from XGBoost's in the last bit of a logarithm, also with the
        numbers beside them."""
        trees = read_trees(self.booster)
        return [trees, *(replace(trees, start=np.nextafter(trees.start, np.float32(end))) for end in (-np.inf, np.inf))]


@dataclass(frozen=True)
class TreeTables:
    """Plain trees one after another, an entry for each node. ``left``, ``right``: the children's places in these tables, -1 at a leaf;
    ``condition``: the split, below which a value goes left, or the leaf's value; ``missing_left``: where a missing value goes;
    ``roots``: the place of each tree's root; ``start``: the log-odds before the first tree."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    condition: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    depth: int
    start: np.float32


def read_trees(booster: Booster) -> TreeTables:
    """The tables of a ``gbtree`` booster with one tree in each round and numeric splits only (``plain_trees.rewrite_as_plain_trees``)."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)

    def joined(key: str, dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.asarray(tree[key], dtype=dtype) for tree in trees])

    offsets = np.repeat(roots[:-1], sizes)
    children = {}
    for key in ("left_children", "right_children"):
        own = joined(key, np.int32)
        children[key] = np.where(own < 0, -1, own + offsets).astype(np.int32)
    score = float(np.ravel(json.loads(f"[{str(learner['learner_model_param']['base_score']).strip('[]')}]"))[0])
    start = np.float32(-log(np.float32(1) / np.float32(score) - np.float32(1)))
    return TreeTables(
        children["left_children"],
        children["right_children"],
        joined("split_indices", np.int32),
        joined("split_conditions", np.float32),
        joined("default_left", np.bool_),
        roots[:-1],
        max(sizes),
        start,
    )


def margins_along_walks(trees: TreeTables, rows: Floats, base: Floats, ranks: Ranks) -> Floats:
    """``Margin.along_walks`` of the trees."""
    found = np.empty((len(rows), rows.shape[1] + 1), dtype=np.float32)
    _compiled()(
        trees.left,
        trees.right,
        trees.feature,
        trees.condition,
        trees.missing_left,
        trees.roots,
        trees.depth,
        trees.start,
        rows.astype(np.float32),
        base.astype(np.float32),
        ranks,
        found,
    )
    return found.astype(float)


@cache
def _compiled() -> Callable[..., None]:
    """The descent as machine code, kept on disk for the next process where a folder can be written."""
    import numba

    try:
        return numba.njit(cache=True, nogil=True)(_descend)
    except RuntimeError:  # there is no such folder
        return numba.njit(nogil=True)(_descend)


def _descend(  # type: ignore[no-untyped-def]
    left, right, feature, condition, missing_left, roots, depth, start, rows, base, ranks, found
) -> None:  # pragma: no cover - it runs as machine code
    """Fill ``found``. A part of a tree that some steps reach waits on a stack with the first and the last of them."""
    nodes = np.empty(depth + 1, dtype=np.int64)
    firsts = np.empty(depth + 1, dtype=np.int64)
    lasts = np.empty(depth + 1, dtype=np.int64)
    width = rows.shape[1]
    for row in range(rows.shape[0]):
        for step in range(width + 1):
            found[row, step] = start
        for root in roots:
            nodes[0], firsts[0], lasts[0] = root, 0, width
            waiting = 1
            while waiting:
                waiting -= 1
                node, first, last = nodes[waiting], firsts[waiting], lasts[waiting]
                while left[node] >= 0:
                    at = feature[node]
                    new, old = rows[row, at], base[row, at]
                    new_left = missing_left[node] if np.isnan(new) else new < condition[node]
                    old_left = missing_left[node] if np.isnan(old) else old < condition[node]
                    if new_left == old_left or ranks[row, at] < first:  # the feature is the row's from the first of these steps on
                        node = left[node] if new_left else right[node]
                    elif ranks[row, at] >= last:
                        node = left[node] if old_left else right[node]
                    else:
                        nodes[waiting] = left[node] if new_left else right[node]
                        firsts[waiting], lasts[waiting] = ranks[row, at] + 1, last
                        waiting += 1
                        node = left[node] if old_left else right[node]
                        last = ranks[row, at]
                for step in range(first, last + 1):
                    found[row, step] += condition[node]
