"""Histograms, overlaps and shares, against NumPy, SciPy and a published example."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cityblock

from core.analysis.intervals.proportions import share_difference, share_with_interval
from core.analysis.tables import histograms, table_profile

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(lambda c: sum(c) > 0)


def test_bins_hold_what_numpy_counts_and_the_tails_go_into_the_outermost():
    values = pd.Series(np.random.default_rng(0).normal(0, 1, 5000))
    kind, edges = histograms.choose_bins(values)
    counts = histograms.bin_counts(values, kind, edges)
    inner = np.histogram(values, edges)[0]
    assert kind == "bins"
    assert sum(counts) == 5000
    assert counts[1:-1] == inner[1:-1].tolist()
    assert counts[0] == inner[0] + (values < edges[0]).sum()


def test_few_values_are_counted_one_by_one():
    kind, edges = histograms.choose_bins(pd.Series([3, 1, 1, 7]))
    assert (kind, edges) == ("values", [1, 3, 7])
    assert histograms.bin_counts([1, 1, 3, 7, 7], kind, edges) == [2, 1, 2]
    assert histograms.bin_counts([1, 7], kind, edges, np.array([0.5, 2.0])) == [0.5, 0, 2]


def test_one_huge_amount_does_not_flatten_the_picture():
    values = pd.Series([*range(1000), 10**9])
    counts = histograms.bin_counts(values, *histograms.choose_bins(values))
    assert sum(counts) == 1001
    assert max(counts) < 100


@given(COUNTS, COUNTS)
def test_the_overlap_is_one_minus_half_the_city_block_distance(a, b):
    p, q = np.array(a) / sum(a), np.array(b) / sum(b)
    assert histograms.histogram_overlap(a, b) == pytest.approx(1 - cityblock(p, q) / 2)


def test_nothing_overlaps_with_no_rows():
    assert histograms.histogram_overlap([1, 2], [0, 0]) is None


def test_histograms_of_the_groups_add_up_to_everyones():
    random = np.random.default_rng(1)
    before = pd.DataFrame({"sex": random.choice([1, 2], 300), "amount": random.integers(0, 900, 300)})
    after = pd.concat([before, before[before["sex"] == 1].head(50)], ignore_index=True)
    for feature in histograms.compare_distributions(before, after, np.arange(len(after)) >= 300, facet="sex"):
        for which, rows in (("before", 300), ("after", 350), ("synthetic", 50)):
            everyone, *sides = (np.array(side[which]["counts"]) for side in feature["groups"].values())
            assert everyone.sum() == rows
            np.testing.assert_array_equal(sum(sides), everyone)


@given(st.integers(1, 5000), st.floats(0, 1))
def test_the_interval_of_a_share_is_wilsons(n, p):
    hits = round(n * p)
    assume(hits not in (1, 2, n - 1, n - 2))  # modified there: tests/core/analysis/intervals
    theirs = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
    ours = share_with_interval(hits, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_interval_of_a_difference_is_newcombes_published_one():
    value, low, high = share_difference(share_with_interval(56, 70), share_with_interval(48, 80))
    assert (value, round(low, 4), round(high, 4)) == (pytest.approx(0.2), 0.0524, 0.3339)


def test_a_profile_says_kind_gaps_and_commonest_values():
    frame = pd.DataFrame({"sex": ["f", "m", "f", None], "income": [10, 20, 30, 40], "rate": [0.1, np.nan, 0.3, 0.5]})
    table = table_profile.summarise_columns(frame).set_index("column")
    assert (table.loc["sex", "kind"], table.loc["sex", "missing"], table.loc["sex", "distinct"]) == ("text", 1, 2)
    assert table.loc["sex", "top values"] == "f (66.7 %), m (33.3 %)"
    assert (table.loc["rate", "min"], table.loc["rate", "median"], table.loc["rate", "max"]) == (0.1, 0.3, 0.5)


def test_the_label_is_shown_for_each_group_with_its_interval():
    frame = pd.DataFrame({"sex": [1] * 40 + [2] * 60, "label": [0] * 10 + [1] * 30 + [0] * 45 + [1] * 15})
    table = table_profile.summarise_groups(frame, "label", 0, "sex").set_index("value")
    assert table.loc["1", "favourable"] == 0.25
    assert table.loc["2", "low"] < 0.75 < table.loc["2", "high"]
    assert "least frequent at sex = 1 (25.0 of 100" in table_profile.group_extremes_sentence(table.reset_index(), "sex")
