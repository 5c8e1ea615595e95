"""A table of strangers is coded as it reads: orders kept, words kept, everything that needs a decision said at once."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from paths import ROOT

from core.data.column_roles import ColumnRoles, detect_roles, parse_order
from core.data.csv_reader import read_csv
from core.data.table_check import check_table
from core.errors import DataError
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions

CASES = ROOT / "tests/data/cases"
ROLES = ColumnRoles("paid", "yes", "sex", "f")


def table(**columns):
    return pd.DataFrame({"paid": ["yes", "no"] * 20, "sex": ["f", "f", "m", "m"] * 10, "age": range(20, 60), **columns})


def test_a_given_order_is_the_codes_and_is_kept_with_the_roles():
    order = parse_order("risk=low,medium,high,extreme")
    checked = check_table(table(risk=["high", "low", "medium", "low"] * 10), replace(ROLES, ordered=(order,)))
    assert checked.coding["risk"] == {"low": 0, "medium": 1, "high": 2, "extreme": 3}
    assert checked.frame["risk"].tolist()[:4] == [2, 0, 1, 0]
    assert checked.roles.ordered == (order,)
    assert "risk" not in checked.roles.categorical


def test_an_order_that_lacks_a_value_is_refused_with_the_value():
    with pytest.raises(DataError, match=r"order of column risk .low, high. lacks medium"):
        check_table(table(risk=["high", "low", "medium", "low"] * 10), replace(ROLES, ordered=(("risk", ("low", "high")),)))


@pytest.mark.parametrize("text", ["risk", "risk=", "risk=low", "=low,high", "risk=low,low", "risk=low,,high"])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(DataError, match="is not an order"):
        parse_order(text)


@pytest.mark.parametrize("values", [["yes", "no", "NA", "no"], ["1", "0", "unknown", "0"]])
def test_a_label_with_a_word_for_unknown_is_refused_with_that_word(values):
    with pytest.raises(DataError, match="3 different value") as error:
        check_table(table(paid=values * 10), replace(ROLES, favourable=values[0]))
    assert f"If {values[2]} means that it isn't known, leave those cells empty" in error.value.hint


def test_rows_whose_label_is_a_missing_number_are_left_out_and_counted():
    checked = check_table(table(paid=["1", "0", ".", "0"] * 10), replace(ROLES, favourable=1))
    assert (len(checked.frame), checked.frame["paid"].sum()) == (30, 10)
    assert "10 rows have no paid (label) and are left out (the first is row 3)." in checked.notes


def test_everything_that_needs_a_decision_is_said_at_once():
    frame = table(since=["2024-01-31"] * 40, rate=["0.5", "none", "0.25", "0.1"] * 10, fee=["$1", "€2"] * 20, gap=[None, *range(39)])
    with pytest.raises(DataError) as error:
        check_table(frame, ROLES)
    for words in (
        "Column since has dates",
        "Column rate mixes numbers and text: 'none' in row 2",
        "column fee are written",
    ):
        assert words in error.value.message
    assert "gap" not in error.value.message
    left_out = check_table(frame, replace(ROLES, ignored=("since", "rate", "gap"), categorical=("fee",)))
    assert left_out.coding["fee"] == {"$1": 0, "€2": 1}


def test_codes_of_text_follow_its_numbers_and_codes_with_zeros_stay():
    checked = check_table(table(band=["25+", "<18", "18-24", "<18"] * 10, plan=["01", "1", "U", "2"] * 10), ROLES)
    assert checked.coding["band"] == {"<18": 0, "18-24": 1, "25+": 2}
    assert set(checked.coding["plan"]) == {"01", "1", "2", "U"}


def test_thousands_and_percents_are_learned_as_numbers():
    reading = read_csv(CASES / "numbers-as-text" / "loans.csv")
    checked = check_table(reading, replace(detect_roles(reading, label="paid", facet="sex"), favourable="yes"))
    assert set(checked.coding) == {"paid", "sex"}
    assert checked.frame["income"].tolist() == [int(text.replace(",", "")) for text in raw_column("income")]
    assert checked.frame["rate"].tolist() == [int(text.strip("%")) for text in raw_column("rate")]
    assert len(checked.notes) == 2


def raw_column(name):
    return pd.read_csv(CASES / "numbers-as-text" / "loans.csv", dtype=str)[name]


def test_a_value_with_a_space_behind_it_is_that_value_and_the_note_counts_the_cells():
    reading = read_csv(CASES / "trailing_space_facet.csv")
    checked = check_table(reading, detect_roles(reading, label="paid", facet="sex"))
    assert checked.coding["sex"] == {"f": 0, "m": 1}
    assert any("Column sex: spaces" in note and "54 cells" in note for note in checked.notes)


def test_messages_before_rebalancing_have_the_persons_own_values():
    reading = read_csv(CASES / "rare_facet_label12.csv")
    roles = detect_roles(reading, label="paid", favourable="1", facet="sex", facet_value="f")
    with pytest.raises(DataError, match="Only 1 row has paid = 2 and sex = f"):
        rebalancing_jobs.check_feasible(check_table(reading, roles), RebalancingOptions())


def test_a_label_with_an_order_longer_than_its_values_keeps_its_words():
    order = (("paid", ("never", "late", "always")),)
    roles = replace(ROLES, label="paid", favourable="always", ordered=order)
    checked = check_table(table(paid=["never", "always"] * 20), roles)
    assert (checked.coding["paid"], checked.roles.favourable) == ({"never": 1, "always": 0}, 0)


@pytest.mark.parametrize("favourable", [True, "True", "TRUE", 1])
def test_truth_values_are_found_in_any_spelling(favourable):
    checked = check_table(table(paid=["TRUE", "FALSE"] * 20), replace(ROLES, favourable=favourable))
    assert checked.coding["paid"] == {"FALSE": 0, "TRUE": 1}
    assert checked.roles.favourable == 1
