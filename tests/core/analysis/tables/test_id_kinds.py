"""The one rule of what an id is: the examination of a table and the search for leaks find the same columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.analysis.leaks.leak_findings import find_leaks
from core.analysis.tables.table_examination import examine_table
from core.analysis.tables.table_reading import read_frame

ROWS = 400
RANDOM = np.random.default_rng(4)
COLUMNS = {
    "number": range(5, 5 + ROWS),
    "falling": range(3 * ROWS, 0, -3),
    "shuffled": RANDOM.permutation(ROWS) + 1000,
    "customer_id": RANDOM.choice(10**6, ROWS, replace=False),
    "loanId": [*RANDOM.choice(10**6, ROWS - 9, replace=False), *[None] * 9],
    "account": RANDOM.choice(10**6, ROWS, replace=False),
    "person_id": 7 * RANDOM.permutation(np.arange(ROWS) // 2 * 17 % 4001),
    "phone": RANDOM.choice(10**9, ROWS, replace=False) + 10**9,
    "code": [f"c-{i}" for i in RANDOM.permutation(ROWS)],
    "income": RANDOM.choice(90_000, ROWS, replace=False),
    "rate": RANDOM.random(ROWS),
    "branch_id": RANDOM.integers(0, 30, ROWS),
    "age": RANDOM.integers(18, 80, ROWS),
}
IDS = {"number", "falling", "shuffled", "customer_id", "loanId", "account", "person_id", "phone", "code"}


def found_by_both(frame):
    proposed = {finding.column for finding in examine_table(read_frame(frame)).findings if finding.kind == "id"}
    features = frame.assign(late=np.arange(len(frame)) % 3 == 0)
    return proposed, {column.feature for column in find_leaks(features, "late").ids}


def test_what_is_proposed_to_be_left_out_is_what_is_found_among_the_features():
    assert found_by_both(pd.DataFrame(COLUMNS)) == (IDS, IDS)


@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("n", range(1, 41), True),  # it counts the rows from 1
        ("age", RANDOM.permutation(np.arange(20, 60)), False),  # 40 people, each of another age
        ("income", sorted(RANDOM.choice(90_000, 40, replace=False)), False),  # few rows, sorted by it
        ("id", RANDOM.choice(90_000, 40, replace=False), True),
        ("name", [f"person {i}" for i in range(40)], True),
        ("id", range(10), False),
    ],
)
def test_in_small_tables_values_that_all_differ_say_little(name, values, is_id):
    frame = pd.DataFrame({"sex": ["f", "m"] * (len(values) // 2), name: list(values)})
    expected = {name} if is_id else set()
    assert found_by_both(frame) == (expected, expected)
