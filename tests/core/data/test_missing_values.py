"""Empty cells of features go through an upload, and are treated as a person says."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT

from core.analysis.tables.csv_writer import to_csv
from core.data.column_roles import ColumnRoles, detect_roles
from core.data.csv_reader import read_csv
from core.data.missing_values import parse_missing
from core.data.table_check import check_table
from core.errors import DataError
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions

CASE = ROOT / "tests/data/cases/57_nan_feature.csv"
ROLES = ColumnRoles("paid", "yes", "sex", "f", None, ("region",))
TABLE = pd.DataFrame(
    {
        "paid": ["yes", "no"] * 4,
        "sex": ["f", "f", "m", "m"] * 2,
        "age": [30, np.nan, 50, 20, 40, np.nan, 25, 35],
        "debt": [0.5, 1.5, np.nan, 2.5, 0.25, 0.75, 1.25, 3.5],
        "region": ["north", "missing", None, "south", "north", "south", None, "north"],
        "grade": [1, 2, np.nan, 2, 1, 2, 1, 2],
    }
)


def cells(missing: dict[str, str], column: str, **roles) -> list[str]:
    """The column's cells in the file, after these treatments."""
    checked = check_table(TABLE, replace(ROLES, missing=tuple(missing.items()), **roles))
    lines = [line.split(",") for line in to_csv(checked.frame).decode().splitlines()]
    return [line[lines[0].index(column)] for line in lines[1:]]


def test_the_case_with_empty_cells_goes_through_with_whole_numbers_and_gaps_and_a_note():
    reading = read_csv(CASE)
    checked = check_table(reading, detect_roles(reading, label="paid", facet="sex"))
    gaps = reading.frame["income"].isna()
    assert checked.frame["income"].isna().equals(gaps)
    assert gaps.any()
    assert f"Column income: {gaps.sum()} empty cells stay empty." in checked.notes
    rebalancing_jobs.check_feasible(checked, RebalancingOptions())


def test_gaps_stay_empty_beside_whole_numbers_and_codes_of_text():
    assert cells({}, "age") == ["30", "", "50", "20", "40", "", "25", "35"]
    assert cells({}, "region") == ["1", "0", "", "2", "1", "2", "", "1"]
    assert cells({}, "grade") == ["1", "2", "", "2", "1", "2", "1", "2"]
    assert cells({"age": "median"}, "age") == cells({}, "age"), "the rebalancing job fills it"


def test_a_category_of_its_own_has_a_name_that_no_value_has():
    assert cells({"region": "category"}, "region") == ["2", "0", "1", "3", "2", "3", "1", "2"]
    checked = check_table(TABLE, replace(ROLES, missing=(("region", "category"), ("grade", "category")), categorical=("region", "grade")))
    assert checked.coding["region"] == {"missing": 0, "missing 2": 1, "north": 2, "south": 3}
    assert checked.coding["grade"] == {"1": 1, "2": 2, "missing": 3}
    assert checked.frame["grade"].tolist() == [1, 2, 3, 2, 1, 2, 1, 2]
    assert "Column region: 2 empty cells became the category missing 2." in checked.notes


def test_a_value_fills_and_is_a_number_or_a_word_of_the_column():
    assert cells({"age": "41"}, "age") == ["30", "41", "50", "20", "40", "41", "25", "35"]
    assert cells({"debt": "0"}, "debt")[2] == "0.0"
    assert cells({"region": "west"}, "region") == ["1", "0", "3", "2", "1", "2", "3", "1"]


def test_rows_are_left_out_and_counted_and_everything_else_is_seen_after_it():
    checked = check_table(TABLE, replace(ROLES, missing=(("age", "drop"), ("region", "drop"))))
    assert checked.frame["age"].tolist() == [30, 20, 40, 35]
    assert checked.frame["debt"].tolist() == [0.5, 2.5, 0.25, 3.5]
    assert checked.notes[-3:] == (
        "Column age: 2 rows without a value were left out.",
        "Column region: 2 rows without a value were left out.",
        "In all 4 rows of 8 were left out for an empty cell.",
    )
    assert checked.coding["region"] == {"north": 0, "south": 1}
    only_no = TABLE.assign(age=[None, 1, None, 1, None, 1, None, 1])
    with pytest.raises(DataError, match="label paid has 1 different value"):
        check_table(only_no, replace(ROLES, missing=(("age", "drop"),)))
    with pytest.raises(DataError, match="Every row has an empty cell in none"):
        check_table(TABLE.assign(none=np.nan), replace(ROLES, missing=(("none", "drop"),)))


def test_an_order_keeps_gaps_and_its_median_is_left_to_the_job():
    order = (("region", ("north", "missing", "south")),)
    assert cells({}, "region", categorical=(), ordered=order) == ["0", "1", "", "2", "0", "2", "", "0"]
    assert cells({"region": "median"}, "region", categorical=(), ordered=order)[2] == ""
    assert cells({}, "age", ordered=(("age", ("20", "25", "30", "35", "40", "50")),)) == ["2", "", "5", "0", "4", "", "1", "3"]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ({"region": "median"}, "Column region has words, which have no median"),
        ({"debt": "category"}, "empty cells of debt can't be a category: it has numbers such as 0.5"),
        ({"age": "unknown"}, "unknown isn't a number, and column age has numbers"),
        ({"age": "0.5"}, "Column age has whole numbers, and 0.5 isn't one"),
        ({"sex": "m"}, "empty cells of sex can't be filled"),
        ({"agee": "0"}, "Column agee, whose empty cells are to be treated, is not in the table"),
    ],
)
def test_what_does_not_fit_the_column_is_refused_with_all_others(missing, words):
    with pytest.raises(DataError, match=words) as error:
        check_table(TABLE, replace(ROLES, missing=(("debt", "much"), *missing.items())))
    if "debt" not in missing:
        assert "much isn't a number" in error.value.message


@pytest.mark.parametrize("text", ["age", "age=", "=median", ""])
def test_what_is_no_treatment_is_refused(text):
    with pytest.raises(DataError, match="doesn't say what to do"):
        parse_missing(text)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_gap_is_filled_and_no_value_changes_unless_asked(data):
    rows = data.draw(st.integers(12, 40))
    label, sex = ["yes", "no"] * rows, ["f", "f", "m", "m"] * rows
    whole = data.draw(st.lists(st.none() | st.integers(-(10**9), 10**9), min_size=rows, max_size=rows))
    words = data.draw(st.lists(st.none() | st.sampled_from(["a", "b", "NA", "10"]), min_size=rows, max_size=rows))
    frame = pd.DataFrame(
        {"paid": label[:rows], "sex": sex[:rows], "whole": pd.Series(whole, dtype=float), "words": pd.Series(words, dtype=object)}
    )
    checked = check_table(frame, replace(ROLES, categorical=()))
    file = pd.read_csv(io.BytesIO(to_csv(checked.frame)), dtype=str, keep_default_na=False)
    assert file["whole"].tolist() == ["" if value is None else str(value) for value in whole]
    names = {str(code): text for text, code in checked.coding.get("words", {}).items()} | {"": None}
    assert [names.get(cell, cell) for cell in file["words"]] == words
