"""The trees of an XGBoost model as tables: an entry for each node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xgboost import Booster


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
    start: float

    @property
    def depth(self) -> int:
        """How many splits the longest path has."""
        level, found = self.roots, 0
        while len(level := level[self.left[level] >= 0]):
            level, found = np.concatenate([self.left[level], self.right[level]]), found + 1
        return found


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
        _start(model),
    )


def _start(model: dict[str, Any]) -> float:
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
    return float(alone.inplace_predict(row, predict_type="margin", validate_features=False)[0])
