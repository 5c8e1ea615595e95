"""Every kind of XGBoost model against Shapley's definition: all coalitions of features, by the model's own predictions."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost

from core.analysis.explanations import margin_shap, probability_shapley, xgboost_model
from core.analysis.explanations.explanation_checks import ExplanationError, check_explanation, require_time
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.shap_values import compute_shap_values, predict_probabilities
from core.analysis.tables.feature_names import FeatureError

NAMES = ["kind", "income", "region", "age"]
TYPES = ["c", "float", "c", "float"]
KINDS = {
    "gbtree": {},
    "dart": {"booster": "dart", "rate_drop": 0.4, "skip_drop": 0.1},
    "forest": {"num_parallel_tree": 3, "subsample": 0.7},
    "dart of forests": {"booster": "dart", "rate_drop": 0.4, "num_parallel_tree": 2, "subsample": 0.7},
    "gblinear": {"booster": "gblinear", "updater": "shotgun", "eta": 0.02},
    "categorical, one against the rest": {"max_cat_to_onehot": 100},
    "categorical, sets": {"max_cat_to_onehot": 1},
    "categorical dart": {"booster": "dart", "rate_drop": 0.4, "max_cat_to_onehot": 1},
    "stumps without a split": {"gamma": 1e9},
    "reg:logistic": {"objective": "reg:logistic"},
}


def table(rows, seed, missing=0.1):
    random = np.random.default_rng(seed)
    columns = [random.integers(0, 7, rows), random.normal(50, 20, rows), random.integers(0, 4, rows), random.normal(size=rows)]
    data = pd.DataFrame(np.column_stack(columns).astype(np.float32), columns=NAMES)
    return data.mask(random.random(data.shape) < missing)


def train(kind="gbtree", *, rounds=8, seed=0, **settings):
    data = table(250, seed)
    worth = np.sin(3 * data["kind"].fillna(2)) + (data["income"].fillna(50) - 50) / 20 + data["region"].fillna(0) % 2
    label = (worth + np.random.default_rng(seed).normal(size=len(data)) > 0.5).astype(int)
    types = TYPES if "categorical" in kind else None
    matrix = xgboost.DMatrix(data, label, feature_types=types, enable_categorical=types is not None)
    common = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.5, "nthread": 1, "seed": seed, "tree_method": "hist"}
    booster = xgboost.train(
        ({} if kind == "gblinear" else common) | {"objective": "binary:logistic"} | KINDS[kind] | settings, matrix, rounds
    )
    return reloaded(booster)


def reloaded(booster):
    """As a job reads it from model.tar.gz."""
    found = xgboost.Booster()
    found.load_model(bytearray(booster.save_raw("ubj")))
    found.set_param({"nthread": 1})
    return found


def brute_force(booster, rows, baseline, *, margin):
    """Shapley's values by their definition, one coalition after the other, from the booster's own predictions."""

    coalitions = [known for size in range(len(NAMES) + 1) for known in combinations(NAMES, size)]
    values = np.zeros((len(rows), len(NAMES)))
    for number, (_, row) in enumerate(rows.iterrows()):
        tables = [baseline.assign(**{name: row[name] for name in known}) for known in coalitions]
        matrix = xgboost.DMatrix(pd.concat(tables).to_numpy(np.float32), feature_names=booster.feature_names)
        predicted = booster.predict(matrix, output_margin=margin).astype(float).reshape(len(coalitions), -1)
        worth = dict(zip(coalitions, predicted.mean(axis=1), strict=True))
        for place, name in enumerate(NAMES):
            for known, value in worth.items():
                if name not in known:
                    joined = tuple(other for other in NAMES if other in known or other == name)
                    weight = factorial(len(known)) * factorial(len(NAMES) - len(known) - 1) / factorial(len(NAMES))
                    values[number, place] += weight * (worth[joined] - value)
    return values, worth[()]


@pytest.mark.parametrize("base_score", [None, 0.02, 0.9])
@pytest.mark.parametrize("kind", KINDS)
def test_log_odds_and_probabilities_are_those_of_all_coalitions(kind, base_score):
    booster = train(kind, **({} if base_score is None else {"base_score": base_score}))
    rows, baseline = table(3, 7), table(10, 8)
    for output in ("raw", "probability"):
        found = compute_shap_values(booster, rows, baseline, output=output)
        values, expected = brute_force(booster, rows, baseline, margin=output == "raw")
        assert np.abs(found.values - values).max() < 1e-5
        assert found.expected == pytest.approx(expected, abs=1e-5)
        assert found.standard_error == 0
        assert not found.check.problem


@pytest.mark.parametrize("kind", ["gbtree", "dart", "forest", "gblinear", "categorical, sets"])
@pytest.mark.parametrize("size", [1, 101, 1000])
def test_every_row_of_the_baseline_counts(kind, size):
    booster, rows, baseline = train(kind, seed=3), table(1, 5), table(size, 6, missing=0)
    found = compute_shap_values(booster, rows, baseline, output="raw")
    values, expected = brute_force(booster, rows, baseline, margin=True)
    assert np.abs(found.values - values).max() < 1e-5
    assert found.expected == pytest.approx(expected, abs=1e-5)
    shared = compute_shap_values(booster, rows, baseline)
    assert shared.expected == pytest.approx(predict_probabilities(booster, baseline).mean(), abs=1e-6)


@pytest.mark.parametrize("kind", ["gbtree", "dart", "gblinear"])
def test_kernel_shap_of_all_coalitions_gives_the_same(kind):
    booster, rows, baseline = train(kind, seed=4), table(5, 1, missing=0), table(9, 2, missing=0)

    def predict(data):
        return booster.predict(xgboost.DMatrix(data, feature_names=booster.feature_names), output_margin=True).astype(float)

    judge = shap.KernelExplainer(predict, baseline.to_numpy()).shap_values(rows.to_numpy(), l1_reg=False, silent=True)
    assert compute_shap_values(booster, rows, baseline, output="raw").values == pytest.approx(judge, abs=1e-5)


def test_xgboosts_own_contributions_are_those_of_a_model_that_adds_up():
    booster, rows, baseline = train("gbtree", max_depth=1, rounds=20), table(30, 1), table(40, 2)
    terms, base = (booster.predict(xgboost.DMatrix(part), pred_contribs=True)[:, :-1] for part in (rows, baseline))
    found = compute_shap_values(booster, rows, baseline, output="raw").values
    assert found == pytest.approx(terms - base.mean(axis=0), abs=1e-5)  # of stumps, each feature's term depends on that feature alone


@pytest.mark.parametrize("kind", ["gbtree", "dart", "forest"])
def test_the_best_round_of_an_early_stopped_model_is_predicted_and_explained(kind):
    booster, rows, baseline = train(kind, rounds=12), table(2, 7), table(5, 8)
    booster.set_attr(best_iteration="2")
    found = compute_shap_values(booster, rows, baseline, output="raw")
    cut = booster[:3]
    assert found.values == pytest.approx(brute_force(cut, rows, baseline, margin=True)[0], abs=1e-5)
    assert predict_probabilities(booster, rows) == pytest.approx(cut.predict(xgboost.DMatrix(rows)))


@pytest.mark.parametrize("base_score", [{}, {"base_score": 0.2}])
def test_a_model_without_trees_is_explained_by_its_expected_value_alone(base_score):
    booster = train(rounds=0, **base_score)
    found = compute_shap_values(booster, table(4, 1), table(3, 2))
    assert not found.values.any()
    assert found.predictions == pytest.approx(found.expected)
    assert not found.check.problem


@pytest.mark.parametrize("seed", range(8))
def test_rewritten_trees_predict_the_same_for_every_value(seed):
    random = np.random.default_rng(seed)
    kind = ["categorical, one against the rest", "categorical, sets", "categorical dart", "dart of forests"][seed % 4]
    booster = train(kind, seed=seed, max_depth=5)
    usual, strange = table(300, seed), pd.DataFrame(random.normal(0, 9, (300, 4)), columns=NAMES)
    matrix = xgboost.DMatrix(pd.concat([usual, strange.mask(random.random(strange.shape) < 0.2)]).to_numpy(np.float32), feature_names=NAMES)
    plain = rewrite_as_plain_trees(booster)
    assert plain.predict(matrix, output_margin=True) == pytest.approx(booster.predict(matrix, output_margin=True), abs=1e-5)
    assert xgboost_model.describe_booster(plain) == xgboost_model.BoosterKind("gbtree", 1, 1, ())


def test_categories_that_would_become_too_many_splits_are_refused_by_name(monkeypatch):
    monkeypatch.setattr("core.analysis.explanations.plain_trees.MAX_NODES", 50)
    with pytest.raises(
        ExplanationError, match=r"this model .gbtree with categorical splits by kind, region. can't be explained: .* smaller max_depth"
    ):
        compute_shap_values(train("categorical, sets"), table(2, 1), table(2, 2))


# what is wrong is refused ---------------------------------------------------------------------------


def test_values_that_miss_the_prediction_are_refused_with_kind_row_and_size(monkeypatch):
    def explain(booster, rows, background, max_seconds):
        values, expected = right(booster, rows, background, max_seconds)
        values[3, 1] += 6.5
        return values, expected

    right = margin_shap.explain_margin
    monkeypatch.setattr("core.analysis.explanations.shap_values.explain_margin", explain)
    with pytest.raises(
        ExplanationError, match=r"this model .dart. is wrong .* in row 3 .* miss the model's prediction by 6\.5; allowed is 0\.000"
    ):
        compute_shap_values(train("dart"), table(6, 1), table(2, 2), output="raw")


def test_a_linear_model_that_diverged_is_refused_since_single_precision_loses_its_terms():
    booster = train("gblinear", updater="coord_descent", base_score=0.02, eta=0.5)
    rows, baseline = table(3, 7), table(2, 8)
    assert np.abs(booster.predict(xgboost.DMatrix(rows), output_margin=True)).min() > 1e12
    with pytest.raises(ExplanationError, match=r"this model .gblinear. is wrong"):
        compute_shap_values(booster, rows, baseline, output="raw")


def test_an_expected_value_beside_the_baselines_mean_is_a_problem_and_so_is_a_value_that_is_no_number():
    values = np.array([[0.25, 0.0], [0.0, 0.5]])
    assert not check_explanation(values, 0.25, [0.5, 0.75], [0.2, 0.3]).problem
    assert "mean prediction of the baseline rows by 0.05" in check_explanation(values, 0.25, [0.5, 0.75], [0.2, 0.2]).problem
    assert "in row 1" in check_explanation(np.array([[0.25], [np.nan]]), 0.25, [0.5, 0.75]).problem
    assert check_explanation(np.zeros((0, 2)), 0.25, []).problem == ""


def test_a_baseline_that_takes_longer_than_the_job_may_is_refused_with_the_estimate_and_what_fits(monkeypatch):
    with pytest.raises(
        ExplanationError, match=r"9,000 rows against 30,000 baseline rows would take about 5\.2 hours, .* at most 5,769 baseline"
    ):
        require_time(18_720, 3600, 9000, 30_000)
    require_time(3599, 3600, 9000, 30_000)
    monkeypatch.setattr(margin_shap, "estimate_seconds", lambda *_: None)
    monkeypatch.setattr(margin_shap, "PAIRS_WITHOUT_PILOT", 0)
    monkeypatch.setattr(probability_shapley, "PILOT_ROWS", 5)
    booster, rows, baseline = train(), table(50, 1), table(40, 2)
    for output in ("raw", "probability"):
        with pytest.raises(ExplanationError, match="50 rows against 40 baseline rows would take about"):
            compute_shap_values(booster, rows, baseline, output=output, max_seconds=1e-9)
        assert not compute_shap_values(booster, rows, baseline, output=output, max_seconds=600).check.problem


def test_what_shap_does_not_know_is_refused_by_the_models_kind(monkeypatch):
    def unknown(*_, **__):
        raise NotImplementedError("not yet")

    monkeypatch.setattr(shap, "TreeExplainer", unknown)
    with pytest.raises(ExplanationError, match=r"this model .gbtree. can't be explained: .*NotImplementedError: not yet"):
        compute_shap_values(train(), table(2, 1), table(2, 2), output="raw")


def test_infinite_values_are_named():
    with pytest.raises(FeatureError, match="income contains values that are infinite"):
        predict_probabilities(train(), table(3, 1).assign(income=[1.0, 1e39, 2.0]))
