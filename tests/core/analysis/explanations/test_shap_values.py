"""Exact SHAP values: additivity, and what Kernel SHAP converges to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from paths import ROOT

from core.analysis.explanations.shap_values import compute_shap_values, predict_probabilities
from core.analysis.tables.feature_names import FeatureError
from tools import judges

DATA = ROOT / "core/data/uci_credit_default.csv.gz"


@pytest.fixture(scope="module")
def credit():
    """A booster as the built-in container trains it (no feature names), the features, and their label."""
    frame = pd.read_csv(DATA).drop(columns="ID").head(6000)
    features, label = frame.drop(columns="LABEL"), frame["LABEL"]
    settings = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.2, "seed": 0}
    return xgboost.train(settings, xgboost.DMatrix(features.to_numpy(), label), 50), features, label


@pytest.mark.slow
def test_values_add_up_to_the_prediction_on_every_row(credit):
    booster, features, _ = credit
    explanation = compute_shap_values(booster, features, features.sample(5, random_state=0))
    sums = explanation.values.sum(axis=1) + explanation.expected
    assert np.abs(sums - booster.predict(xgboost.DMatrix(features.to_numpy()))).max() <= 1e-5
    assert explanation.additivity_error <= 1e-5
    assert explanation.values.shape == features.shape


def test_log_odds_add_up_too(credit):
    booster, features, _ = credit
    explanation = compute_shap_values(booster, features.head(500), features.head(3), output="raw")
    margin = booster.predict(xgboost.DMatrix(features.head(500).to_numpy()), output_margin=True)
    assert explanation.predictions == pytest.approx(margin)
    assert explanation.additivity_error <= 1e-5


def test_the_expected_value_is_the_mean_prediction_of_the_baseline(credit):
    booster, features, _ = credit
    baseline = features.sample(7, random_state=1)
    assert compute_shap_values(booster, features.head(2), baseline).expected == pytest.approx(
        predict_probabilities(booster, baseline).mean(), abs=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize(("output", "last"), [("raw", 0.02), ("probability", 0.03)])
def test_kernel_shap_converges_to_it_as_its_samples_grow(credit, output, last):
    booster, features, _ = credit
    rows, baseline = features.head(6), features.median().to_frame().T
    ours = compute_shap_values(booster, rows, baseline, output=output, walks=500).values

    def model(data):
        return booster.predict(xgboost.DMatrix(data), output_margin=output == "raw")

    kernel = shap.KernelExplainer(model, baseline.to_numpy())
    np.random.seed(0)
    errors = [
        np.abs(kernel.shap_values(rows.to_numpy(), nsamples=n, l1_reg=False, silent=True) - ours).mean() / np.abs(ours).mean()
        for n in (100, 1000, 10_000)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < last


@pytest.mark.slow
def test_brute_force_shapley_values_are_the_same():
    random = np.random.default_rng(0)
    data = pd.DataFrame(random.integers(0, 5, (300, 3)), columns=["a", "b", "c"])
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(data, (data["a"] * data["b"] > data["c"]).astype(int)), 10
    )
    row, baseline = data.iloc[[4]], data.head(20)

    def worth(known):
        mixed = baseline.copy()
        for name in known:
            mixed[name] = row[name].item()
        return predict_probabilities(booster, mixed).mean()

    orders = [("a", "b", "c"), ("a", "c", "b"), ("b", "a", "c"), ("b", "c", "a"), ("c", "a", "b"), ("c", "b", "a")]
    expected = {name: np.mean([worth(o[: o.index(name) + 1]) - worth(o[: o.index(name)]) for o in orders]) for name in "abc"}
    explanation = compute_shap_values(booster, row, baseline, walks=6000)
    assert dict(zip(explanation.features, explanation.values[0], strict=True)) == pytest.approx(expected, abs=2e-3)


def test_few_rows_of_a_dozen_features_are_explained_by_the_definition():
    random = np.random.default_rng(1)
    data = pd.DataFrame(random.normal(size=(60, 10)), columns=list("abcdefghij")).round(1)
    label = (data["a"] * data["b"] + data["c"] > 0).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "base_score": 0.5}, xgboost.DMatrix(data, label), 20)
    explanation = compute_shap_values(booster, data, data.head(1))
    rows = data.to_numpy(dtype=np.float32)
    expected = [
        judges.shapley_values(lambda table: booster.predict(xgboost.DMatrix(table, feature_names=list(data))), rows[row], rows[0])
        for row in (7, 30)
    ]
    assert explanation.standard_error == 0
    assert explanation.values[[7, 30]] == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.slow
def test_the_best_round_of_an_early_stopped_training_is_explained(credit):
    _, features, label = credit
    train, valid = (xgboost.DMatrix(features[i::2].to_numpy(), label[i::2]) for i in (0, 1))
    booster = xgboost.train(
        {"objective": "binary:logistic", "eta": 1.0}, train, 60, [(valid, "v")], early_stopping_rounds=5, verbose_eval=False
    )
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    best = booster.predict(xgboost.DMatrix(features.to_numpy()), iteration_range=(0, booster.best_iteration + 1))
    assert predict_probabilities(booster, features) == pytest.approx(best)
    assert compute_shap_values(booster, features.head(50), features.head(1)).predictions == pytest.approx(best[:50])


def test_named_features_are_taken_by_name_in_any_order(credit):
    _, features, label = credit
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(features, label), 5)
    shuffled = features[features.columns[::-1]].head(100)
    assert predict_probabilities(booster, shuffled) == pytest.approx(predict_probabilities(booster, features.head(100)))
    assert compute_shap_values(booster, shuffled, features.head(1)).features == tuple(features.columns)


def test_global_values_are_aggregated_as_clarify_does(credit):
    booster, features, _ = credit
    explanation = compute_shap_values(booster, features.head(200), features.head(1))
    column = explanation.values[:, features.columns.get_loc("PAY_0")]
    assert explanation.global_importance()["PAY_0"] == pytest.approx(np.abs(column).mean())
    assert explanation.global_importance("median")["PAY_0"] == pytest.approx(np.median(column))
    assert explanation.global_importance("mean_sq")["PAY_0"] == pytest.approx((column**2).mean())
    with pytest.raises(ValueError, match="agg_method"):
        explanation.global_importance("mode")


def test_columns_that_do_not_fit_the_model_are_named(credit):
    booster, features, _ = credit
    with pytest.raises(FeatureError, match="trained on 23 features, and the data has 22"):
        predict_probabilities(booster, features.drop(columns="SEX"))
    with pytest.raises(FeatureError, match="SEX contains text"):
        predict_probabilities(booster, features.assign(SEX="male"))


@pytest.mark.parametrize("output", ["raw", "probability"])
def test_missing_values_are_predicted_and_explained_as_xgboost_takes_them(output):
    random = np.random.default_rng(8)
    numbers = random.normal(size=(300, 4)).round(2)
    numbers[:, 1] = random.integers(0, 6, 300)
    label = np.nan_to_num(numbers[:, 0]) + numbers[:, 1] / 3 + random.normal(size=300) > 1
    numbers[random.random(numbers.shape) < 0.3] = np.nan
    data = pd.DataFrame(numbers, columns=list("abcd")).astype({"b": "Int64"})
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(numbers, label), 12)
    np.testing.assert_array_equal(predict_probabilities(booster, data), booster.predict(xgboost.DMatrix(numbers)).astype(float))

    def model(table):
        return booster.predict(xgboost.DMatrix(table), output_margin=output == "raw").astype(float)

    rows, baseline = numbers[:8], numbers[8:10]
    by_enumeration = shap.explainers.Exact(model, shap.maskers.Independent(baseline))(rows)
    ours = compute_shap_values(booster, data.head(8), data.iloc[8:10], output=output)
    np.testing.assert_allclose(ours.values, by_enumeration.values, atol=1e-5)
