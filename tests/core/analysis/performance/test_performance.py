"""Performance metrics against scikit-learn, and their intervals and differences."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.analysis.performance.bootstrap import draw_resamples
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.performance_difference import compare_performance
from core.analysis.performance.performance_estimates import delong


def sample(n=800, seed=0, noise=0.25, decimals=3):
    """Labels, and scores that know something of them."""
    random = np.random.default_rng(seed)
    labels = (random.random(n) < 0.3).astype(int)
    scores = np.clip(0.2 + 0.3 * labels + noise * random.normal(size=n), 0, 1).round(decimals)
    return labels, scores


def by_scikit_learn(labels, scores, threshold):
    predicted = scores > threshold
    return {
        "auc": sk.roc_auc_score(labels, scores),
        "average_precision": sk.average_precision_score(labels, scores),
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "precision": sk.precision_score(labels, predicted, zero_division=np.nan),
        "recall": sk.recall_score(labels, predicted),
        "f1": sk.f1_score(labels, predicted),
        "macro_f1": sk.f1_score(labels, predicted, average="macro"),
        "log_loss": sk.log_loss(labels, scores),
        "brier": sk.brier_score_loss(labels, scores),
    }


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(20, 300), st.integers(0, 10_000), st.sampled_from([0.1, 0.5, 0.8]), st.sampled_from([1, 8]))
def test_every_figure_equals_scikit_learn(n, seed, threshold, decimals):
    labels, scores = sample(n, seed, decimals=decimals)
    labels[:2] = 0, 1
    result = evaluate_performance(labels, scores, threshold=threshold, resamples=5)
    for name, value in by_scikit_learn(labels, scores, threshold).items():
        ours = result.estimates()[name].value
        assert (ours is None and np.isnan(value)) or ours == pytest.approx(value, abs=1e-9), name


def test_the_confusion_matrix_is_scikit_learns():
    labels, scores = sample()
    confusion = evaluate_performance(labels, scores, threshold=0.4, resamples=2).confusion
    matrix = sk.confusion_matrix(labels, scores > 0.4)
    assert [[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]] == matrix.tolist()


def test_a_score_at_the_threshold_is_predicted_0():
    assert evaluate_performance([0, 1], [0.5, 0.9], resamples=2).accuracy.value == 1


def test_bootstrap_draws_are_scikit_learns_figures_of_the_resampled_rows():
    labels, scores = sample(60, 3, decimals=1)
    draws, _ = draw_resamples(labels.astype(float), [scores], 0.5, seed=7, resamples=20)
    random = np.random.default_rng(7)
    for i, rows in enumerate(random.integers(0, 60, (20, 60))):
        expected = by_scikit_learn(labels[rows], scores[rows], 0.5)
        for name in ("average_precision", "f1", "macro_f1", "log_loss", "brier", "balanced_accuracy"):
            assert draws[0][name][i] == pytest.approx(expected[name], abs=1e-9), name


def test_resamples_in_chunks_are_as_many_as_asked_for(monkeypatch):
    labels, scores = sample(50)
    monkeypatch.setattr("core.analysis.performance.bootstrap.MAX_WEIGHTS_IN_MEMORY", 50 * 7)
    draws, _ = draw_resamples(labels.astype(float), [scores], 0.5, seed=0, resamples=23)
    assert {len(values) for values in draws[0].values()} == {23}


def test_the_same_seed_gives_the_same_intervals():
    labels, scores = sample()
    assert evaluate_performance(labels, scores, seed=4, resamples=50) == evaluate_performance(labels, scores, seed=4, resamples=50)
    assert evaluate_performance(labels, scores, seed=4, resamples=50).f1 != evaluate_performance(labels, scores, seed=5, resamples=50).f1


def test_intervals_cover_the_true_value_as_often_as_they_say():
    truth = evaluate_performance(*sample(200_000, 99, decimals=8), resamples=2).estimates()
    runs = [evaluate_performance(*sample(300, seed, decimals=8), resamples=300).estimates() for seed in range(200)]
    for name in ("auc", "accuracy", "brier", "recall", "average_precision", "macro_f1"):
        covered = np.mean([run[name].low <= truth[name].value <= run[name].high for run in runs])
        assert 0.88 <= covered <= 0.995, (name, covered)


def test_delong_variance_agrees_with_the_bootstrap():
    labels, scores = sample(400, 1)
    _, covariance = delong(labels.astype(float), [scores])
    random = np.random.default_rng(0)
    draws = [sk.roc_auc_score(labels[rows], scores[rows]) for rows in random.integers(0, 400, (400, 400))]
    assert np.sqrt(covariance[0, 0]) == pytest.approx(np.std(draws), rel=0.15)


def test_delong_covariance_is_that_of_its_definition():
    labels, a = sample(40, 2, decimals=1)
    _, b = sample(40, 3, decimals=1)
    positive, negative = labels == 1, labels == 0
    components = []
    for s in (a, b):
        wins = (s[positive][:, None] > s[negative]) + 0.5 * (s[positive][:, None] == s[negative])
        components.append((wins.mean(axis=1), wins.mean(axis=0)))
    expected = np.cov([v for v, _ in components]) / positive.sum() + np.cov([v for _, v in components]) / negative.sum()
    _, covariance = delong(labels.astype(float), [a, b])
    assert covariance == pytest.approx(expected, abs=1e-12)


def test_curves_are_thinned_and_keep_their_ends():
    labels, scores = sample(5000, decimals=8)
    result = evaluate_performance(labels, scores, resamples=2)
    assert len(result.roc) == len(result.pr) == 200
    assert result.roc[0][:2] == (0, 0)
    assert result.roc[-1][:2] == (1, 1)
    assert result.pr[0][:2] == (0, 1)
    assert result.pr[-1][0] == 1
    x, y, _ = np.array(result.roc).T
    assert np.trapezoid(y, x) == pytest.approx(result.auc.value, abs=0.005)


def test_points_of_the_roc_curve_are_scikit_learns():
    labels, scores = sample(100, decimals=1)
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    points = np.array(evaluate_performance(labels, scores, resamples=2).roc)[:, :2]
    assert points == pytest.approx(np.column_stack([fpr, tpr]))


def test_calibration_bins_hold_every_row_and_make_up_the_error():
    labels, scores = sample()
    result = evaluate_performance(labels, np.r_[scores[:-1], 1.0], resamples=2)
    assert sum(b.n for b in result.calibration) == 800
    assert result.ece.value == pytest.approx(sum(b.n * abs(b.observed - b.mean_score) for b in result.calibration) / 800)


def test_one_label_only_leaves_auc_undefined_and_the_rest_defined():
    result = evaluate_performance([0, 0, 0], [0.1, 0.2, 0.3], resamples=10)
    assert result.auc.value is None
    assert result.recall.value is None
    assert result.accuracy.value == 1
    assert result.roc == ()
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], [], "non-empty"),
        ([0, 1], [0.5], "equal length"),
        ([1, 2], [0.5, 0.5], "0 or 1"),
        ([0, 1], [0.5, 1.5], "from 0 to 1"),
        ([0, 1], [0.5, np.nan], "from 0"),
    ],
)
def test_unusable_input_is_refused(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        evaluate_performance(labels, scores)


def test_a_better_model_is_better_beyond_noise():
    labels, scores = sample(2000, 1)
    worse = np.clip(scores + 0.5 * np.random.default_rng(2).normal(size=2000), 0, 1)
    differences = compare_performance(labels, worse, scores, resamples=200)
    assert differences["auc"].method == "DeLong"
    assert differences["accuracy"].method == "McNemar"
    for name in ("auc", "accuracy", "average_precision", "brier", "log_loss"):
        assert differences[name].beyond_noise, name
        assert differences[name].better == "b", name
        assert not differences[name].low <= 0 <= differences[name].high, name


def test_a_model_does_not_differ_from_itself():
    labels, scores = sample()
    for name, difference in compare_performance(labels, scores, scores, resamples=50).items():
        assert difference.value == 0, name
        assert difference.p_value == 1, name
        assert difference.better is None, name


def test_noise_is_beyond_noise_in_about_one_case_of_twenty():
    alarms = {"auc": 0, "accuracy": 0, "brier": 0}
    for seed in range(200):
        random = np.random.default_rng(seed)
        labels, scores = sample(300, seed, noise=0.15, decimals=8)
        a, b = (np.clip(scores + 0.1 * random.normal(size=300), 0, 1) for _ in range(2))
        differences = compare_performance(labels, a, b, resamples=200)
        for name in alarms:
            alarms[name] += differences[name].beyond_noise
    assert all(count <= 22 for count in alarms.values()), alarms
    assert alarms["auc"] + alarms["brier"] > 0


def test_each_model_is_judged_at_its_own_threshold():
    (labels, a), (_, b) = sample(500, 1), sample(500, 1, noise=0.3)
    first, second = by_scikit_learn(labels, a, 0.5), by_scikit_learn(labels, b, 0.4)
    differences = compare_performance(labels, a, b, threshold=0.5, threshold_b=0.4, resamples=20)
    for name in ("auc", "accuracy", "precision", "recall", "brier"):
        assert (differences[name].a, differences[name].b) == pytest.approx((first[name], second[name])), name


def test_differences_are_those_of_the_two_evaluations():
    (labels, a), (_, b) = sample(500, 1), sample(500, 1, noise=0.3)
    first, second = evaluate_performance(labels, a, resamples=2).estimates(), evaluate_performance(labels, b, resamples=2).estimates()
    for name, difference in compare_performance(labels, a, b, resamples=20).items():
        assert (difference.a, difference.b) == pytest.approx((first[name].value, second[name].value)), name
        assert difference.value == pytest.approx(second[name].value - first[name].value), name
