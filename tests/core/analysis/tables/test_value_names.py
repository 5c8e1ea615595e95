"""Codes are told by the words that people wrote, and keep them on the way to a container and back."""

from __future__ import annotations

import json

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.tables.value_names import ValueNames

LOANS = ValueNames.from_coding({"paid": {"1": 1, "2": 0}, "sex": {"f": 0, "m": 1}, "region": {"north": 0, "south": 1, "west": 2}})


def test_a_code_is_told_by_its_value_however_it_is_written() -> None:
    assert [LOANS.describe("sex", code) for code in (0, 0.0, "0", "0.0")] == ["sex = f"] * 4
    assert LOANS.describe("paid", 1) == "paid = 1"
    assert LOANS.describe("age", 30.0) == "age = 30"
    assert LOANS.describe("income", 0.5) == "income = 0.5"
    assert LOANS.describe_group("sex", 0) == "people with sex = f"
    assert LOANS.describe("paid", "0,1") == "paid = 0,1"


def test_all_others_are_the_other_value_if_there_is_only_one() -> None:
    assert LOANS.describe_others("sex", 0, [0, 1]) == "sex = m"
    assert LOANS.describe_others("region", 0, [0, 1, 2]) == "region other than north"


def test_nouns_stand_alone_and_a_coding_of_ones_own_goes_before_them() -> None:
    bundled = {"SEX": {1: "men", 2: "women"}}
    names = ValueNames.from_coding({}, bundled)
    assert (names.describe("SEX", 1), names.describe_group("SEX", 2), names.describe("SEX", 3)) == ("men", "women", "SEX = 3")
    assert ValueNames.from_coding({"SEX": {"f": 1}}, bundled).describe("SEX", 1) == "SEX = f"


def test_tables_and_groups_show_values_in_the_order_of_their_codes() -> None:
    frame = pd.DataFrame({"region": [2, 0, None], "age": [1, 2, 3]})
    assert LOANS.decode(frame.dropna())["region"].tolist() == ["west", "north"]
    groups = LOANS.to_categories(frame["region"])
    assert groups.cat.categories.tolist() == ["north", "west"]
    assert groups.isna().tolist() == [False, False, True]


@given(st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5), unique=True, max_size=5), max_size=4))
def test_names_survive_a_configuration(columns: dict[str, list[str]]) -> None:
    names = ValueNames.from_coding({column: {text: code for code, text in enumerate(texts)} for column, texts in columns.items()})
    read = ValueNames.from_json(json.loads(json.dumps(names.to_json())))
    assert all(read.value(column, code) == text for column, texts in columns.items() for code, text in enumerate(texts))


def test_a_file_without_names_is_read_too() -> None:
    for raw in (None, [], {}, {"values": 3, "nouns": "x"}, {"values": {"sex": ["f"]}}):
        assert ValueNames.from_json(raw).describe("sex", 0) == "sex = 0"
