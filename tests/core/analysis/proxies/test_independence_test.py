"""Pearson's X² over shuffled rows: its moments and p-values are those of scipy's random tables and permutations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.analysis.proxies.independence_test import independence_p_value

MARGINS = [([5, 7, 3, 10], [12, 13]), ([1, 1, 2, 3, 9, 30], [6, 30, 10]), ([300] * 17, [5000, 100]), ([6] * 80, [400, 80])]


def statistic(tables, margins):
    expected = np.outer(*margins) / sum(margins[0])
    return ((tables - expected) ** 2 / expected).sum(axis=(-1, -2))


@pytest.mark.parametrize("margins", MARGINS)
def test_p_values_are_the_shares_of_random_tables_that_are_as_far_off(margins):
    tables = stats.random_table(*margins).rvs(4000, random_state=np.random.default_rng(1))
    values = statistic(tables, margins)
    for share in (0.5, 0.1, 0.02):
        at = np.argmin(np.abs(values - np.quantile(values, 1 - share)))
        theirs = (values >= values[at] - 1e-9).mean()
        middle = theirs - (np.abs(values - values[at]) < 1e-9).mean() / 2  # a discrete statistic: half of the ties
        assert independence_p_value(tables[at][None]) == pytest.approx(middle, abs=0.03 if sum(margins[0]) > 100 else 0.08)


def test_with_many_rows_it_is_scipys_chi_squared_test():
    table = np.random.default_rng(2).multinomial(20_000, np.full(24, 1 / 24)).reshape(8, 3)
    assert independence_p_value(table[None]) == pytest.approx(stats.chi2_contingency(table).pvalue, rel=1e-3)


def test_few_rows_in_each_cell_find_nothing_that_shuffling_would_not():
    """160 postcodes of a few rows and a group of 40: the usual test is wrong, scipy's permutations aren't."""
    random = np.random.default_rng(3)
    postcodes = np.repeat(np.arange(160), random.integers(1, 6, 160))
    group = random.permutation(len(postcodes)) < 40
    table = np.stack([np.bincount(postcodes[group == side], minlength=160) for side in (False, True)], axis=1)
    permuted = stats.chi2_contingency(table, correction=False, method=stats.PermutationMethod(n_resamples=1999, rng=random)).pvalue
    assert independence_p_value(table[None]) == pytest.approx(permuted, abs=0.04)


def test_strata_are_shuffled_each_by_itself():
    random = np.random.default_rng(4)
    strata = [([40, 20, 30], [60, 30]), ([10, 50, 20], [20, 60])]
    parts = [stats.random_table(*margins).rvs(4000, random_state=random) for margins in strata]
    values = sum(statistic(part, margins) for part, margins in zip(parts, strata, strict=True))
    tables = np.stack(parts, axis=1)
    ours = np.array([independence_p_value(one) for one in tables[:300]])
    theirs = np.array([(values >= value).mean() for value in values[:300]])
    assert np.abs(ours - theirs).max() < 0.05
    together = np.array([[[90, 10], [10, 1]], [[1, 10], [10, 90]]])  # strata that differ in both, and are independent within
    assert independence_p_value(together) > 0.5
    assert independence_p_value(together.sum(axis=0)[None]) < 1e-9


def test_tables_that_can_show_nothing():
    ids, one_cell, one_group = (
        np.stack([np.arange(50) % 2, np.arange(50) % 2 == 0], axis=1),
        np.array([[20, 30]]),
        np.array([[20, 0], [30, 0]]),
    )
    for table in (ids, one_cell, one_group, np.zeros((3, 2)), np.ones((1, 2))):
        assert independence_p_value(np.asarray(table, dtype=float)[None]) == 1.0
