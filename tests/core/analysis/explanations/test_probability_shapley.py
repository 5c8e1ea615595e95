"""Shapley values of the probability where they are sampled: near the definition's by what their standard errors say, and without bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.explanations import compiled_shapley, leaf_tables, margin_shap, probability_shapley, tree_tables
from core.analysis.explanations.explanation_checks import ExplanationError
from core.analysis.explanations.shap_values import compute_shap_values
from tools import judges

pytestmark = pytest.mark.slow

NAMES = list("abcdefgh")
KINDS = {
    "plain": {"max_depth": 5},
    "single splits": {"max_depth": 1},
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "forest": {"num_parallel_tree": 3, "subsample": 0.7},
    "rare label": {"base_score": 0.013},
    "linear": {"booster": "gblinear", "updater": "coord_descent"},
}


def table(rows: int, seed: int, width: int = len(NAMES)) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, width)).round(2)
    values[random.random(values.shape) < 0.1] = np.nan
    return pd.DataFrame(values, columns=NAMES if width == len(NAMES) else [f"f{i}" for i in range(width)])


def train(parameters: dict, width: int = len(NAMES), rounds: int = 25) -> xgboost.Booster:
    data = table(2000, 1, width)
    label = (data.fillna(0).sum(axis=1) + np.random.default_rng(2).normal(size=2000) > 0.5).astype(int)
    return xgboost.train({"objective": "binary:logistic", "seed": 1} | parameters, xgboost.DMatrix(data, label), rounds)


def by_definition(booster: xgboost.Booster, rows: pd.DataFrame, baseline: pd.DataFrame) -> np.ndarray:
    def predict(part: np.ndarray) -> np.ndarray:
        return booster.predict(xgboost.DMatrix(part, feature_names=booster.feature_names)).astype(float)

    single = rows.to_numpy(np.float32), baseline.to_numpy(np.float32)
    return np.array([np.mean([judges.shapley_values(predict, row, base) for base in single[1]], axis=0) for row in single[0]])


@pytest.fixture
def no_enumeration(monkeypatch):
    monkeypatch.setattr(probability_shapley, "COALITIONS_AT_MOST", 1)
    monkeypatch.setattr(probability_shapley, "EXACT_FEATURES", range(0, 1))
    monkeypatch.setattr(probability_shapley, "EXACT_FEATURES_OF_FEW", 0)
    monkeypatch.setattr(probability_shapley, "PRECISION", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_values_are_off_by_what_their_standard_errors_say(kind, no_enumeration):
    booster, rows, baseline = train(KINDS[kind]), table(25, 3), table(1, 4)
    exact = by_definition(booster, rows, baseline)
    found = compute_shap_values(booster, rows, baseline, walks=64)
    off = np.abs(found.values - exact)
    assert 0 < found.standard_error < 0.15 * np.abs(exact).mean()
    assert off.mean() < 1.5 * found.standard_error
    assert (off.max(axis=1) < 6 * found.row_errors + 1e-6).all()
    assert found.additivity_error < 1e-6
    more = compute_shap_values(booster, rows, baseline, walks=4096, seed=1)
    assert np.abs(more.values - exact).mean() < off.mean() / 3


def test_nine_of_ten_sampled_values_lie_within_two_standard_errors_of_the_exact_ones(no_enumeration):
    booster, rows, baseline = train(KINDS["plain"]), table(100, 5), table(1, 6)
    exact = compute_shap_values(booster, rows, baseline, walks=10_000, seed=9).values
    z = []
    for seed in range(5):
        values, _, errors = probability_shapley.explain_probability(
            booster, rows.to_numpy(np.float32).astype(float), baseline.to_numpy(np.float32).astype(float), 64, seed, None
        )
        z.append(((values - exact) / np.where(errors > 0, errors, np.nan))[errors > 1e-9])
    within = float((np.abs(np.concatenate(z)) < 2).mean())
    assert 0.9 < within < 0.99
    assert abs(float(np.concatenate(z).mean())) < 0.1


def test_walks_end_when_the_values_are_precise_enough(no_enumeration, monkeypatch):
    booster, rows, baseline = train(KINDS["plain"]), table(30, 15), table(1, 16)
    monkeypatch.setattr(probability_shapley, "PRECISION", 0.002)
    values, _, errors = probability_shapley.explain_probability(
        booster, rows.to_numpy(np.float32).astype(float), baseline.to_numpy(np.float32).astype(float), 20_000, 0, None
    )
    assert 0.001 < errors.mean(axis=1).max() <= 0.002
    assert np.abs(values - by_definition(booster, rows, baseline)).mean() < 0.003


def test_where_every_coalition_is_tried_the_values_are_the_definitions():
    for kind, parameters in KINDS.items():
        booster, rows, baseline = train(parameters), table(3, 7), table(2, 8)
        found = compute_shap_values(booster, rows, baseline)
        np.testing.assert_allclose(found.values, by_definition(booster, rows, baseline), atol=2e-6, err_msg=kind)
        assert found.standard_error == 0
        assert not found.row_errors.any()


@pytest.mark.parametrize("kind", ["plain", "linear"])
def test_a_sample_of_many_baseline_rows_adds_up_and_is_off_by_its_standard_errors(kind, monkeypatch):
    booster, rows, baseline = train(KINDS[kind]), table(40, 9), table(500, 10)
    exact = compute_shap_values(booster, rows, baseline)  # of few rows all pairs are explained
    monkeypatch.setattr(probability_shapley, "PAIRS_AT_MOST", 0)
    found = compute_shap_values(booster, rows, baseline, walks=64)
    off = np.abs(found.values - exact.values)
    assert found.expected == pytest.approx(exact.expected)
    assert found.additivity_error < 1e-6
    assert 0 < off.mean() < 1.5 * found.standard_error
    assert off.mean() < 0.3 * np.abs(exact.values).mean()


@pytest.mark.parametrize("part", ["leaves", "splits"])
def test_tables_that_are_not_the_models_are_refused_also_where_the_sums_are_made_right(part, monkeypatch):
    booster, rows, baseline = train(KINDS["plain"]), table(40, 9), table(500, 10)

    def broken(plain):
        trees = tree_tables.read_trees(plain)
        if part == "splits":
            return replace(trees, feature=(trees.feature + 1) % len(NAMES))
        return replace(trees, condition=np.where(trees.left < 0, trees.condition / 2, trees.condition).astype(np.float32))

    monkeypatch.setattr(probability_shapley, "PAIRS_AT_MOST", 0)
    monkeypatch.setattr(probability_shapley, "read_trees", broken)
    with pytest.raises(ExplanationError, match="miss the difference of their predictions"):
        compute_shap_values(booster, rows, baseline)
    monkeypatch.undo()
    monkeypatch.setattr(probability_shapley, "PAIRS_AT_MOST", 0)
    monkeypatch.setattr(margin_shap, "read_trees", broken)
    with pytest.raises(ExplanationError, match="miss the model's prediction"):
        compute_shap_values(booster, table(3000, 9), table(300, 10))


def test_a_path_of_more_features_than_an_integer_has_bits_is_left_to_pairs():
    random = np.random.default_rng(3)
    rows = pd.DataFrame((random.random((6000, 160)) < 0.01).astype(float), columns=[f"f{i}" for i in range(160)])
    label = (rows.to_numpy() @ random.normal(size=160) > 0).astype(int)
    settings = {"objective": "binary:logistic", "grow_policy": "lossguide", "max_depth": 0, "max_leaves": 150, "min_child_weight": 0}
    booster = xgboost.train({**settings, "tree_method": "hist"}, xgboost.DMatrix(rows, label), 2)
    assert tree_tables.read_trees(booster).depth > 64
    found = compute_shap_values(booster, rows.head(5), rows.iloc[100:160], output="raw")
    assert found.additivity_error < 1e-5
    assert compute_shap_values(booster, rows.head(5), rows.iloc[100:160]).additivity_error < 1e-5


def test_rows_of_more_features_than_a_number_has_bits_are_explained_too():
    booster, rows, baseline = train({"max_depth": 2, "eta": 0.2}, width=150, rounds=200), table(2, 11, 150), table(1, 12, 150)
    found = compute_shap_values(booster, rows, baseline, walks=400)
    assert (found.values != 0).sum(axis=1).max() > compiled_shapley.MAX_BITS

    def predict(part: np.ndarray) -> np.ndarray:
        return booster.predict(xgboost.DMatrix(part, feature_names=booster.feature_names)).astype(float)

    single, base = rows.to_numpy(np.float32), baseline.to_numpy(np.float32)
    judge, random = np.zeros(found.values.shape), np.random.default_rng(0)
    for row in range(len(single)):
        for _ in range(60):
            place = random.permutation(150)
            known = place < np.arange(151)[:, None]
            judge[row] += np.diff(predict(np.where(known, single[row], base)))[place] / 60
    assert np.abs(found.values - judge).mean() < 0.15 * np.abs(judge).mean()
    assert found.additivity_error < 1e-6


def test_the_same_call_gives_the_same_bytes_and_another_seed_others(no_enumeration):
    booster, rows, baseline = train(KINDS["plain"]), table(30, 13), table(1, 14)
    one, same, other = (compute_shap_values(booster, rows, baseline, seed=seed).values for seed in (5, 5, 6))
    assert one.tobytes() == same.tobytes() != other.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 12), st.floats(-2, 2), st.floats(-1, 1))
def test_a_polynomial_of_any_terms_has_the_values_of_the_definition(seed, width, count, slope, curve):
    random = np.random.default_rng(seed)
    terms, sizes = np.zeros((count, width), dtype=np.int16), np.zeros((count, 2), dtype=np.int16)
    for term in range(count):
        side = random.integers(0, 3, width)  # 0: in neither
        own, other = np.flatnonzero(side == 1), np.flatnonzero(side == 2)
        terms[term, : len(own) + len(other)], sizes[term] = np.concatenate([own, other]), (len(own), len(other))
    weights, values = random.normal(size=count), np.zeros(width)
    shares = leaf_tables.term_shares(width)
    bits, totals = np.zeros((count, 2), dtype=np.uint64), np.zeros((count, 2))
    compiled_shapley.explain_polynomial(terms, sizes, weights, count, width, slope, curve, *shares, bits, totals, values)

    def worth(table: np.ndarray) -> np.ndarray:
        z = np.zeros(len(table))
        for term in range(count):
            own, other = terms[term, : sizes[term, 0]], terms[term, sizes[term, 0] : sizes[term].sum()]
            z += weights[term] * (table[:, own] == 1).all(axis=1) * (table[:, other] == 0).all(axis=1)
        return slope * z + curve * z * z

    np.testing.assert_allclose(values, judges.shapley_values(worth, np.ones(width), np.zeros(width)), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=2, max_size=60), st.floats(-5, 5))
def test_the_polynomial_fits_as_numpys_does(points, start):
    points = np.array(points)
    slope, curve = compiled_shapley.fit_polynomial(points, len(points), start)
    wanted = 1 / (1 + np.exp(-(start + points)))

    def spread(found: np.ndarray) -> float:
        return float((found - wanted).std())

    ours = spread(slope * points + curve * points**2)
    assert ours <= spread(np.zeros(len(points))) + 1e-7
    if len(np.unique(points.round(1))) > 3:
        assert ours <= spread(np.polyval(np.polyfit(points, wanted, 2), points)) + 1e-4
