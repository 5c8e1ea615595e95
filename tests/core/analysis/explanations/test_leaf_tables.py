"""Shapley values against many baseline rows by tables, beside shap's, which takes every pair of rows, and the definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.explanations import leaf_tables, margin_shap
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.shap_values import compute_shap_values
from core.analysis.explanations.tree_tables import read_trees
from tools import judges

FEATURES = 9
KINDS = {
    "gbtree": {},
    "deep": {"max_depth": 8, "min_child_weight": 0},
    "stumps": {"max_depth": 1},
    "no split": {"gamma": 1e9},
    "one feature again and again": {"max_depth": 4, "interaction_constraints": "[[0], [1]]"},
    "lossguide": {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0},
    "dart": {"booster": "dart", "rate_drop": 0.4},
    "forest": {"num_parallel_tree": 3, "subsample": 0.7},
    "categories": {"max_cat_to_onehot": 1},
    "a base score": {"base_score": 0.02},
}


def draw(rows, seed, missing=0.15):
    """Whole numbers, most of them small, so that rows meet splits in every combination; some are missing."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 7, (rows, FEATURES)).astype(np.float32)
    values[:, 0] = random.normal(size=rows)
    values[random.random(values.shape) < missing] = np.nan
    return values


def train(kind="gbtree", seed=0, rounds=6, **more):
    table = draw(400, seed)
    worth = np.nan_to_num(table[:, 0]) * np.nan_to_num(table[:, 1]) + np.nan_to_num(table[:, 2] % 3 - table[:, 3] / 2)
    label = worth + np.random.default_rng(seed).normal(size=len(table)) > 0
    types = ["float", *["c"] * (FEATURES - 1)] if kind == "categories" else None
    matrix = xgboost.DMatrix(table, label, feature_types=types, enable_categorical=types is not None)
    common = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.5, "nthread": 1, "seed": seed}
    return xgboost.train(common | KINDS[kind] | more, matrix, rounds)


def by_tables(booster, rows, baseline):
    tables = read_trees(rewrite_as_plain_trees(booster))
    return leaf_tables.explain_by_tables(leaf_tables.trace_patterns(tables), tables.start, rows.astype(float), baseline.astype(float))


@pytest.mark.parametrize("kind", KINDS)
def test_the_values_are_those_of_every_pair_by_shap(kind):
    booster, rows, baseline = train(kind, rounds=1 if kind == "no split" else 6), draw(40, 1), draw(70, 2)
    masker = shap.maskers.Independent(baseline.astype(float), max_samples=len(baseline))
    judge = shap.TreeExplainer(rewrite_as_plain_trees(booster), masker, feature_perturbation="interventional", model_output="raw")
    values, expected = by_tables(booster, rows, baseline)
    assert values == pytest.approx(
        judge.shap_values(rows.astype(float), check_additivity=False), abs=1e-6, rel=1e-5
    )  # shap adds in single precision
    assert expected == pytest.approx(float(np.ravel(judge.expected_value)[0]), abs=1e-6)


@pytest.mark.parametrize("kind", ["gbtree", "deep", "dart"])
def test_the_values_are_the_mean_of_the_definition_over_the_baseline_rows(kind):
    booster, rows, baseline = train(kind, seed=3), draw(3, 4), draw(8, 5)

    def log_odds(table):
        return booster.predict(xgboost.DMatrix(table), output_margin=True).astype(float)

    judge = [np.mean([judges.shapley_values(log_odds, row, base) for base in baseline], axis=0) for row in rows]
    assert by_tables(booster, rows, baseline)[0] == pytest.approx(np.array(judge), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["gbtree", "deep", "categories"]), missing=st.sampled_from([0.0, 0.5]))
def test_values_and_expected_value_add_up_and_a_row_among_its_likes_has_none(seed, kind, missing):
    booster, rows, baseline = train(kind, rounds=2), draw(20, seed, missing), draw(30, seed + 1, missing)
    values, expected = by_tables(booster, rows, baseline)
    types = booster.feature_types
    margins = [
        booster.predict(xgboost.DMatrix(part, feature_types=types, enable_categorical=types is not None), output_margin=True)
        for part in (rows, baseline)
    ]
    assert expected == pytest.approx(margins[1].mean(dtype=float), abs=1e-5)
    assert expected + values.sum(axis=1) == pytest.approx(margins[0].astype(float), abs=1e-5)
    assert not by_tables(booster, rows[:1], np.tile(rows[:1], (5, 1)))[0].any()


def test_what_takes_longer_or_more_memory_by_tables_is_left_to_shap(monkeypatch):
    booster, rows, baseline = train("deep", seed=6), draw(200, 7), draw(300, 8)
    trees = leaf_tables.trace_patterns(read_trees(rewrite_as_plain_trees(booster)))
    assert leaf_tables.estimate_seconds(trees, 30_000, 6000) is not None
    assert leaf_tables.estimate_seconds(trees, 2, 2) is None
    data, base = pd.DataFrame(rows), pd.DataFrame(baseline)
    found = compute_shap_values(booster, data, base, output="raw")
    used = []
    monkeypatch.setattr(margin_shap, "explain_by_tables", lambda *_: used.append(True))
    monkeypatch.setattr(leaf_tables, "PATTERNS_AT_MOST", 10)
    assert found.values == pytest.approx(compute_shap_values(booster, data, base, output="raw").values, abs=1e-6)
    assert not used
