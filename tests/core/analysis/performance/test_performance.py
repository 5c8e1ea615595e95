"""Performance metrics against scikit-learn, and their intervals and differences."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.analysis.performance.calibration_error import calibration_error_ends
from core.analysis.performance.confusion_intervals import confusion_estimates
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.performance_difference import compare_performance
from core.analysis.performance.performance_estimates import delong
from core.analysis.performance.score_draws import draw_score_metrics


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


@pytest.mark.slow
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


def test_draws_are_scikit_learns_figures_of_the_weighted_rows(monkeypatch):
    """The weights are drawn as numpy draws them; a part of a row of each label is added, with the score of some row."""
    labels, scores = sample(60, 3, decimals=1)
    monkeypatch.setattr("core.analysis.performance.score_draws.MAX_WEIGHTS_IN_MEMORY", 60 * 20)
    order = np.argsort(-scores, kind="stable")
    y, s = labels[order], scores[order]
    (draws,) = draw_score_metrics(labels.astype(float), [scores], 7, 20)
    random = np.random.default_rng(7)
    weights, added, rows = random.standard_exponential((20, 60)), random.standard_gamma(0.5, (2, 20)), random.integers(0, 60, (2, 20))
    for i in range(20):
        all_y, all_s, w = np.r_[y, 0, 1], np.r_[s, s[rows[:, i]]], np.r_[weights[i], added[:, i]]
        assert draws["auc"][i] == pytest.approx(sk.roc_auc_score(all_y, all_s, sample_weight=w), abs=1e-9)
        assert draws["average_precision"][i] == pytest.approx(sk.average_precision_score(all_y, all_s, sample_weight=w), abs=1e-9)
        assert draws["average_precision_low"][i] == pytest.approx(by_the_others(all_y, all_s, w, labels, scores), abs=1e-9)
        assert draws["log_loss"][i] == pytest.approx(sk.log_loss(all_y, all_s, sample_weight=w), abs=1e-9)
        assert draws["brier_low"][i] == pytest.approx(sk.brier_score_loss(y, s, sample_weight=weights[i]), abs=1e-9)
        assert draws["log_loss_low"][i] == pytest.approx(sk.log_loss(y, s, sample_weight=weights[i]), abs=1e-9)
        assert draws["brier"][i] == pytest.approx(sk.brier_score_loss(all_y, all_s, sample_weight=w), abs=1e-9)


def by_the_others(y, s, weight, labels, scores):
    """Average precision where each row of label 1 counts the others only; several with one score have their mean weight."""
    found = total = 0.0
    for score in np.unique(s[y == 1]):
        here, above = weight[(y == 1) & (s == score)].sum(), s >= score
        itself = here / max(1, ((labels == 1) & (scores == score)).sum())
        ones, rows = weight[above & (y == 1)].sum() - itself, weight[above].sum() - itself
        found += here * (ones / rows if rows > 1e-9 * itself else 1.0)
        total += here
    return found / total


@pytest.mark.parametrize(("share", "noise", "rows"), [(0.6, 0.8, 20), (0.1, 0.2, 60), (0.5, 0.1, 20)])
def test_average_precision_of_few_rows_is_in_its_interval_as_often_as_it_says(share, noise, rows):
    def draw(random, n):
        labels = (random.random(n) < share).astype(int)
        return labels, 1 / (1 + np.exp(-(labels - 0.5 + 2 * noise * random.normal(size=n))))

    true = sk.average_precision_score(*draw(np.random.default_rng(0), 200_000))
    random = np.random.default_rng(1)
    found = [evaluate_performance(*draw(random, rows), resamples=80).average_precision for _ in range(300)]
    assert np.mean([one.low <= true <= one.high for one in found if one.low is not None]) >= 0.91


@pytest.mark.parametrize("rows", [10, 20, 100])
def test_losses_that_one_row_in_a_hundred_decides_are_in_their_intervals(rows):
    """Label 1 is rare, and all scores are 0.01: a row of label 1 has a loss of 4.6, the others one of 0.01."""
    random, scores = np.random.default_rng(0), np.full(rows, 0.01)
    found = [evaluate_performance((random.random(rows) < 0.01).astype(int), scores, resamples=80) for _ in range(300)]
    for name, true in (("log_loss", -0.01 * np.log(0.01) - 0.99 * np.log(0.99)), ("brier", 0.01 * 0.99)):
        assert np.mean([(one := run.estimates()[name]).low <= true <= one.high for run in found]) >= 0.91, name


def test_draws_in_chunks_are_as_many_as_asked_for(monkeypatch):
    labels, scores = sample(50)
    monkeypatch.setattr("core.analysis.performance.score_draws.MAX_WEIGHTS_IN_MEMORY", 50 * 7)
    (draws,) = draw_score_metrics(labels.astype(float), [scores], 0, 23)
    assert {len(values) for values in draws.values()} == {23}


def test_the_same_seed_gives_the_same_intervals():
    labels, scores = sample()
    assert evaluate_performance(labels, scores, seed=4, resamples=50) == evaluate_performance(labels, scores, seed=4, resamples=50)
    assert evaluate_performance(labels, scores, seed=4, resamples=50).auc != evaluate_performance(labels, scores, seed=5, resamples=50).auc


@pytest.mark.slow
def test_intervals_cover_the_true_value_as_often_as_they_say():
    truth = evaluate_performance(*sample(200_000, 99, decimals=8), resamples=2).estimates()
    runs = [evaluate_performance(*sample(200, seed, decimals=8), resamples=200).estimates() for seed in range(100)]
    for name in ("auc", "accuracy", "brier", "recall", "average_precision", "macro_f1"):
        covered = np.mean([run[name].low <= truth[name].value <= run[name].high for run in runs])
        assert 0.88 <= covered <= 0.995, (name, covered)


@pytest.mark.parametrize(("shares", "rows"), [((0.35, 0.15, 0.15, 0.35), 12), ((0.6, 0.1, 0.1, 0.2), 20), ((0.05, 0.05, 0.1, 0.8), 100)])
def test_macro_f1_of_few_rows_is_in_its_interval_as_often_as_it_says(shares, rows):
    """``shares`` of the population by label and prediction: 0 and 0, 0 and 1, 1 and 0, 1 and 1."""
    tn, fp, fn, tp = shares
    true = tp / (2 * tp + fp + fn) + tn / (2 * tn + fp + fn)
    matrices = np.random.default_rng(0).multinomial(rows, shares, size=1500).reshape(-1, 2, 2).astype(float)
    found = [one for matrix in matrices if (one := confusion_estimates(matrix)["macro_f1"]).low is not None]
    assert 0.93 <= np.mean([one.low <= true <= one.high for one in found]) <= 0.99


@pytest.mark.slow
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


@pytest.mark.parametrize("rows", [10, 30, 100, 1000])
def test_scores_that_no_row_has_may_be_wrong(rows):
    """Of the population 3 % have a score of 0.95 and never label 1; the others' score of 0.05 is right. Most samples of 10 have none."""
    random = np.random.default_rng(0)
    true, found = 0.03 * 0.95, []
    for _ in range(400):
        rare = random.random(rows) < 0.03
        labels = np.where(rare, 0.0, random.random(rows) < 0.05)
        found.append(calibration_error_ends(labels, np.where(rare, 0.95, 0.05)))
    assert np.mean([low <= true <= high for low, high in found]) >= 0.92
    assert np.mean([high - low for low, high in found]) < 1.5 / np.sqrt(rows)


@pytest.mark.parametrize(("rows", "off"), [(200, 0.2), (10_000, 0.02), (10_000, 0.2)])
def test_models_that_err_to_opposite_sides_may_differ_by_twice_the_noise(rows, off):
    """One says too much, the other as much too little: what a label adds to one error it takes from the other. Both are equally wrong."""
    random, inside = np.random.default_rng(0), []
    for _ in range(100):
        share = random.uniform(0.25, 0.75, rows)
        labels = (random.random(rows) < share).astype(float)
        found = compare_performance(labels, share + off, share - off, resamples=2)["ece"]
        inside.append(found.low <= 0 <= found.high)
    assert np.mean(inside) >= 0.9


def test_a_calibrated_model_beside_a_noisy_one_on_many_rows():
    """Of the calibrated model's error all is noise, which must not be taken for a difference that isn't there."""
    random = np.random.default_rng(0)

    def draw(rows):
        labels = (random.random(rows) < 0.5).astype(float)
        seen = labels - 0.5 + random.normal(size=rows)
        return labels, *(1 / (1 + np.exp(-x)) for x in (seen, seen + 0.5 * random.normal(size=rows)))

    labels, _, noisy = draw(500_000)
    true, inside = evaluate_performance(labels, noisy, resamples=1).ece.value, []
    for _ in range(80):
        found = compare_performance(*draw(10_000), resamples=2)["ece"]
        inside.append(found.low <= true <= found.high)
    assert np.mean(inside) >= 0.87


def test_the_calibration_error_is_0_to_1_at_most_where_one_row_is_all_there_is():
    low, high = calibration_error_ends(np.array([1.0]), np.array([0.3]))
    assert 0 <= low <= 0.7 <= high <= 1


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
    assert differences["auc"].method == "paired Bayesian bootstrap"
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


def test_eighty_of_eighty_right_is_no_proof_of_a_perfect_model():
    """The case of the issue; Wilson's interval of 80 of 80 is 0.954 to 1."""
    labels = np.arange(80) % 2
    found = evaluate_performance(labels, np.where(labels == 1, 0.9, 0.1)).estimates()
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((0.9542, 1), abs=1e-4)
    for name, one in found.items():
        assert one.low < one.high, name
    assert found["auc"].low < 0.99


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.51, 0.97, 1.0])), min_size=1, max_size=30))
def test_an_estimate_lies_inside_its_interval_and_one_without_an_interval_says_why(rows):
    labels, scores = map(np.array, zip(*rows, strict=True))
    for name, one in evaluate_performance(labels, scores, resamples=50).estimates().items():
        if one.low is not None:
            assert one.low <= one.value <= one.high, name
        else:
            assert one.value is None or "too few rows" in one.why, name
    for name, one in compare_performance(labels, scores, scores[::-1], resamples=50).items():
        if one.low is not None:
            assert one.low <= one.value <= one.high, name
            assert (one.p_value < 0.05) <= (not one.low <= 0 <= one.high), name
            assert one.p_value >= min(1, 2.0 ** (1 - len(labels))), name
        else:
            assert one.value is None or "too few rows" in one.why, name


def test_five_rows_cannot_tell_two_models_apart():
    """If neither were better, all five rows favour the same model in 1 case of 16."""
    found = compare_performance([1] * 5 + [0] * 5, [0.4] * 5 + [0.1] * 5, [0.9] * 5 + [0.1] * 5)
    for name in ("accuracy", "recall", "auc", "brier"):
        assert found[name].p_value >= 0.0625, name
        assert found[name].better is None, name


@pytest.mark.slow
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
