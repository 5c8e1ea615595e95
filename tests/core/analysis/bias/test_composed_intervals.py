"""Intervals of GE, DCA, DCR, TE, CDDL and CDDPL: how often they contain the true value, and a bootstrap where there are many rows."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.bias.bias_count_tables import CELL_SHAPE, CountTables, post_training_metrics, pre_training_metrics
from core.analysis.bias.bias_intervals import Interval, table_intervals
from core.analysis.bias.composed_intervals import COMPOSED, conditional_disparity_ends
from core.analysis.bias.metric_shares import why_too_few

EVEN = ((0.5, 0.7, 0.3), (0.5, 0.7, 0.3))
UNLIKE = ((0.95, 0.9, 0.8), (0.05, 0.2, 0.1))
RARE = ((0.97, 0.99, 0.9), (0.95, 0.97, 0.9))
"""Facet and rest: the share of favourable labels, and of the accepted among the favourable and the unfavourable labels."""


def sample_tables(population, sizes, groups: int, samples: int, seed: int = 1):
    """(truth as a table of shares, samples of it): (groups + 1, 2, 2, 2, 3) each. Groups differ by chance only."""
    random = np.random.default_rng(seed)
    truth, drawn = np.zeros((groups + 1, *CELL_SHAPE)), np.zeros((samples, groups + 1, *CELL_SHAPE))
    for side, (label, accepted, wrongly), rows in zip((1, 0), population, sizes, strict=True):
        kinds = np.array([[(1 - label) * (1 - wrongly), (1 - label) * wrongly], [label * (1 - accepted), label * accepted]])
        chances = np.repeat(kinds[None] / groups, groups, axis=0)
        truth[:-1, side, :, :, 1] = chances * rows
        drawn[:, :-1, side, :, :, 1] = random.multinomial(rows, chances.ravel(), size=samples).reshape(samples, groups, 2, 2)
    return truth, drawn


def share_covered(name: str, population, sizes, groups: int = 3, samples: int = 600) -> float:
    """How often the interval contains the true value, of the samples that have one."""
    truth, drawn = sample_tables(population, sizes, groups, samples)
    true = float((pre_training_metrics(truth) | post_training_metrics(truth))[name])
    ends = [COMPOSED[name][0](counts) for counts in map(CountTables, drawn) if not why_too_few(name, counts)]
    return float(np.mean([low - 1e-9 <= true <= high + 1e-9 for low, high in ends]))


CASES = [(EVEN, (20, 20)), (EVEN, (400, 10)), (EVEN, (200, 200)), (UNLIKE, (50, 50)), (RARE, (400, 10))]
TOO_FEW = {"TE", "DCR"}
"""Of these the ten rows of the rest in RARE have too few that are judged wrongly, or rejected: hardly a sample has an interval."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "population", "sizes"),
    [(name, *case) for name in COMPOSED for case in CASES if case[0] is not RARE or name not in TOO_FEW],
)
def test_nineteen_of_twenty_intervals_contain_the_true_value(name, population, sizes):
    """Of 600 samples each; in the table of docs/intervals.md the least of all is 90 %."""
    assert share_covered(name, population, sizes) >= 0.92


@pytest.mark.parametrize("name", ["CDDL", "CDDPL"])
def test_many_groups_with_one_outcome_widen_the_interval_of_a_conditional_disparity(name):
    """Fifteen groups share 40 rows: most have one outcome only, and Clarify's 0 for the other pulls the estimate far from the truth."""
    assert share_covered(name, UNLIKE, (20, 20), groups=15, samples=60) >= 0.9


def test_a_group_with_one_outcome_widens_one_side_by_its_weight():
    with_both, rejected_only = np.array([[6.0, 4.0], [5.0, 5.0]]), np.array([[12.0, 8.0], [0.0, 0.0]])
    low, high = conditional_disparity_ends(np.stack([with_both, rejected_only]))
    alone = conditional_disparity_ends(np.stack([with_both]))
    assert low < 0.5 * -0.1 + 0.5 * (0.4 - 1)
    assert high < 0.5 * alone[1] + 0.5 * 0.7


@pytest.mark.parametrize("name", COMPOSED)
def test_with_many_rows_the_interval_is_that_of_a_bootstrap(name):
    random = np.random.default_rng(0)
    _, (table,) = sample_tables(((0.6, 0.7, 0.3), (0.7, 0.8, 0.4)), (1500, 2500), 3, 1)
    again = random.multinomial(4000, table.ravel() / 4000, size=3000).reshape(3000, *table.shape)
    low, high = np.quantile((pre_training_metrics(again) | post_training_metrics(again))[name], [0.025, 0.975])
    interval = (table_intervals("pre", table) | table_intervals("post", table))[name]
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_no_wrong_decision_in_twenty_is_no_proof_that_there_is_none():
    table = np.zeros((1, *CELL_SHAPE))
    table[0, :, 1, 1, 1] = 10
    interval = table_intervals("post", table)["GE"]
    assert isinstance(interval, Interval)
    assert interval.low == pytest.approx(0, abs=1e-12)
    assert 0.05 < interval.high < 0.2
