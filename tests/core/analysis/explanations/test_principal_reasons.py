"""Which groups are principal: beside every subset of groups, tried one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.analysis.explanations.principal_reasons import ReasonRules, find_principal
from core.analysis.explanations.reason_groups import ReasonError

POINTS = arrays.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.integers(-20, 40).map(lambda n: n / 8))


def fewest_to_share(row, share):
    """The smallest set of groups with this share of the points towards the decline; of several, the one with the most points."""
    total = sum(max(value, 0) for value in row)
    for size in range(1, len(row) + 1):
        best = max(combinations(range(len(row)), size), key=lambda some: sum(row[g] for g in some))
        if sum(row[g] for g in best) >= share * total:
            return set(best)
    return set()


@settings(max_examples=60, deadline=None)
@given(points=POINTS, share=st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_the_fewest_groups_that_make_up_the_share_are_principal_and_those_as_strong_as_the_last(points, share):
    found, crowded = find_principal(points, ReasonRules(limit=6, share=share, nearly_equal=1.0))
    for row, principal in zip(points, found, strict=True):
        if not (row > 0).any():
            assert not principal.any()
            continue
        core = fewest_to_share(row, share)
        last = min(row[g] for g in core)
        assert set(np.flatnonzero(principal)) == core | {g for g in range(len(row)) if row[g] >= last}
    assert not crowded.any()


@settings(max_examples=60, deadline=None)
@given(points=POINTS, nearly_equal=st.sampled_from([0.5, 0.8]), limit=st.integers(1, 4))
def test_the_reasons_are_the_strongest_groups_and_end_at_a_gap_or_at_the_limit(points, nearly_equal, limit):
    rules = ReasonRules(limit=limit, nearly_equal=nearly_equal)
    found, crowded = find_principal(points, rules)
    every, _ = find_principal(points, ReasonRules(limit=99, nearly_equal=nearly_equal))
    for row, principal, unlimited, is_crowded in zip(points, found, every, crowded, strict=True):
        assert (row[principal] > 0).all()
        assert principal.sum() == min(limit, unlimited.sum())
        assert principal.any() == (row > 0).any()
        left_out = row[unlimited & ~principal].max(initial=0)
        if principal.any():
            assert row[principal].min() >= row[~principal].max(initial=-np.inf)
            assert is_crowded == (left_out > 0 and left_out >= nearly_equal * row[principal].min())
            if unlimited.sum() <= limit:
                assert row[principal].sum() >= row[~principal].clip(0).sum()
                assert row[~principal].max(initial=0) < nearly_equal * row[principal].min()


@settings(max_examples=30, deadline=None)
@given(points=POINTS, factor=st.sampled_from([0.25, 4.0]), seed=st.integers(0, 99))
def test_neither_the_unit_of_points_nor_the_order_of_rows_changes_what_is_principal(points, factor, seed):
    found, crowded = find_principal(points)
    order = np.random.default_rng(seed).permutation(len(points))
    again = find_principal(points[order] * factor)
    assert (again[0] == found[order]).all()
    assert (again[1] == crowded[order]).all()


@pytest.mark.parametrize("given", [{"share": 0}, {"share": 1.5}, {"nearly_equal": -1}, {"limit": 0}, {"stability": 2}, {"against": "none"}])
def test_a_rule_out_of_its_range_is_refused_by_name(given):
    (name,) = given
    with pytest.raises(ReasonError, match=f"{name} is {given[name]}. It must be"):
        ReasonRules(**given)
