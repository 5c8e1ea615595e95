"""The worst slices: rates of pandas and fairlearn, filters that give their rows, intervals that hold for all of them together."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate
from pydantic import TypeAdapter
from scipy import stats

from core.analysis.bias.group_table import GroupColumn
from core.analysis.intervals.simultaneous_intervals import confidence_of_each
from core.analysis.proxies.row_filter import select_rows
from core.analysis.proxies.worst_slices import ERROR, FALSE_NEGATIVE, FALSE_POSITIVE, WorstSlices, find_worst_slices
from core.analysis.tables.value_names import ValueNames

NAMES = ValueNames.from_coding({"SEX": {"m": 1, "f": 2}})


def people(seed, n=3000):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": random.integers(18, 80, n),
            "SEX": random.integers(1, 3, n),
            "town": random.choice(["A", "B", "D and E"], n, p=[0.6, 0.39, 0.01]),
            "wage": np.where(random.random(n) < 0.1, np.nan, random.lognormal(size=n).round(3)),
            "code": random.choice(14, n),
        }
    )
    return table, (random.random(n) < 0.4).astype(int), random


def judged(table, labels, wrong, **options):
    """With predictions that are wrong where they should be."""
    scores = np.where(np.asarray(labels) ^ wrong, 0.9, 0.1)
    sex = GroupColumn("SEX", table["SEX"].to_numpy() - 1, ("1", "2"), ("men", "women"))
    return scores, find_worst_slices(table, labels, scores, [sex], coded=["SEX", "code"], names=NAMES, **options)


@pytest.fixture(scope="module")
def searched():
    table, labels, random = people(1)
    wrong = random.random(len(table)) < np.where((table["age"] >= 60) & (table["town"] == "B"), 0.6, 0.1) + 0.2 * table["wage"].isna()
    return table, labels, *judged(table, labels, wrong, listed=400)


def test_every_filter_gives_the_rows_of_its_slice_and_their_rate(searched):
    table, labels, scores, found = searched
    wrong = pd.Series((scores > 0.5) != (labels == 1))
    kinds = {ERROR: labels >= 0, FALSE_POSITIVE: labels == 0, FALSE_NEGATIVE: labels == 1}
    for one in found.lists:
        of_group = np.ones(len(table), bool) if not one.value else (table["SEX"] == int(one.value)).to_numpy()
        for entry in one.worst[:60]:
            rows = select_rows(table, entry.filter, NAMES)
            rows = rows[(kinds[one.measure] & of_group)[rows]]
            assert (entry.rows, entry.wrong) == (len(rows), wrong[rows].sum())
            assert entry.rate == pytest.approx(wrong[rows].mean())


def test_rates_of_groups_are_fairlearns(searched):
    table, labels, scores, found = searched
    theirs = MetricFrame(
        metrics={FALSE_POSITIVE: false_positive_rate, FALSE_NEGATIVE: false_negative_rate},
        y_true=labels,
        y_pred=scores > 0.5,
        sensitive_features=table["SEX"],
    )
    for one in found.lists[1:]:
        rate = theirs.overall[one.measure] if not one.value else theirs.by_group[one.measure][int(one.value)]
        assert one.overall.rate == pytest.approx(rate)
    assert [(one.measure, one.name) for one in found.lists[3:5]] == [(FALSE_POSITIVE, "men"), (FALSE_NEGATIVE, "men")]


def test_intervals_are_scipys_exact_ones_for_so_many_comparisons(searched):
    *_, found = searched
    confidence = confidence_of_each(found.comparisons)
    for entry in [entry for one in found.lists for entry in one.worst[:5]]:
        theirs = stats.binomtest(entry.wrong, entry.rows).proportion_ci(confidence, "exact")
        assert (entry.low, entry.high) == pytest.approx((theirs.low, theirs.high))


def test_the_worst_come_by_their_low_ends_and_what_was_planted_first(searched):
    *_, found = searched
    for one in found.lists:
        assert [entry.low for entry in one.worst] == sorted((entry.low for entry in one.worst), reverse=True)
        assert all(entry.rows >= found.floor for entry in one.worst)
    first = found.lists[0].worst[0].filter
    assert "town = B" in first
    assert "age >= " in first
    assert "wage is missing" in [entry.filter for entry in found.lists[0].worst]
    assert found.lists[0].surely_worse > 1


def test_two_features_are_listed_only_where_they_say_more_than_one(searched):
    *_, found = searched
    lows = {entry.filter: entry.low for entry in found.lists[0].worst}
    pairs = [text for text in lows if len({part.split()[0] for part in text.split(" and ") if " " in part}) == 2 and "D and E" not in text]
    assert pairs
    for text in pairs:
        parts = text.split(" and ")
        columns = list(dict.fromkeys(part.split()[0] for part in parts))
        alone = [" and ".join(part for part in parts if part.split()[0] == column) for column in columns]
        assert all(lows[text] > lows.get(single, 0) for single in alone)


def test_rare_values_and_columns_beyond_the_limit_are_no_slices():
    table, labels, random = people(2)
    wrong = random.random(len(table)) < np.where((table["age"] < 30) & (table["SEX"] == 1), 0.7, 0.1)
    _, found = judged(table, labels, wrong, listed=10_000, max_crossed=2)
    filters = {entry.filter for one in found.lists for entry in one.worst}
    assert not any("D and E" in text for text in filters)
    assert found.uncrossed == ("town", "wage", "code")
    assert any("age" in text and "SEX" in text for text in filters)
    assert not any("age" in text and "town" in text for text in filters)
    few = judged(table[:40], labels[:40], np.zeros(40, bool))[1]
    assert (few.comparisons, few.lists[0].overall, few.lists[0].worst) == (0, None, ())


@pytest.mark.slow
def test_where_errors_are_chance_no_slice_is_surely_worse():
    missed, runs = 0, 40
    for seed in range(runs):
        table, labels, random = people(seed, 1500)
        _, found = judged(table, labels, random.random(len(table)) < 0.15)
        missed += any(one.surely_worse for one in found.lists)
    assert missed <= stats.binom.ppf(0.999, runs, 0.05)


def test_it_is_plain_json_and_comes_back_from_it(searched):
    *_, found = searched
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert TypeAdapter(WorstSlices).validate_python(content) == found
    assert content["lists"][0]["surely_worse"] == found.lists[0].surely_worse
