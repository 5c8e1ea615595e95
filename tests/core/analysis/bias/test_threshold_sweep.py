"""A sweep of thresholds counts what the rows would have counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score, recall_score

from core.analysis.bias import decline_rates, threshold_sweep
from core.analysis.bias.bias_metrics import post_training_bias


@pytest.fixture(params=[0, 1], ids=["label 0 is favourable", "label 1 is favourable"])
def case(request):
    random = np.random.default_rng(4)
    n = 900
    facet = random.random(n) < 0.4
    label = (random.random(n) < 0.3 + 0.1 * facet).astype(int)
    scores = np.round(np.clip(0.3 * label + random.random(n) * 0.7, 0, 1), 2)  # on the grid itself: ties matter
    group = random.choice(["old", "young", "nan"], n)
    favourable = request.param
    found = threshold_sweep.sweep_thresholds(facet, label == favourable, scores, group, favourable=favourable, names=("old", "young"))
    return facet, label, scores, group, favourable, found


def test_accuracy_precision_and_recall_are_scikit_learns_at_every_threshold(case):
    _, label, scores, _, favourable, sweep = case
    found = threshold_sweep.performance_metrics(sweep.count_tables(), favourable)
    for place in range(5, 99, 13):
        predicted = (scores > sweep.thresholds[place]).astype(int)
        expected = {
            "accuracy": accuracy_score(label, predicted),
            "balanced accuracy": balanced_accuracy_score(label, predicted),
            "precision": precision_score(label, predicted),
            "recall": recall_score(label, predicted),
            "f1": f1_score(label, predicted),
        }
        assert {name: float(values[place]) for name, values in found.items()} == pytest.approx(expected)


def test_bias_is_the_metrics_own_at_every_threshold(case):
    facet, label, scores, group, favourable, sweep = case
    found = threshold_sweep.bias_metrics(sweep.count_tables())
    known = np.where(group == "nan", None, group)
    for place in range(5, 99, 13):
        predicted = (scores > sweep.thresholds[place]).astype(int)
        expected = post_training_bias(facet, label == favourable, predicted == favourable, known, None)
        assert {name: float(values[place]) for name, values in found.items()} == pytest.approx(
            {name: metric.value for name, metric in expected.items() if name != "FT"}
        )


def test_people_turned_away_are_counted_on_both_sides(case):
    facet, label, scores, _, favourable, sweep = case
    place = sweep.nearest_index(0.42)
    assert sweep.thresholds[place] == 0.42
    away = (scores > 0.42).astype(int) != favourable
    found = decline_rates.decline_rates(sweep.count_tables()[place])
    for side, at in ((found.facet, facet), (found.rest, ~facet)):
        assert (side.rows, side.declined) == (at.sum(), (away & at).sum())
        assert side.wrongly_declined == (away & at & (label == favourable)).sum()
        assert side.favourable_rows == (at & (label == favourable)).sum()
        error = 1.96 * np.sqrt(side.share * (1 - side.share) / side.rows)
        assert (side.low, side.high) == pytest.approx((side.share - error, side.share + error), abs=0.25 * error)
    assert found.difference == pytest.approx(away[facet].mean() - away[~facet].mean())
    assert found.low < found.difference < found.high


def test_a_sweep_survives_json(case):
    *_, sweep = case
    again = threshold_sweep.ThresholdSweep.from_json(json.loads(json.dumps(sweep.to_json())))
    assert (again.count_tables() == sweep.count_tables()).all()
    assert again.groups == ("old", "young")


def test_every_figure_of_one_threshold_lies_in_its_interval(case):
    *_, favourable, sweep = case
    found = threshold_sweep.metrics_with_intervals(sweep.count_tables()[40], favourable)
    assert set(found) == {*threshold_sweep.SWEPT_PERFORMANCE, *threshold_sweep.bias_metrics(sweep.count_tables())}
    for name, (value, interval) in found.items():
        assert interval.low <= value <= interval.high, name


def test_a_facet_without_rows_has_no_share_and_no_interval():
    facet = np.zeros(50, dtype=bool)
    sweep = threshold_sweep.sweep_thresholds(facet, np.arange(50) % 2 == 0, np.linspace(0, 1, 50), None, favourable=0)
    found = decline_rates.decline_rates(sweep.count_tables()[10])
    assert (found.facet.rows, found.facet.share, found.difference, found.low) == (0, None, None, None)
    value, interval = threshold_sweep.metrics_with_intervals(sweep.count_tables()[10], 0)["DPPL"]
    assert value is None
    assert interval.low is None
