"""Filters in words: the rows that pandas gives, what can't be read is refused with its place, and nothing is run."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.proxies.row_filter import COMPARISONS, Condition, RowFilterError, parse_filter, select_rows
from core.analysis.tables.value_names import ValueNames

ROWS = pd.DataFrame(
    {
        "AGE": [25.0, 61, 40, np.nan, 70, 25],
        "SEX": [1, 2, 2, 1, 2, 1],
        "region": ["north", "South", None, "south west", "R and D", "north"],
        "pay and debt": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
        "is late": [0, 1, 0, 1, 0, 1],
    }
)
NAMES = ValueNames.from_coding({"SEX": {"m": 1, "f": 2}, "is late": {"1": 0, "2": 1}})
OPERATORS = dict(zip(COMPARISONS, (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge), strict=True))


@given(st.sampled_from(["AGE", "pay and debt"]), st.sampled_from(COMPARISONS), st.sampled_from([0, 1, 3.5, 25, 61, -2]))
def test_numbers_are_compared_as_pandas_does_and_missing_ones_never_match(column, comparison, value):
    found = select_rows(ROWS, str(Condition(column, comparison, str(value))))
    known = ROWS[column].dropna().astype(float)
    assert found.tolist() == known.index[OPERATORS[comparison](known, value)].tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("AGE >= 40 and SEX = f", [1, 2, 4]),
        ("age≥40 AND sex==F", [1, 2, 4]),
        ("SEX != m", [1, 2, 4]),
        ("SEX <> f", [0, 3, 5]),
        ("region = south", [1]),
        ("region = 'south west'", [3]),
        ("region = south west", [3]),
        ('region = "R and D"', [4]),
        ("region != north", [1, 3, 4]),
        ("region is missing", [2]),
        ("Region IS NOT Missing and AGE = 25", [0, 5]),
        ("AGE is missing", [3]),
        ("'pay and debt' <= 4", [0, 2, 3]),
        ("'is late' = 2", [1, 3, 5]),  # in the user's words: code 1
        ("AGE > 1e9", []),
    ],
)
def test_filters_give_their_rows(text, rows):
    assert select_rows(ROWS, text, NAMES).tolist() == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AEG > 3", "There is no column AEG. The nearest is AGE."),
        ("zzz = 3", "There is no column zzz. The columns are AGE, SEX"),
        ("", "A condition is missing"),
        ("AGE > 3 and", "A condition is missing"),
        ("AGE >", "“AGE >” lacks its value"),
        ("> 3", "“> 3” lacks its column"),
        ("AGE", "“AGE” has no comparison"),
        ("20 < AGE < 30", "more than one comparison"),
        ("AGE > old", "AGE contains numbers, and old isn't one"),
        ("region = 'north", "The quotation mark in 'north isn't closed"),
        ("region > north", "The values of region have no order"),
        ("SEX < f", "The values of SEX have no order"),
        ("SEX = x", "SEX has no value x. Its values are f, m."),
        ("region = norht", "region has no value norht. The nearest is north."),
        ("__import__('os').getcwd()", "has no comparison"),
        ("AGE = __import__('os').getcwd()", "isn't one"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text, said):
    with pytest.raises(RowFilterError) as error:
        select_rows(ROWS, text, NAMES)
    assert said in str(error.value)


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        conditions = parse_filter(text)
    except RowFilterError:
        return
    assert parse_filter(" and ".join(map(str, conditions))) == conditions


NAME = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@given(NAME, st.sampled_from(COMPARISONS), st.one_of(NAME, st.sampled_from(["a and b", "is", "x is missing", ""])))
def test_a_condition_is_read_back_from_its_text(column, comparison, value):
    condition = Condition(column, comparison, value)
    assert parse_filter(str(condition)) == (condition,)


def test_two_columns_that_differ_in_capitals_are_told_apart():
    frame = pd.DataFrame({"a": [1, 2], "A": [2, 1]})
    assert select_rows(frame, "A = 1").tolist() == [1]
    with pytest.raises(RowFilterError, match="no column"):
        select_rows(pd.DataFrame({"ab": [1], "AB": [1]}), "Ab = 1")
