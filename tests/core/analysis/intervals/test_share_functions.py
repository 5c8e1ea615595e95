"""Intervals of functions of two shares, against the formulas that difference and ratio have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.intervals.proportions import share_difference, share_ratio
from core.analysis.intervals.share_functions import function_ends, share_or_unknown


def shares():
    return st.integers(1, 60).flatmap(lambda n: st.integers(0, n).map(lambda hits: share_or_unknown(hits, n)))


@given(shares(), shares())
def test_the_ends_of_a_difference_are_newcombes_and_those_of_a_ratio_donner_and_zous(one, other):
    assert function_ends(lambda p, q: p - q, one, other) == pytest.approx(share_difference(one, other)[1:], abs=1e-4)
    if one.hits and other.low > 0.01:
        assert function_ends(lambda p, q: p / q, one, other) == pytest.approx(share_ratio(one, other)[1:], rel=2e-3)


def test_a_share_of_no_rows_may_be_anything_and_an_end_infinite():
    nothing, half = share_or_unknown(0, 0), share_or_unknown(5, 10)
    assert function_ends(lambda p, q: p, nothing, half) == (0, 1)
    assert function_ends(lambda p, q: q / p, nothing, half)[1] == np.inf
