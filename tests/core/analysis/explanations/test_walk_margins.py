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


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_what_xgboost_predicts(kind, monkeypatch):
    margin = TreeMargin(train(KINDS[kind]))
    rows, base = (table(500).to_numpy(np.float32).astype(float) for _ in range(2))
    ranks = np.argsort(RANDOM.random(rows.shape), axis=1)
    predicted = Margin(margin).along_walks(rows, base, ranks)
    read = [walk_margins.margins_along_walks(trees, rows, base, ranks) for trees in margin._candidates]
    assert any(np.array_equal(one, predicted) for one in read)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    assert np.array_equal(margin.along_walks(rows, base, ranks), predicted)
    assert np.array_equal(predicted[:, 0], margin(base))
    assert np.array_equal(predicted[:, -1], margin(rows))


def test_a_difference_in_the_first_rows_leaves_all_steps_to_xgboost(monkeypatch):
    margin = TreeMargin(train({}))
    rows, base = (table(300).to_numpy(np.float32).astype(float) for _ in range(2))
    ranks = np.argsort(RANDOM.random(rows.shape), axis=1)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    monkeypatch.setattr(walk_margins, "margins_along_walks", lambda trees, rows, *others: np.zeros((len(rows), 7)))
    assert np.array_equal(margin.along_walks(rows, base, ranks), Margin(margin).along_walks(rows, base, ranks))


@pytest.mark.slow
def test_an_explanation_is_the_same_read_off_the_trees_or_predicted(monkeypatch):
    booster, rows, base = train({}), table(400), table(3)
    monkeypatch.setattr("core.analysis.explanations.shap_values.count_evaluations", lambda features, rows: 10**9)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 0)
    read = compute_shap_values(booster, rows, base)
    monkeypatch.setattr(walk_margins, "COMPILED_STEPS", 10**9)
    assert np.array_equal(read.values, compute_shap_values(booster, rows, base).values)
    assert isinstance(explain_margin(booster, rows.to_numpy(), base.to_numpy(), "raw", None)[2], TreeMargin)
