"""What was made again is compared with what is stored."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.reproduction.compared_evidence import compare_figures, compare_rows, compare_scores

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-10, 10) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_a_file_is_like_its_copy(content):
    found = compare_figures(content, json.loads(json.dumps(content)))
    assert (found.largest, found.differing) == (0.0, ())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.data())
def test_one_figure_that_moved_is_named(figures, data):
    place = data.draw(st.integers(0, len(figures) - 1))
    other = [*figures]
    other[place] += max(1.0, abs(figures[place])) * 1e-3
    (named,) = compare_figures({"a": figures}, {"a": other}).differing
    assert named.startswith(f"a[{place}] is ")


@pytest.mark.parametrize(
    ("stored", "found", "named"),
    [
        ({"a": 1}, {}, "a is nothing instead of 1"),
        ({}, {"a": None}, "a is None instead of nothing"),
        ({"a": 1}, {"a": True}, "a is True instead of 1"),
        ({"a": "1"}, {"a": 1}, "a is 1 instead of '1'"),
        ({"a": [1, 2]}, {"a": [1]}, "a is [1] instead of [1, 2]"),
        ({"a": {"b": 0}}, {"a": {"b": math.inf}}, "a.b is inf instead of 0"),
        ([], {}, "the file is {} instead of []"),
    ],
)
def test_what_is_of_another_kind_differs(stored, found, named):
    assert compare_figures(stored, found).differing == (named,)


def test_other_processors_add_up_in_another_order():
    assert compare_figures({"a": 0.3, "b": 1e9}, {"a": 0.1 + 0.2, "b": 1e9 + 1}).differing == ()


def test_rows_are_compared_in_their_order():
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, 1.5]})
    assert compare_rows(table, table.copy()).differing == ()
    assert compare_rows(table, table.iloc[::-1]).differing == ("2 of 3 rows differ",)
    assert compare_rows(table, table.fillna(1)).differing == ("1 of 3 rows differ",)
    assert compare_rows(table, table.head(2)).differing == ("2 rows and 2 columns instead of 3 rows and 2 columns",)
    assert compare_rows(table, table.rename(columns={"a": "c"})).differing


def test_scores_agree_to_a_millionth():
    scores = np.array([0.1, 0.5, 0.9])
    assert compare_scores(scores, scores + 5e-7).differing == ()
    assert compare_scores(scores, scores + np.array([0, 0, 2e-6])).differing == ("1 of 3 scores differ",)
    assert compare_scores(scores, np.array([0.1, np.nan, 0.9])).differing == ("1 of 3 scores differ",)
