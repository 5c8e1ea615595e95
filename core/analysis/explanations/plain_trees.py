"""Every kind of XGBoost trees as plain ones, which shap reads: one tree in each round, all of weight 1, numeric splits only.

shap leaves out the weights of a DART model's trees, and refuses boosted forests (several trees in a round) and categorical splits.
The rewritten model predicts the same, and Shapley values depend on nothing but predictions: a leaf is multiplied by its tree's weight,
the trees of a round follow each other, and a categorical split becomes numeric ones at the edges of its categories.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from core.analysis.explanations.explanation_checks import ExplanationError
from core.analysis.explanations.xgboost_model import describe_booster

if TYPE_CHECKING:
    from xgboost import Booster

MAX_NODES = 1_000_000
"""The most nodes that categorical splits may grow into."""
NO_PARENT = 2**31 - 1
Tree = dict[str, Any]
Piece = tuple[float, float, int]
"""From, up to (exclusive), and the child to which these values go."""


def rewrite_as_plain_trees(booster: Booster) -> Booster:
    """A ``gbtree`` booster with the same predictions; ``booster`` itself where it is plain already.

    ``booster`` is an ``xgboost.Booster`` of one output whose kind is gbtree or dart. Raises ExplanationError where its categorical splits
    are too many.
    """
    import xgboost

    kind = describe_booster(booster)
    if kind.name == "gbtree" and kind.trees_per_round == 1 and not kind.categorical:
        return booster
    model = json.loads(bytes(booster.save_raw("json")))
    learner = model["learner"]
    found = learner["gradient_booster"]
    trees = found["gbtree"]["model"] if kind.name == "dart" else found["model"]
    weights = found["weight_drop"] if kind.name == "dart" else [1.0] * len(trees["trees"])
    plain: list[Tree] = []
    left = MAX_NODES
    for tree, weight in zip(trees["trees"], weights, strict=True):
        one = _NumericTree(tree, left).build() if tree["categories_nodes"] else tree
        left -= len(one["left_children"])
        leaves = zip(one["left_children"], one["split_conditions"], strict=True)
        plain.append(one | {"id": len(plain), "split_conditions": [c * weight if child == -1 else c for child, c in leaves]})
    learner["gradient_booster"] = {
        "name": "gbtree",
        "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(plain))},
            "iteration_indptr": list(range(len(plain) + 1)),
            "tree_info": [0] * len(plain),
            "trees": plain,
            "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        },
    }
    learner["feature_types"] = []
    learner["attributes"] = {}  # its best round was chosen already
    rewritten = xgboost.Booster()
    rewritten.load_model(bytearray(json.dumps(model).encode()))
    return rewritten


@dataclass(frozen=True)
class _Reached:
    """Which values of a feature reach a node: numbers in [low, high), and missing values where ``missing``."""

    low: float = -inf
    high: float = inf
    missing: bool = True


@dataclass
class _Node:
    """A node of the new tree: a leaf while ``left`` is -1. Its right child follows the left one. ``origin``: the node that it copies."""

    parent: int
    origin: int = 0
    left: int = -1
    feature: int = 0
    condition: float = 0.0
    default_left: bool = False


@dataclass
class _NumericTree:
    """A tree with categorical splits, copied from its root with numeric splits in their place. ``room``: how many nodes it may have."""

    tree: Tree
    room: int
    nodes: list[_Node] = field(default_factory=list)
    chosen: dict[int, list[int]] = field(default_factory=dict)

    def build(self) -> Tree:
        tree, sizes = self.tree, zip(self.tree["categories_segments"], self.tree["categories_sizes"], strict=True)
        self.chosen = {node: sorted(tree["categories"][at : at + n]) for node, (at, n) in zip(tree["categories_nodes"], sizes, strict=True)}
        self._copy(self._reserve(1, NO_PARENT), 0, {})
        nodes = self.nodes
        kept = {name: [tree[name][node.origin] for node in nodes] for name in ("base_weights", "loss_changes", "sum_hessian")}
        return (
            tree
            | kept
            | {
                "left_children": [node.left for node in nodes],
                "right_children": [node.left + 1 if node.left != -1 else -1 for node in nodes],
                "parents": [node.parent for node in nodes],
                "split_indices": [node.feature for node in nodes],
                "split_conditions": [node.condition for node in nodes],
                "split_type": [0] * len(nodes),
                "default_left": [int(node.default_left) for node in nodes],
                "tree_param": tree["tree_param"] | {"num_nodes": str(len(nodes))},
                **{name: [] for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes")},
            }
        )

    def _copy(self, place: int, node: int, reached: dict[int, _Reached]) -> None:
        """Copy a node, and all below it, to ``place`` for the values that reach it."""
        if self.tree["left_children"][node] == -1:
            self.nodes[place].origin, self.nodes[place].condition = node, self.tree["split_conditions"][node]
            return
        feature = self.tree["split_indices"][node]
        here = reached.get(feature, _Reached())
        default = self.tree["left_children" if self.tree["default_left"][node] else "right_children"][node]
        if here.low >= here.high:  # only missing values
            self._copy(place, default, reached)
            return
        clipped = [(max(low, here.low), min(high, here.high), child) for low, high, child in self._pieces(node)]
        pieces = [piece for piece in clipped if piece[0] < piece[1]]
        if here.missing and all(child != default for _, _, child in pieces):  # a piece without numbers takes the missing values
            at_end = isfinite(here.high)
            edge = here.high if at_end else here.low
            pieces.insert(len(pieces) if at_end else 0, (edge, edge, default))
        missing = [child for _, _, child in pieces].index(default) if here.missing else None
        self._split(place, node, feature, pieces, missing, reached)

    def _pieces(self, node: int) -> list[Piece]:
        """The split as pieces in ascending order. XGBoost sends the chosen categories to the right; category c is [c, c + 1)."""
        left, right = self.tree["left_children"][node], self.tree["right_children"][node]
        if node not in self.chosen:
            edge = self.tree["split_conditions"][node]
            return [(-inf, edge, left), (edge, inf, right)]
        pieces: list[Piece] = [(-inf, inf, left)]
        for category in map(float, self.chosen[node]):
            low, _, child = pieces.pop()
            if low == category:  # the category before it was chosen too: one piece for both
                pieces[-1] = (pieces[-1][0], category + 1, right)
            else:
                pieces += [(low, category, child), (category, category + 1, right)]
            pieces.append((category + 1, inf, left))
        return pieces

    def _split(self, place: int, node: int, feature: int, pieces: list[Piece], missing: int | None, reached: dict[int, _Reached]) -> None:
        """Split the pieces in halves until each is alone. ``missing``: the piece that takes missing values; None if none reach the node."""
        if len(pieces) == 1:
            ((low, high, child),) = pieces
            self._copy(place, child, reached | {feature: _Reached(low, high, missing is not None)})
            return
        half = len(pieces) // 2
        to_left, to_right = missing is not None and missing < half, missing is not None and missing >= half
        new, children = self.nodes[place], self._reserve(2, place)
        new.origin, new.left, new.feature, new.condition, new.default_left = node, children, feature, pieces[half][0], to_left
        self._split(children, node, feature, pieces[:half], missing if to_left else None, reached)
        self._split(children + 1, node, feature, pieces[half:], (missing or 0) - half if to_right else None, reached)

    def _reserve(self, count: int, parent: int) -> int:
        """Make room for new nodes, next to each other as XGBoost needs siblings to be; returns the number of the first."""
        if len(self.nodes) + count > self.room:
            raise ExplanationError(
                f"its categorical splits would become more than {MAX_NODES:,} numeric ones: train it with a smaller max_depth, or give the "
                "categories as plain numbers"
            )
        self.nodes += [_Node(parent) for _ in range(count)]
        return len(self.nodes) - count
