"""Ends and p-values of draws: as often right as they say, however few the draws, and never in contradiction."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.intervals.posterior_draws import interval_ends, two_sided_p_value, widen_difference
from core.analysis.intervals.proportions import share_with_interval


@pytest.mark.parametrize("draws", [40, 200, 1000])
def test_a_truth_drawn_like_the_draws_lies_between_the_ends_in_19_of_20_cases(draws):
    """Its rank among them is uniform."""
    random = np.random.default_rng(0)
    samples = random.normal(size=(4000, draws + 1))
    covered = np.mean([low <= sample[0] <= high for sample in samples for low, high in [interval_ends(sample[1:], float(sample[1]))]])
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 4000))


@pytest.mark.parametrize("draws", [200, 999, 1000])
def test_the_ends_rule_out_0_where_the_p_value_does(draws):
    """Of 999 draws the 25th is the end, and a p-value of 25 in 1,000 to either side is 5 %, not below."""
    random = np.random.default_rng(1)
    for shift in np.linspace(1.5, 2.5, 60):
        drawn = random.normal(shift, size=draws)
        low, high = interval_ends(drawn, shift)
        beyond = two_sided_p_value(drawn, 1000) < 0.05
        assert beyond <= (not low <= 0 <= high)
        if draws != 999:
            assert beyond == (not low <= 0 <= high)


def test_infinite_draws_are_the_greatest_and_undefined_ones_none():
    drawn = np.r_[np.full(90, np.inf), np.arange(910.0), np.full(50, np.nan)]
    assert interval_ends(drawn, 400.0) == (24.0, np.inf)
    assert interval_ends(np.full(3, np.nan), 2.0) == (2.0, 2.0)


def test_a_widened_difference_is_newcombes_of_two_samples_and_its_p_value_agrees():
    """Newcombe 1998: 56 of 70 and 48 of 80 have a difference of 0.0524 to 0.3339."""
    b, a = share_with_interval(56, 70), share_with_interval(48, 80)
    ends = (a.value, a.low, a.high), (b.value, b.low, b.high)
    assert widen_difference((0.15, 0.25, 0.001), *ends) == pytest.approx((0.0524, 0.3339, 0.001), abs=1e-4)
    assert widen_difference((0.01, 0.4, 0.001), *ends) == (0.01, 0.4, 0.001)
    few = share_with_interval(3, 5)
    low, high, p = widen_difference((0.15, 0.25, 0.001), (few.value, few.low, few.high), ends[1])
    assert low < 0 < high
    assert p == pytest.approx(0.05)
    assert widen_difference((0.15, 0.25, 0.001), (0.6, None, None), ends[1]) == (0.15, 0.25, 0.001)
