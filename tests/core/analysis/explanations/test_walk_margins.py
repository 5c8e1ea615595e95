"""Log-odds along walks, read off the trees: XGBoost's own predictions of every step, to the last bit."""

import numpy as np
import pandas as pd
import pytest
import xgboost

from core.analysis.explanations import walk_margins
from core.analysis.explanations.margin_shap import explain_margin
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.shap_values import compute_shap_values
from core.analysis.explanations.walk_margins import Margin, TreeMargin

RANDOM = np.random.default_rng(5)
KINDS = {
    "plain": {"max_depth": 6},
    "a single split": {"max_depth": 1},
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "forest": {"num_parallel_tree": 3, "subsample": 0.7},
    "rare label": {"base_score": 0.013},
}


def table(rows: int) -> pd.DataFrame:
    values = RANDOM.normal(size=(rows, 6)).round(2)
    values[RANDOM.random(values.shape) < 0.1] = np.nan
    return pd.DataFrame(values, columns=list("abcdef"))


def train(settings: dict) -> xgboost.Booster:
    data = table(2000)
    label = (data.fillna(0).sum(axis=1) + RANDOM.normal(size=2000) > 0).astype(int)
    parameters = {"objective": "binary:logistic", "seed": 1} | settings
    return rewrite_as_plain_trees(xgboost.train(parameters, xgboost.DMatrix(data, label), 20))


def walks(n: int, baseline_rows: int) -> tuple:
    """Rows, baseline rows, which of these each of three pairs of walks has, and the features' places."""
    rows, background = (table(size).to_numpy(np.float32).astype(float) for size in (n, baseline_rows))
    places = np.argsort(RANDOM.random((3, n, 6)), axis=2).astype(np.int16)
    return rows, background, RANDOM.integers(0, baseline_rows, (3, n)), places


def same(one, other) -> bool:
    return all(np.array_equal(x, y) for a, b in zip(one, other, strict=True) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("baseline_rows", [1, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_what_xgboost_predicts(kind, baseline_rows, monkeypatch):
    margin, given = TreeMargin(train(KINDS[kind])), walks(300, baseline_rows)
    predicted = list(Margin(margin).along_walks(*given))
    assert margin._find_trees(*given) is not None
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    assert same(margin.along_walks(*given), predicted)
    rows, background, chosen, _ = given
    for numbers, (forth, back) in zip(chosen, predicted, strict=True):
        for one in (forth, back):
            assert np.array_equal(one[:, 0], margin(background[numbers]))
            assert np.array_equal(one[:, -1], margin(rows))


def test_a_difference_in_the_first_rows_leaves_all_steps_to_xgboost(monkeypatch):
    margin, given = TreeMargin(train({})), walks(300, 2)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    monkeypatch.setattr(walk_margins, "read_walks", lambda trees, rows, *others: np.zeros((2, 3, len(rows), 7)))
    assert same(margin.along_walks(*given), Margin(margin).along_walks(*given))


@pytest.mark.slow
def test_an_explanation_is_the_same_read_off_the_trees_or_predicted(monkeypatch):
    booster, rows, base = train({}), table(400), table(3)
    monkeypatch.setattr("core.analysis.explanations.shap_values.count_evaluations", lambda features, rows: 10**9)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    read = compute_shap_values(booster, rows, base)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 10**9)
    assert np.array_equal(read.values, compute_shap_values(booster, rows, base).values)
    assert isinstance(explain_margin(booster, rows.to_numpy(), base.to_numpy(), "raw", None)[2], TreeMargin)
