"""Everything about a table is found in one look, with what is done."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from core.analysis.tables.table_examination import examine_table
from core.analysis.tables.table_reading import read_frame

ROWS = 200
AGES = [20 + i * 7 % 50 for i in range(ROWS)]


def look(**columns):
    reading = examine_table(read_frame(pd.DataFrame({"age": AGES, **columns})))
    return {finding.column: (finding.kind, finding.treatment) for finding in reading.findings if finding.choices}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("Unnamed: 0", range(ROWS), ("nameless", "leave out")),
        ("", range(1, ROWS + 1), ("nameless", "leave out")),
        ("customer_id", [f"C{i:05}" for i in range(ROWS)], ("id", "leave out")),
        ("EmployeeNumber", [3 * i + i % 2 for i in range(ROWS)], ("id", "leave out")),
        ("patient_id", [1000 + i // 2 * 17 % 997 for i in range(ROWS * 2)][::2], ("id", "leave out")),
        ("row", np.random.default_rng(1).permutation(ROWS), ("id", "leave out")),
        ("country", ["DE"] * ROWS, ("constant", "leave out")),
        ("version", [2] * ROWS, ("constant", "leave out")),
        ("empty", [None] * ROWS, ("constant", "leave out")),
        ("since", [f"2024-01-{1 + i % 28:02}" for i in range(ROWS)], ("dates", "leave out")),
        ("job", [f"job {i % 101}" for i in range(ROWS)], ("id", "leave out")),
        ("again", AGES, ("duplicate", "leave out")),
        ("amount", [0.0] * 190 + [125.72] * 10, ("mostly whole", "continuous")),
        ("rate", ["1.5", "unknown"] * 100, ("numbers and words", None)),
        ("income", [(i * 7919) % 100_003 for i in range(ROWS)], None),
        ("price", [i + 0.5 for i in range(ROWS)], None),
        ("sex", ["f", "m"] * 100, None),
        ("gap", [1.0, None] * 100, None),
    ],
)
def test_each_kind_of_column_is_found_and_treated(name, values, expected):
    assert look(**{name: list(values)}).get(name) == expected


def test_the_fraction_of_a_mostly_whole_column_is_shown_as_one():
    reading = examine_table(read_frame(pd.DataFrame({"term": [360.0] * 190 + [999998.5] * 10})))
    assert "has fractions in the others (999998.5 in row 191)" in reading.findings[0].message


def test_text_of_many_values_is_left_out_with_its_number():
    reading = examine_table(read_frame(pd.DataFrame({"age": AGES * 3, "job": [f"job {i % 101}" for i in range(3 * ROWS)]})))
    (finding,) = reading.findings
    assert (finding.kind, finding.treatment) == ("many values", "leave out")
    assert "101 different values" in finding.message


def test_text_that_must_be_decided_has_choices_and_no_treatment():
    reading = examine_table(read_frame(pd.DataFrame({"rate": [f"{i}.5" for i in range(40)] + ["unknown"]})))
    (finding,) = reading.findings
    assert (finding.blocks, finding.treatment, finding.choices) == (True, None, ("leave out", "categorical"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([f"text {i % 2000}" for i in range(6000)], [f"text {i % 2000}" if i % 2000 < 1500 else f"else {i % 2000}" for i in range(6000)]),
        ([2**60 + 2 * (i * i % 47) for i in range(6000)], [2**60 + 2 * (i * i % 47) + i % 2 for i in range(6000)]),
    ],
    ids=["texts that differ late", "numbers that differ in the last digit"],
)
def test_columns_that_nearly_agree_are_not_called_equal(one, other):
    reading = examine_table(read_frame(pd.DataFrame({"age": [AGES[i % ROWS] for i in range(6000)], "one": one, "other": other})))
    assert not [finding for finding in reading.findings if finding.kind == "duplicate"]
    reading = examine_table(read_frame(pd.DataFrame({"age": [AGES[i % ROWS] for i in range(6000)], "one": one, "other": one})))
    assert [finding.twin for finding in reading.findings if finding.kind == "duplicate"] == ["one"]


def test_an_infinite_number_is_examined_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        examine_table(read_frame(pd.DataFrame({"age": AGES, "until": [1.0, float("inf")] * (len(AGES) // 2)})))
