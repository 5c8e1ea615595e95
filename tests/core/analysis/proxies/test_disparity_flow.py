"""What flows through features: sums that are the model's own predictions, intervals of scipy, shares that contain the truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import optimize, stats

from core.analysis.proxies.disparity_flow import DisparityFlow, measure_disparity_flow

NAMES = ["debt", "height", "luck"]


def samples(seed, n=400, strength=0.4):
    random = np.random.default_rng(seed)
    women = random.random(n) < 0.35
    values = random.normal(size=(n, 3)) * [0.6, 0.3, 0.2] + np.outer(women, [0.0, strength, 0.1])
    return values, women


def test_the_gaps_of_a_model_add_up_to_the_difference_of_its_mean_predictions():
    random = np.random.default_rng(1)
    women = random.random(800) < 0.4
    data = np.column_stack([random.normal(size=800), 175 - 12 * women + random.normal(0, 7, 800), random.random(800)])
    matrix = xgboost.DMatrix(data, (data[:, 0] + 0.05 * data[:, 1] > 8.5).astype(int))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, matrix, num_boost_round=20)
    flow = measure_disparity_flow(booster.predict(matrix, pred_contribs=True)[:, :-1].astype(float), NAMES, women)
    margin = booster.predict(matrix, output_margin=True)
    assert flow.total.value == pytest.approx(margin[women].mean() - margin[~women].mean(), abs=1e-4)
    assert sum(one.gap.value for one in flow.flows) == pytest.approx(flow.total.value)
    assert flow.flows[0].features == ("height",)
    assert flow.flows[0].share > 0.5


def test_gaps_have_welchs_intervals_and_sizes_are_mean_absolute_values():
    values, women = samples(2)
    for one in measure_disparity_flow(values, NAMES, women).flows:
        column = values[:, NAMES.index(one.features[0])]
        theirs = stats.ttest_ind(column[women], column[~women], equal_var=False).confidence_interval()
        assert (one.gap.low, one.gap.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)
        assert one.group_size.value == pytest.approx(np.abs(column[women]).mean())
        assert one.others_size.low < np.abs(column[~women]).mean() < one.others_size.high


def test_the_ends_of_a_share_are_where_the_rest_of_the_gap_is_at_the_edge_of_noise():
    values, women = samples(3)
    flow = measure_disparity_flow(values, NAMES, women, together=["debt", "height"])

    def noise(share, part):
        rest = part - share * values.sum(axis=1)
        error = np.sqrt(sum(rest[side].var(ddof=1) / side.sum() for side in (women, ~women)))
        return abs(rest[women].mean() - rest[~women].mean()) / error - stats.norm.ppf(0.975)

    for one in (*flow.flows, flow.together):
        part = values[:, [NAMES.index(name) for name in one.features]].sum(axis=1)
        ends = (
            optimize.brentq(noise, one.share - 20, one.share, args=(part,)),
            optimize.brentq(noise, one.share, one.share + 20, args=(part,)),
        )
        assert (one.share_low, one.share_high) == pytest.approx(ends)


@pytest.mark.slow
def test_the_interval_of_a_share_contains_it():
    runs, covered = 400, 0
    for seed in range(runs):
        flow = measure_disparity_flow(*(samples(seed)[:1]), NAMES, samples(seed)[1])
        (height,) = (one for one in flow.flows if one.features == ("height",))
        covered += height.share_low is None or height.share_low <= 0.8 <= height.share_high
    assert covered >= stats.binom.ppf(0.001, runs, 0.95)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 3))
def test_shares_add_up_to_one_whatever_the_scale(seed, scale):
    values, women = samples(seed, strength=1.0)
    flow, larger = (measure_disparity_flow(values * factor, NAMES, women, together=NAMES) for factor in (1, scale))
    assert sum(one.share for one in flow.flows) == pytest.approx(1)
    assert flow.together.share == pytest.approx(1)
    assert [one.share for one in larger.flows] == pytest.approx([one.share for one in flow.flows])


def test_a_difference_within_noise_has_no_shares_and_says_why():
    values, women = samples(4, strength=0.0)
    values[women] -= values[women].mean(axis=0) - values[~women].mean(axis=0) + 0.01
    flow = measure_disparity_flow(values, NAMES, women)
    assert "within noise" in flow.why
    assert all(one.share is None and one.gap.low is not None for one in flow.flows)


def test_too_few_rows_have_no_interval_and_say_so():
    values, women = samples(5)
    few = np.flatnonzero(women)[:3]
    flow = measure_disparity_flow(values, NAMES, np.isin(np.arange(len(women)), few))
    assert flow.why == "too few rows: 3 of the group, and an interval takes at least 5"
    assert (flow.total.low, flow.flows[0].share, flow.rows) == (None, None, 3)
    with pytest.raises(ValueError, match="not all of them"):
        measure_disparity_flow(values, NAMES, np.zeros(len(women), dtype=bool))
    with pytest.raises(ValueError, match="income not among the explained features, which are debt"):
        measure_disparity_flow(values, NAMES, women, together=["income"])


def test_it_comes_back_from_json():
    values, women = samples(6)
    flow = measure_disparity_flow(values, NAMES, women, together=["debt"])
    assert TypeAdapter(DisparityFlow).validate_python(json.loads(json.dumps(flow.to_json(), allow_nan=False))) == flow
