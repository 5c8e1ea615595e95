"""Where a table begins in a text, and what separates it: as people's programs write tables."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.tables.table_layout import SEPARATORS, find_layout
from core.analysis.tables.table_reading import read_table


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (",paid,sex\n0,1,f\n1,0,m\n", {"Unnamed: 0": [0, 1], "paid": [1, 0], "sex": ["f", "m"]}),
        ('"paid","sex"\n"17",1,"f"\n"3",0,"m"\n', {"Unnamed: 0": [17, 3], "paid": [1, 0], "sex": ["f", "m"]}),
        ("paid\tsex\nAnn\t1\tf\nBob\t0\tm\n", {"Unnamed: 0": ["Ann", "Bob"], "paid": [1, 0], "sex": ["f", "m"]}),
        ("a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
        ("sep=;\na;b\n1,5;2\n", {"a": [1.5], "b": [2]}),
        ("Loans, all branches\n\nx,y,z,u,v\n1,2,3,4,5\n", {"x": [1], "y": [2], "z": [3], "u": [4], "v": [5]}),
        ("Loans,,\nx,y,z\n1,2,3\n", {"x": [1], "y": [2], "z": [3]}),
        (",X1,X2\nID,SEX,AGE\n1,2,3\n2,3,4\n", {"ID": [1, 2], "SEX": [2, 3], "AGE": [3, 4]}),
        ("a|b\n1|2\n", {"a": [1], "b": [2]}),
        ("\n\na,b\n1,2\n", {"a": [1], "b": [2]}),
        ('a,"b;c;d"\n1,2\n', {"a": [1], "b;c;d": [2]}),
        ("a;b\n1,5;2,5\n3,5;4,5\n", {"a": [1.5, 3.5], "b": [2.5, 4.5]}),
    ],
)
def test_a_table_is_found_in_its_file(text, columns):
    frame = read_table(text).frame.dropna(axis=1, how="all")
    assert frame.to_dict("list") == columns


@pytest.mark.parametrize("text", ["a,b\n1,2,3\n4,5,6\n", "a,b\n1,2\n3,4,5,6\n", "a,b\n1,2,3,4\n5,6,7,8\n"])
def test_lines_that_do_not_fit_the_header_are_no_titles_and_no_row_names(text):
    layout = find_layout(text)
    assert (layout.start, layout.row_names, layout.open_end) == (0, False, False)


@given(
    st.lists(st.lists(st.text("abcxyz ,;'\"\n", max_size=5).map(lambda cell: f"w{cell}"), min_size=3, max_size=3), min_size=3, max_size=8),
    st.sampled_from(sorted(SEPARATORS)),
)
def test_what_csv_writes_begins_at_its_header(rows, separator):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([["first", "second", "third"], *rows])
    layout = find_layout(text.getvalue())
    assert (layout.start, layout.titles) == (0, ())
