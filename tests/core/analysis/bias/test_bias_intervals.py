"""Intervals and paired differences of bias metrics: by counts, and equal to the metrics' own definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from core.analysis.bias import bias_count_tables, bias_difference, bias_metrics, metric_registry, threshold_sweep
from core.analysis.bias.bias_intervals import table_intervals
from core.analysis.bias.bias_metrics import (
    POST_TRAINING,
    PRE_TRAINING,
    metric_intervals,
    post_training_bias,
    pre_training_bias,
    with_intervals,
)
from core.analysis.bias.flip_test import flip_outcomes
from core.analysis.bias.outcome_counts import BOTH_SIDES, divide
from core.views.shared import metric_glossary


def rows(seed: int, n: int = 400, *, groups: int = 3, facet: float = 0.4, label: float = 0.7, prediction: float = 0.8):
    random = np.random.default_rng(seed)
    d = random.random(n) < facet
    return {
        "facet": d,
        "label": random.random(n) < label - 0.1 * d,
        "prediction": random.random(n) < prediction - 0.15 * d,
        "group": random.integers(0, groups, n),
        "features": pd.DataFrame(random.integers(0, 9, (n, 3)), columns=list("xyz")),
    }


SHAPES = [{}, {"n": 6}, {"facet": 1.1}, {"facet": -1}, {"label": 2}, {"label": -1}, {"prediction": 2}, {"prediction": -1}, {"n": 1}]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(6))
def test_a_table_gives_the_same_metrics_as_the_rows_undefined_ones_too(shape, seed):
    r = rows(seed, **shape)
    both = r["facet"].any() and not r["facet"].all()
    flipped = flip_outcomes(r["facet"], r["prediction"], r["features"]) if both else None
    codes, groups = bias_count_tables.group_codes(r["group"], len(r["facet"]))
    table = bias_count_tables.count_table(bias_count_tables.cell_numbers(r["facet"], r["label"], r["prediction"], codes, flipped), groups)
    expected = pre_training_bias(r["facet"], r["label"], r["group"])
    expected |= post_training_bias(r["facet"], r["label"], r["prediction"], r["group"], r["features"])
    found = bias_count_tables.pre_training_metrics(table) | bias_count_tables.post_training_metrics(table)
    assert set(found) == set(PRE_TRAINING) | set(POST_TRAINING)
    for name, metric in expected.items():
        value = float(found[name])
        assert (metric.value is None) == np.isnan(value), name
        if metric.value is not None:
            assert value == pytest.approx(metric.value, abs=1e-12), name


def test_a_metric_that_is_registered_once_is_known_everywhere(monkeypatch):
    """Values, intervals, paired differences, sweeps over thresholds and the glossary all read the registry."""
    everywhere = dict(POST_TRAINING)
    for module in (metric_registry, bias_metrics, bias_count_tables, bias_difference):
        monkeypatch.setattr(module, "POST_TRAINING", everywhere)

    @metric_registry.register_metric(
        everywhere,
        requires=BOTH_SIDES,
        low=-1,
        high=1,
        above="above",
        equal="equal",
        title="Difference in errors",
        question="Is the model wrong more often for the facet?",
        formula="error of the facet − error of the rest",
        interpretation="0: equally often.",
        headline=True,
    )
    def ER(counts):
        """Difference in Errors (ER)"""
        return divide(counts.d.fp + counts.d.fn, counts.d.n) - divide(counts.a.fp + counts.a.fn, counts.a.n)

    r = rows(4)
    values = post_training_bias(r["facet"], r["label"], r["prediction"], r["group"], r["features"])
    assert values["ER"].value == pytest.approx(values["AD"].value)
    spread = metric_intervals("post", r["facet"], r["label"], r["prediction"], r["group"])
    assert (spread["ER"].low, spread["ER"].high) == pytest.approx((spread["AD"].low, spread["AD"].high), abs=0.02)
    assert "ER" in bias_difference.compare_bias(r["facet"], r["label"], r["prediction"], r["label"], r["group"])
    sweep = threshold_sweep.sweep_thresholds(r["facet"], r["label"], r["label"] * 0.5, None, favourable=1)
    assert "ER" in threshold_sweep.bias_metrics(sweep.count_tables())
    assert {"ER"} < {*metric_registry.counted_metrics()} & {*metric_registry.headline_metrics()}
    assert metric_glossary.find_entry("ER").title == "Difference in errors"


def test_rows_without_a_group_count_in_every_metric_but_the_conditional_one():
    r = rows(3)
    group = np.where(r["group"] == 0, None, r["group"])
    codes, groups = bias_count_tables.group_codes(group, len(group))
    assert groups == 2
    table = bias_count_tables.count_table(bias_count_tables.cell_numbers(r["facet"], r["label"], r["prediction"], codes), groups)
    expected = post_training_bias(r["facet"], r["label"], r["prediction"], group, None, metrics=["CDDPL", "DPPL"])
    found = bias_count_tables.post_training_metrics(table)
    assert {name: float(found[name]) for name in expected} == pytest.approx({name: m.value for name, m in expected.items()})


def test_the_interval_of_a_difference_of_shares_is_that_of_its_standard_error():
    r = rows(1, 5000)
    found = metric_intervals("post", r["facet"], r["label"], r["prediction"], r["group"])["DPPL"]
    shares = [r["prediction"][r["facet"] == side] for side in (False, True)]
    error = np.sqrt(sum(s.mean() * (1 - s.mean()) / len(s) for s in shares))
    value = shares[0].mean() - shares[1].mean()
    assert found.n == 5000
    assert (found.low, found.high) == pytest.approx((value - 1.96 * error, value + 1.96 * error), abs=0.15 * error)


def test_nineteen_in_twenty_intervals_hold_the_true_value():
    true, held = 0.15, 0
    for seed in range(200):
        r = rows(seed + 1000, 600)
        found = metric_intervals("post", r["facet"], r["label"], r["prediction"], None, seed=seed, resamples=300)["DPPL"]
        held += found.low <= true <= found.high
    assert stats.binomtest(held, 200, 0.95).pvalue > 0.001


def test_a_distance_is_in_its_interval_as_often_as_it_says_in_the_samples_that_have_one():
    """All samples enumerated. Where one side has all of one label and the other all of the other, the distances have no value."""
    rows, found = 10, {}
    for one, other in np.ndindex(rows + 1, rows + 1):
        table = np.zeros((1, *bias_count_tables.CELL_SHAPE))
        table[0, 1, :, 0, 1], table[0, 0, :, 0, 1] = (rows - one, one), (rows - other, other)
        found[one, other] = table_intervals("pre", table)
    true = {"KS": lambda p, q: abs(p - q), "JS": lambda p, q: distance.jensenshannon([p, 1 - p], [q, 1 - q]) ** 2}
    assert found[rows, 0]["KS"].low is None
    for name, of_shares in true.items():
        covered = []
        for p, q in itertools.product((0.01, 0.05, 0.3, 0.5, 0.9, 0.95, 0.99), repeat=2):
            chances = {key: stats.binom.pmf(key[0], rows, p) * stats.binom.pmf(key[1], rows, q) for key in found}
            ends = {key: (one[name].low, one[name].high) for key, one in found.items() if one[name].low is not None}
            hits = sum(chances[key] for key, (low, high) in ends.items() if low - 1e-9 <= of_shares(p, q) <= high + 1e-9)
            if (defined := sum(chances[key] for key in ends)) > 0.05:
                covered.append(hits / defined)
        assert min(covered) >= 0.9, name
        assert np.mean(covered) <= 0.99, name


def test_five_rows_of_a_facet_say_little():
    """The case of the issue: Newcombe's interval of 5 of 5 against 400 of 500."""
    facet, label = np.arange(505) < 5, np.arange(505) % 5 != 0
    label[:5] = True
    found = metric_intervals("pre", facet, label, None, None)["DPL"]
    assert (found.low, found.high) == pytest.approx((-0.2373, 0.2357), abs=1e-4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.integers(0, 1)] * 4, st.integers(0, 2)), min_size=1, max_size=40))
def test_an_estimate_lies_inside_its_interval_and_one_without_an_interval_says_why(rows):
    facet, label, a, b, group = (np.array(part) for part in zip(*rows, strict=True))
    flips = np.where(facet == 1, a.astype(float) - b, 0.0)
    metrics = pre_training_bias(facet, label, group)
    metrics |= post_training_bias(facet, label, a, group, None, flips=flips if facet.any() and not facet.all() else None)
    spread = metric_intervals("pre", facet, label, None, group, resamples=50)
    spread |= metric_intervals("post", facet, label, a, group, flips, resamples=50)
    for name, one in with_intervals(metrics, spread).items():
        if one.value is not None and one.interval.low is not None:
            assert one.interval.low <= one.value <= one.interval.high, name
        else:
            assert one.value is None or one.interval.why, name
    for name, one in bias_difference.compare_bias(facet, label, a, b, group, flips, -flips, resamples=50).items():
        if one.low is not None:
            assert one.low <= one.value <= one.high, name
            assert one.beyond_noise <= (not one.low <= 0 <= one.high), name
            assert one.p_value >= min(1, 2.0 ** (1 - len(rows))), name
        else:
            assert one.value is None or one.why, name


def test_with_too_few_rows_there_is_no_interval_and_it_says_why():
    r = rows(0, 60)
    r["facet"] = np.arange(60) == 0
    metrics = pre_training_bias(r["facet"], r["label"], r["group"])
    found = with_intervals(metrics, metric_intervals("pre", r["facet"], r["label"], None, r["group"]))["DPL"]
    assert found.value is not None
    assert found.interval.low is None
    assert found.interval.why == "too few rows: 1 of the facet, and an interval takes at least 5"


def test_an_undefined_metric_has_no_interval():
    r = rows(0)
    metrics = post_training_bias(r["facet"], r["label"], r["prediction"], None, None)
    found = with_intervals(metrics, metric_intervals("post", r["facet"], r["label"], r["prediction"], None))
    assert found["CDDPL"].value is None
    assert found["CDDPL"].interval is None


def test_two_models_with_the_same_predictions_do_not_differ_and_may_yet_on_other_rows():
    r = rows(2)
    flipped = flip_outcomes(r["facet"], r["prediction"], r["features"])
    found = bias_difference.compare_bias(r["facet"], r["label"], r["prediction"], r["prediction"], r["group"], flipped, flipped)
    assert len(found) == 13
    for one in found.values():
        assert one.value == 0
        assert -0.3 < one.low < 0 < one.high < 0.3
        assert one.p_value == 1
        assert not one.beyond_noise
        assert one.fairer is None


def test_paired_intervals_are_narrower_than_those_of_two_samples():
    r = rows(5, 3000)
    other = r["prediction"] ^ (np.random.default_rng(0).random(3000) < 0.05)
    paired = bias_difference.compare_bias(r["facet"], r["label"], r["prediction"], other, r["group"])["DPPL"]
    alone = [metric_intervals("post", r["facet"], r["label"], p, r["group"])["DPPL"] for p in (r["prediction"], other)]
    assert paired.value == pytest.approx(paired.b - paired.a)
    assert paired.high - paired.low < 0.6 * np.hypot(*(one.high - one.low for one in alone))


def test_the_model_that_treats_both_alike_is_called_fairer_whichever_side_it_stands_on():
    r = rows(7, 4000, prediction=0.9)
    alike = np.random.default_rng(1).random(4000) < 0.8
    for first, second, fairer in ((r["prediction"], alike, "b"), (alike, r["prediction"], "a")):
        found = bias_difference.compare_bias(r["facet"], r["label"], first, second, r["group"])
        assert found["DPPL"].fairer == found["DI"].fairer == fairer
        assert found["DPPL"].beyond_noise
    assert "FT" not in found


def test_a_metric_that_one_model_does_not_have_has_no_difference():
    r = rows(8)
    everybody = np.ones(400, dtype=bool)
    found = bias_difference.compare_bias(r["facet"], r["label"], r["prediction"], everybody, r["group"])["CDDPL"]
    assert (found.b, found.value, found.beyond_noise) == (None, None, False)
