"""The flip test: like rows found by a tree or by brute force, and a sample of them where there are many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from core.analysis.bias import bias_difference, flip_test
from core.analysis.bias.bias_metrics import metric_intervals, post_training_bias, with_intervals
from core.analysis.bias.flip_test import asked_rows, find_nearest_rows, flip_outcomes


def rows(n: int = 2000, *, width: int = 6, whole: bool = True):
    random = np.random.default_rng(1)
    facet, prediction = random.random(n) < 0.4, random.random(n) < 0.6
    values = random.integers(0, 5, (n, width)) if whole else random.normal(size=(n, width))
    return facet, prediction, pd.DataFrame(values)


def test_without_values_there_is_no_distance_and_the_reason_names_the_columns():
    facet, prediction, features = rows(50)
    gapped = features.set_axis(list("abcdef"), axis="columns").astype({"b": "Int64", "c": float})
    gapped.loc[[3, 4], "b"], gapped.loc[7, "c"] = pd.NA, np.inf
    found = post_training_bias(facet, prediction, prediction, None, gapped, metrics=["FT", "DPPL"])
    assert found["FT"].value is None
    assert "in some rows b (2 rows) is missing and c is infinite" in (found["FT"].error or "")
    assert found["DPPL"].value is not None


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("width", [3, 18])
def test_the_neighbours_vote_as_scikit_learns_do(width, whole):
    facet, prediction, features = rows(width=width, whole=whole)
    known, unknown = features[~facet].to_numpy(), features[facet].to_numpy()
    votes = KNeighborsClassifier(n_neighbors=5).fit(known, prediction[~facet]).predict(unknown)
    assert (flip_outcomes(facet, prediction, features)[facet] == prediction[facet].astype(int) - votes).all()


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setitem(flip_test.flip_outcomes.__kwdefaults__, "max_asked", 300)
    monkeypatch.setattr("core.analysis.bias.bias_metrics.MAX_ASKED_ROWS", 300)


def test_of_a_large_facet_a_sample_is_asked_the_same_each_time(few):
    facet, prediction, features = rows()
    found = flip_outcomes(facet, prediction, features)
    assert asked_rows(facet, found).sum() == 300
    assert (found[~facet] == 0).all()
    np.testing.assert_array_equal(found, flip_outcomes(facet, prediction, features))


def test_the_rows_asked_get_the_answer_that_they_would_get_among_all(few, monkeypatch):
    facet, prediction, features = rows()
    some = flip_outcomes(facet, prediction, features)
    monkeypatch.setattr(flip_test, "MAX_ASKED_ROWS", 10_000)
    every, known = flip_outcomes(facet, prediction, features), asked_rows(facet, some)
    assert (some[known] == every[known]).all()
    assert post_training_bias(facet, prediction, prediction, None, features, flips=some, metrics=["FT"])["FT"].value == every[known].mean()


@pytest.mark.parametrize("before", [True, False])
def test_a_sampled_flip_test_says_how_many_rows_it_asked_and_how_sure_it_is(few, before):
    facet, prediction, features = rows()
    found = flip_outcomes(facet, prediction, features)
    metric = post_training_bias(facet, prediction, prediction, None, features, flips=found if before else None)["FT"]
    assert f"It was asked of 300 of the facet's {facet.sum():,} rows, drawn at random." in metric.in_words
    ends = with_intervals({"FT": metric}, metric_intervals("post", facet, prediction, prediction, None, found))["FT"].interval
    assert ends.n == 300
    values = found[asked_rows(facet, found)]
    half = 1.96 * values.std() / np.sqrt(300)
    assert (ends.low, ends.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_with_all_rows_asked_nothing_is_said_of_a_sample():
    facet, prediction, features = rows()
    metric = post_training_bias(facet, prediction, prediction, None, features)["FT"]
    assert "drawn at random" not in metric.in_words
    assert metric_intervals("post", facet, prediction, prediction, None, flip_outcomes(facet, prediction, features))["FT"].n == 2000


def test_two_sampled_flip_tests_differ_by_the_rows_asked_of_both(few):
    facet, prediction, features = rows()
    other = np.random.default_rng(2).random(len(facet)) < 0.3
    a, b = flip_outcomes(facet, prediction, features), flip_outcomes(facet, other, features)
    found = bias_difference.compare_bias(facet, prediction, prediction, other, None, a, b)["FT"]
    assert found.n == 300
    assert found.value == pytest.approx(np.nansum(b) / 300 - np.nansum(a) / 300)
    assert found.low < found.value < found.high


def test_where_a_tree_does_not_help_brute_force_finds_the_same(monkeypatch):
    facet, prediction, features = rows(width=18, whole=False)
    by_tree = flip_outcomes(facet, prediction, features)
    monkeypatch.setattr(flip_test, "MAX_TREE_SECONDS", 0.0)
    taken = iter([9.0, 1.0])
    monkeypatch.setattr(flip_test, "_time_search", lambda search, some: next(taken))
    assert (flip_outcomes(facet, prediction, features) == by_tree).all()


def test_neighbours_found_once_for_all_values_give_each_values_own_flips():
    random = np.random.default_rng(4)
    features = pd.DataFrame({"debt": random.integers(0, 40, 600), "income": random.integers(0, 9, 600)})  # with many ties
    town, accepted = random.choice(5, 600, p=[0.8, 0.1, 0.05, 0.03, 0.02]), random.random(600) < 0.5
    nearest = find_nearest_rows(features)
    for value in range(5):
        own = flip_outcomes(town == value, accepted, features)
        assert (flip_outcomes(town == value, accepted, features, nearest=nearest) == own).all()
