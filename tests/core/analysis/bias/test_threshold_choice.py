"""The threshold at which errors cost least, or which declines a share, against a search row by row."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.bias.threshold_choice import choose_by_cost, choose_by_rate
from core.analysis.bias.threshold_sweep import sweep_thresholds


@pytest.fixture(params=[0, 1])
def rows(request):
    random = np.random.default_rng(3)
    label = random.random(400) < 0.3
    scores = np.clip(label * 0.3 + random.random(400) * 0.7, 0, 1)
    favourable = label == request.param
    return request.param, favourable, scores, sweep_thresholds(random.random(400) < 0.4, favourable, scores, None, favourable=request.param)


@pytest.mark.parametrize("costs", [(1.0, 1.0), (1.0, 8.0), (10.0, 1.0)])
def test_no_threshold_costs_less_row_by_row(rows, costs):
    good, favourable, scores, sweep = rows
    found = choose_by_cost(sweep, wrongly_declined=costs[0], wrongly_accepted=costs[1])

    def cost(threshold):
        accepted = (scores > threshold) == good
        return costs[0] * (favourable & ~accepted).sum() + costs[1] * (~favourable & accepted).sum()

    assert cost(found.threshold) == min(map(cost, sweep.thresholds))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.55, 1.0])
def test_no_threshold_is_nearer_to_the_share_row_by_row(rows, share):
    good, _, scores, sweep = rows
    found = choose_by_rate(sweep, declined_share=share)

    def gap(threshold):
        return abs(((scores > threshold) != good).mean() - share)

    assert gap(found.threshold) == pytest.approx(min(map(gap, sweep.thresholds)))


def test_costs_and_shares_that_cannot_be_are_refused(rows):
    with pytest.raises(ValueError, match="at least 0"):
        choose_by_cost(rows[3], wrongly_declined=-1, wrongly_accepted=1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        choose_by_rate(rows[3], declined_share=1.5)
