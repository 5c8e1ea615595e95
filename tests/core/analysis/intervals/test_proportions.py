"""Intervals of shares, against published examples, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from core.analysis.intervals.proportions import paired_share_difference, share_difference, share_ratio, share_with_interval

SHARES = (0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((56, 70), (48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)),
        ((10, 10), (0, 20), (1.0, 0.6791, 1.0)),
        ((10, 10), (0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_differences_are_newcombes_published_examples(one, other, expected):
    """Newcombe, Statistics in Medicine 1998, table II, method 10. 9 of 10 has its upper end modified, which widens the fourth decimal."""
    assert share_difference(share_with_interval(*one), share_with_interval(*other)) == pytest.approx(
        expected, abs=0.03 if one[0] == 9 else 1e-4
    )


@given(st.integers(5, 300), st.data())
def test_a_share_away_from_the_ends_has_wilsons_interval(n, data):
    hits = data.draw(st.integers(3, max(3, n - 3)))
    if 3 <= hits <= n - 3:
        ours, theirs = share_with_interval(hits, n), stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_ratio_ends_where_the_interval_of_the_weighted_difference_ends_at_0():
    one, other = share_with_interval(7, 20), share_with_interval(13, 30)
    _, low, high = share_ratio(one, other)
    for r, p_end, q_end in ((low, one.low, other.high), (high, one.high, other.low)):
        assert (one.value - r * other.value) ** 2 == pytest.approx((one.value - p_end) ** 2 + r**2 * (other.value - q_end) ** 2)


def test_the_ratio_of_nothing_to_something_is_0_and_the_reverse_unbounded():
    none, half = share_with_interval(0, 10), share_with_interval(5, 10)
    assert share_ratio(none, half)[:2] == (0, 0)
    assert 0 < share_ratio(none, half)[2] < 1
    assert share_ratio(half, none)[0] == share_ratio(half, none)[2] == np.inf
    assert 0 < share_ratio(half, none)[1] < 5


@pytest.mark.parametrize(("gained", "lost", "n"), [(12, 2, 50), (5, 0, 40), (1, 9, 30), (3, 3, 12)])
def test_tangos_ends_are_where_the_score_of_the_constrained_likelihood_is_1_96(gained, lost, n):
    """By maximising the likelihood of a trinomial with a given difference numerically."""
    for end in paired_share_difference(gained, lost, n)[1:]:

        def minus_log_likelihood(q, end=end):
            return -stats.multinomial.logpmf([gained, lost, n - gained - lost], n, [q + end, q, 1 - 2 * q - end])

        low, high = max(0, -end) + 1e-12, (1 - end) / 2 - 1e-12
        q = optimize.minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        assert abs(gained - lost - n * end) / np.sqrt(n * (2 * q + end * (1 - end))) == pytest.approx(1.96, abs=2e-3)


def test_no_row_that_changed_is_no_proof_that_none_would():
    """Tango 1998: 0 and 0 of 54."""
    assert paired_share_difference(0, 0, 54) == pytest.approx((0, -0.0664, 0.0664), abs=1e-4)


def _covered(ends, chances, true):
    return sum(chance for (low, high), chance in zip(ends, chances, strict=True) if low - 1e-12 <= true <= high + 1e-12)


@pytest.mark.parametrize("n", [10, 15, 20, 50, 200])
def test_a_share_is_in_its_interval_as_often_as_it_says(n):
    """All samples enumerated, no simulation: the mean within 94 to 97.5 %, none below 91 %."""
    found = [share_with_interval(hits, n) for hits in range(n + 1)]
    covered = [_covered([(one.low, one.high) for one in found], stats.binom.pmf(range(n + 1), n, share), share) for share in SHARES]
    assert 0.94 <= np.mean(covered) <= 0.975
    assert min(covered) > 0.91


@pytest.mark.parametrize("sizes", [(10, 10), (10, 60), (40, 40)])
@pytest.mark.parametrize("combine", [share_difference, share_ratio])
def test_differences_and_ratios_are_in_their_interval_as_often_as_they_say(sizes, combine):
    """All samples enumerated."""
    first, second = ([share_with_interval(hits, n) for hits in range(n + 1)] for n in sizes)
    pairs = [(i, j) for i in range(len(first)) for j in range(len(second)) if combine is share_difference or i or j]
    ends = [combine(first[i], second[j])[1:] for i, j in pairs]
    covered = []
    for p in SHARES:
        for q in SHARES:
            chances = np.array(
                np.outer(stats.binom.pmf(range(sizes[0] + 1), sizes[0], p), stats.binom.pmf(range(sizes[1] + 1), sizes[1], q))
            )
            chances = np.array([chances[pair] for pair in pairs])
            covered.append(_covered(ends, chances / chances.sum(), p - q if combine is share_difference else p / q))
    assert 0.94 <= np.mean(covered) <= 0.98
    assert min(covered) > 0.9
