"""What is said of a table's columns: nothing is left out without a word, and nobody is said to have chosen what was proposed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from core.analysis.tables.table_examination import examine_table
from core.analysis.tables.table_reading import read_frame
from core.data.column_roles import detect_roles
from core.data.table_check import check_table
from core.data.threshold_facets import add_threshold_facets, parse_threshold

ROWS = 200
TABLE = pd.DataFrame(
    {
        "paid": ["yes" if i % 3 else "no" for i in range(ROWS)],
        "sex": ["f" if i % 2 else "m" for i in range(ROWS)],
        "age": [20 + i * 7 % 50 for i in range(ROWS)],
        "years": [20 + i * 7 % 50 for i in range(ROWS)],
        "customer": range(ROWS),
        "debt": [i * i % 97 / 7 for i in range(ROWS)],
    }
)


def notes(reading, **changes):
    roles = replace(detect_roles(reading, label="paid", facet="sex", **changes.pop("roles", {})), **changes)
    return check_table(reading, roles).notes


def test_a_column_that_was_proposed_to_be_left_out_is_not_said_to_be_chosen():
    said = notes(examine_table(read_frame(TABLE)))
    assert [one for one in said if "customer" in one] == [
        "Column customer looks like an id: another number in every row (0, 1, …). It's left out."
    ]
    assert not any("choice" in one for one in said)
    said = notes(examine_table(read_frame(TABLE)), ignored=("customer", "years", "debt"))
    assert said[-1] == "Left out by choice: debt."


def test_without_an_examination_nobody_knows_why_a_column_is_left_out():
    assert notes(read_frame(TABLE), ignored=("customer",))[-1] == "Left out as the roles say: customer."


def test_the_other_one_of_two_equal_columns_and_the_column_of_a_threshold_are_named_too():
    reading = examine_table(read_frame(TABLE))
    assert notes(reading, group=None, ignored=("years", "age"))[-1] == "Left out by choice: age."
    reading = add_threshold_facets(reading, [parse_threshold("debt <= 5")])
    said = notes(reading, roles={"further_facets": (("debt <= 5", "yes"),)}, ignored=("debt",))
    assert said[-1] == "Left out by choice: debt."
