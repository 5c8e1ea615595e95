"""Kinds of columns, integers that stay integers, and bins."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.tables.column_kinds import ColumnError, bin_group, infer_column_kinds, to_integers


def test_kinds_are_told_apart():
    rows = 100
    frame = pd.DataFrame(
        {
            "SEX": np.arange(rows) % 2 + 1,
            "PAY": (np.arange(rows) % 11 - 2).astype(float),
            "AGE": np.arange(rows) % 50 + 20,
            "RATE": np.linspace(0, 1, rows),
            "CITY": ["a", "b"] * (rows // 2),
        }
    )
    assert infer_column_kinds(frame) == {"SEX": "categorical", "PAY": "categorical", "AGE": "integer", "RATE": "continuous", "CITY": "text"}


def test_whole_floats_are_written_without_a_point():
    frame = pd.DataFrame({"SEX": [1.0, 2.0, 1.0], "AMOUNT": [1.5, 2.0, 3.0], "CODE": ["1", "2.0", "3"]})
    assert to_integers(frame).to_csv(index=False) == "SEX,AMOUNT,CODE\n1,1.5,1\n2,2.0,2\n1,3.0,3\n"


def test_a_coded_column_with_a_fraction_is_refused_by_name():
    frame = pd.DataFrame({"SEX": [1.0, 2.0, 1.37]})
    with pytest.raises(ColumnError, match=r"column SEX: mixes whole numbers and fractions: .*1\.37.* in row 3") as error:
        to_integers(frame, coded=["SEX"])
    assert error.value.column == "SEX"


def test_amounts_with_cents_are_no_coded_column():
    amounts = pd.DataFrame({"AMOUNT": np.arange(0, 50, 0.25)})
    assert to_integers(amounts)["AMOUNT"].tolist() == amounts["AMOUNT"].tolist()


def test_text_among_numbers_is_refused_with_its_row():
    with pytest.raises(ColumnError, match=r"column AGE: mixes numbers and text: 'unknown' in row 2"):
        to_integers(pd.DataFrame({"AGE": ["31", "unknown", "40"]}))


def test_text_is_refused_where_a_code_is_needed():
    with pytest.raises(ColumnError, match="LABEL: must hold numbers"):
        to_integers(pd.DataFrame({"LABEL": ["yes", "no"]}), coded=["LABEL"])


def test_a_missing_value_is_refused_in_a_coded_column_only():
    frame = pd.DataFrame({"SEX": [1.0, np.nan, 2.0]})
    assert to_integers(frame).to_csv(index=False, na_rep="-").split() == ["SEX", "1", "-", "2"]
    assert to_integers(frame, categorical=["SEX"])["SEX"].dtype == "Int64"
    with pytest.raises(ColumnError, match=r"mixes whole numbers and fractions: 1\.5 in row 3, 1 such of 3 rows"):
        to_integers(pd.DataFrame({"SEX": [1.0, None, 1.5]}), categorical=["SEX"])
    with pytest.raises(ColumnError, match="no value in 1 of 3 rows, first in row 2"):
        to_integers(frame, coded=["SEX"])


def test_a_coded_column_that_is_not_there_is_named():
    with pytest.raises(ColumnError, match="GENDER"):
        to_integers(pd.DataFrame({"SEX": [1]}), coded=["GENDER"])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=30))
def test_integers_survive_a_trip_through_floats_and_csv(values):
    gapped = to_integers(pd.DataFrame({"x": np.array([*values, np.nan]), "y": 0})).to_csv(index=False)
    assert gapped == "x,y\n" + "".join(f"{value},0\n" for value in values) + ",0\n"
    written = to_integers(pd.DataFrame({"x": np.array(values, dtype=float)})).to_csv(index=False)
    assert pd.read_csv(io.StringIO(written))["x"].tolist() == values
    assert "." not in written


def test_ages_are_binned_with_both_ends_named():
    bins = bin_group(pd.Series([20, 29, 30, 39, 40, 75]), [30, 40])
    assert bins.tolist() == ["<30", "<30", "30–39", "30–39", "≥40", "≥40"]


def test_a_number_of_bins_makes_about_equally_many_rows_each():
    ages = pd.Series(np.random.default_rng(0).integers(20, 80, 5000))
    counts = bin_group(ages, 5).value_counts()
    assert len(counts) == 5
    assert counts.min() > 0.8 * 1000


def test_few_values_are_bins_themselves():
    assert bin_group(pd.Series([3, 1, 2, 1]), 5).tolist() == ["3", "1", "2", "1"]
    assert bin_group(pd.Series(["x", "y"]), 1).tolist() == ["x", "y"]


def test_a_missing_value_has_no_bin():
    assert bin_group(pd.Series([1.5, np.nan, 2.5]), [2]).isna().tolist() == [False, True, False]


@pytest.mark.parametrize("edges", [[], [40, 30], [30, 30]])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(ValueError, match="ascend"):
        bin_group(pd.Series([1, 2, 3]), edges)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(1, 8))
def test_every_value_gets_a_bin_and_bins_keep_the_order(values, bins):
    series = pd.Series(values)
    result = bin_group(series, bins)
    assert not result.isna().any()
    assert result.nunique() <= max(bins, 1)
    assert result.cat.codes[series.argsort()].is_monotonic_increasing
