"""What a table gives away, in a person's own words and values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.analysis import find_leaks
from core.analysis.tables.value_names import ValueNames
from core.views.data.leak_sentences import describe_leaks, report_leaks

RANDOM = np.random.default_rng(2)
LATE = RANDOM.integers(0, 2, 400)
TABLE = pd.DataFrame({"paid": LATE, "age": RANDOM.integers(18, 80, 400), "debt": RANDOM.random(400)})
NAMES = ValueNames.from_coding({"paid": {"yes": 0, "no": 1}, "stamp": {"ok": 0, "written off": 1}})
REMEDY = "If it is known only after the outcome, leave it out."


def describe(**columns):
    return describe_leaks(find_leaks(TABLE.assign(**columns), "paid"), "paid", NAMES)


def test_each_finding_has_its_size_and_a_remedy():
    size = "(AUC 1.000, right in 400 of 400 rows)"
    assert describe(stamp=LATE) == [
        "stamp is the label under another name: stamp = ok always has paid = yes; stamp = written off always has paid = no "
        f"{size}. {REMEDY}"
    ]
    assert describe(fee=np.where(LATE, 1200 + 10 * RANDOM.random(400), 1000 + RANDOM.integers(0, 200, 400))) == [
        f"fee alone gives the label away: every row above 1,199 has paid = no, every other one paid = yes {size}. {REMEDY}"
    ]
    assert describe(collected=np.where(LATE, RANDOM.random(400), np.nan)) == [
        f"Whether collected is empty gives the label away {size}. {REMEDY}"
    ]
    (text,) = describe(flag=np.where(np.arange(400) < 8, 1 - LATE, LATE))
    assert text.startswith("flag is nearly the label: flag = 0 mostly has paid = yes; flag = 1 mostly has paid = no (AUC 0.98")
    assert "right in 392 of 400 rows" in text
    assert describe(number=range(400)) == [
        "number looks like an id: 400 different values in 400 rows, they rise or fall with the row number. "
        "Leave it out: a model learns single rows from it by heart."
    ]


def test_rows_that_stand_in_the_table_twice():
    (text,) = describe_leaks(find_leaks(pd.concat([TABLE, TABLE.head(100)]), "paid"), "paid")
    assert text == (
        "200 of 500 rows (40.0 %) stand in another row too, with every value and the label; 2 of them are to be expected, as different "
        "people who are alike. A model has seen such rows before it is tested: keep each row once."
    )
    (text,) = describe_leaks(find_leaks(pd.concat([TABLE] * 3), "paid"), "paid")
    assert "every row of the table stands in it 3 times" in text


def test_a_table_without_leaks_says_so_and_how_many_test_rows_are_alike():
    parts = {"training": np.arange(300), "held_out": {"test": np.arange(300, 400)}}
    assert report_leaks(find_leaks(TABLE, "paid", **parts), "paid") == ["No feature alone gives the label away, and none looks like an id."]
    few = find_leaks(TABLE.drop(columns="debt"), "paid", **parts)
    assert f"{few.twins_in_training['test'].rows} of 100 test rows stand in training too" in report_leaks(few, "paid")[1]
