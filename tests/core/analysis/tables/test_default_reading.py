"""Cells that pandas' defaults read as something else are found, and numbers aren't."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.tables.default_reading import find_misread_cells


@pytest.mark.parametrize(
    ("other", "cell", "named"),
    [
        *(("DE", word, word) for word in ("NA", "None", "null", "nan", "N/A")),
        *(("02", "01", "01"), ("True", "true", "true"), ("m", "f ", "f "), ("500", '"10,000"', "10,000"), ("3 %", "45 %", "45 %")),
    ],
)
def test_a_cell_that_is_read_as_something_else_is_named_with_its_column_and_row(other, cell, named):
    assert find_misread_cells(f"row,x\n1,{cell}\n2,{other}\n") == {"x": (named, 1)}


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(-(2**62), 2**62), st.floats(allow_nan=True, allow_infinity=False), st.sampled_from(["a", "b c", "É"])),
        min_size=1,
    )
)
def test_numbers_gaps_and_plain_words_are_read_alike(rows):
    text = io.StringIO()
    pd.DataFrame(rows, columns=["whole", "fraction", "word"]).to_csv(text, index=False)
    assert find_misread_cells(text.getvalue()) == {}
