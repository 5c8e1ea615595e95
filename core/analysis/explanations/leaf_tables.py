"""Exact Shapley values of a tree model's log-odds against many baseline rows, in a time that grows with rows plus baseline rows."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from core.analysis.explanations.tree_tables import TreeTables

Floats = NDArray[np.float64]

PATTERNS_AT_MOST = 2**21
"""A tree's tables may have so many lines: a quarter of a gigabyte. Trees of depth 12 have about half a million, of depth 15 two million."""


class PatternTree:
    """A tree as ``compiled_leaf_tables.add_tree`` takes it, which says what each array is."""

    def __init__(self, trees: TreeTables, root: int) -> None:
        nodes: list[int] = []
        feature: list[int] = []
        paths: list[tuple[int, ...]] = []
        parent, is_left, is_new, place = [], [], [], []
        waiting: list[tuple[int, int, bool, tuple[int, ...]]] = [(root, -1, False, ())]
        while waiting:
            node, above, on_left, path = waiting.pop()
            new = above >= 0 and feature[above] not in path
            path = (*path, feature[above]) if new else path
            left, right = int(trees.left[node]), int(trees.right[node])
            if left >= 0:
                waiting += [(right, len(nodes), False, path), (left, len(nodes), True, path)]
            nodes.append(node)
            parent.append(above)
            is_left.append(on_left)
            is_new.append(new)
            place.append(path.index(feature[above]) if above >= 0 else 0)
            feature.append(int(trees.feature[node]) if left >= 0 else -1)
            paths.append(path if left < 0 else ())
        self.parent, self.is_left, self.is_new, self.place = np.array(parent), np.array(is_left), np.array(is_new), np.array(place)
        self.feature, self.condition, self.missing_left = np.array(feature), trees.condition[nodes], trees.missing_left[nodes]
        self.widths = np.array([len(path) for path in paths])
        self.sizes = np.where(self.feature < 0, 2.0**self.widths, 0.0)  # of a long path more than an integer holds
        self.starts = (np.cumsum(self.sizes) - self.sizes if self.sizes.sum() <= PATTERNS_AT_MOST else self.sizes).astype(np.int64)
        self.paths = np.full((len(nodes), max(1, int(self.widths.max()))), -1)
        for at, path in enumerate(paths):
            self.paths[at, : len(path)] = path


def trace_patterns(trees: TreeTables) -> list[PatternTree]:
    """Each tree with the features on the path to each of its leaves."""
    return [PatternTree(trees, root) for root in trees.roots.tolist()]


def estimate_seconds(trees: list[PatternTree], rows: int, baseline_rows: int) -> float | None:
    """What tables take, if they fit into memory and take less time than every pair of a row and a baseline row; else None.

    A pair takes some 2 ns for each node; tables some 5 ns for each node and row of either kind, and 2.5 ns for each step in making them.
    """
    nodes = sum(len(tree.parent) for tree in trees)
    if max(float(tree.sizes.sum()) for tree in trees) > PATTERNS_AT_MOST:
        return None
    steps = sum(float((tree.sizes * tree.widths * (tree.widths + 1)).sum()) for tree in trees)
    nanoseconds = 5.0 * nodes * (rows + baseline_rows) + 2.5 * steps
    return nanoseconds / 1e9 if nanoseconds < 2.0 * nodes * rows * baseline_rows else None


def explain_by_tables(trees: list[PatternTree], start: float, rows: Floats, background: Floats) -> tuple[Floats, float]:
    """Shapley values of the log-odds, (rows, features), mean over the rows of ``background``; and the mean log-odds of these.

    ``start``: the log-odds before the first tree.
    """
    from core.analysis.explanations.compiled_leaf_tables import add_tree

    values, expected = np.zeros(rows.shape), start
    shares = term_shares(max(int(tree.widths.max()) for tree in trees))
    for tree in trees:
        expected += add_tree(  # type: ignore[no-untyped-call]
            tree.parent,
            tree.is_left,
            tree.is_new,
            tree.place,
            tree.feature,
            tree.condition,
            tree.missing_left,
            tree.widths,
            tree.starts,
            tree.paths,
            rows,
            background,
            *shares,
            values,
        )
    return values, expected


def term_shares(most: int) -> tuple[Floats, Floats]:
    """The Shapley values of a term's own features and, without the sign, of its others, by how many there are of each (up to ``most``)."""
    own, other = np.zeros((2, most + 1, most + 1))
    for a in range(most + 1):
        for b in range(most + 1):
            own[a, b] = 1 / (a * comb(a + b, a)) if a else 0.0
            other[a, b] = 1 / (b * comb(a + b, b)) if b else 0.0
    return own, other
