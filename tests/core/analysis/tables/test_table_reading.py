"""Text is text, a number is what the whole column says, and nothing but an empty cell is missing."""

from __future__ import annotations

import csv
import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paths import ROOT

from core.analysis.tables.csv_cells import TableError, clean_text
from core.analysis.tables.number_formats import parse_number
from core.analysis.tables.table_reading import read_frame, read_table
from core.analysis.tables.text_columns import sort_texts

CASES = ROOT / "tests/data/cases"
WORDS = ["NA", "N/A", "nan", "NaN", "None", "null", "NULL", "<NA>", "true", "False", "TRUE", "nil", "-", "?", "#N/A", "Namibia"]


def column(*cells, separator=",", **options):
    """The one column of a file with these cells, and its findings."""
    lines = pd.DataFrame({"x": cells, "row": range(len(cells))}).to_csv(index=False, sep=separator)
    reading = read_table(lines, **options)
    return reading.frame["x"], [finding for finding in reading.findings if finding.column == "x"]


def test_words_that_pandas_takes_for_missing_or_true_are_text():
    values, findings = column(*WORDS)
    assert values.tolist() == WORDS
    assert {"'NA' in row 1", "'None' in row 5"} <= {f.message.partition(": ")[2].partition(" is")[0] for f in findings}


def test_only_an_empty_cell_is_missing():
    reading = read_table('a,b\n"",1\n ,2\nNA,\n')
    assert reading.frame["a"].isna().tolist() == [True, True, False]
    assert reading.frame["b"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    "cells",
    [("1", "2", "U"), ("01", "02", "10"), ("true", "false", "true"), ("1", "1st", "2"), ("0.5", "low", "high", "mid"), ("A1", "B2", "C3")],
)
def test_codes_stay_as_they_are_written(cells):
    values, findings = column(*cells)
    assert values.tolist() == list(cells)
    assert not any(finding.blocks for finding in findings)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("5,000", "10,000", "750"), [5000, 10000, 750]),
        (("1,234,567", "89"), [1234567, 89]),
        (("1,00,000", "12,000"), [100000, 12000]),
        (("1 234", "12 345 678"), [1234, 12345678]),
        (("1\u202f234", "500"), [1234, 500]),
        (("1'234", "12'345.5"), [1234, 12345.5]),
        (("1,234.50", "7.25"), [1234.5, 7.25]),
        (("1.234,50", "7,25"), [1234.5, 7.25]),
        (("1,5", "2,25"), [1.5, 2.25]),
        (("0,5", "12,75", "3"), [0.5, 12.75, 3]),
        (("2 %", "10%", "0.5 %"), [2, 10, 0.5]),
        (("$12", "$1,200.50", "-$3"), [12, 1200.5, -3]),
        (("12 EUR", "7 EUR"), [12, 7]),
        (("€ 1.200,00", "€ 15,50"), [1200, 15.5]),
        (("(500)", "200", "($3)".replace("$", "")), [-500, 200, -3]),
        (("1e3", "2E-1"), [1000, 0.2]),
        (("\u22125", "3"), [-5, 3]),
        (("10 years", "1 year"), [10, 1]),
        (("+5", "-3", ".5", "1."), [5, -3, 0.5, 1]),
        (("1\u00a0", " 2"), [1, 2]),
    ],
)
def test_a_column_that_agrees_on_a_way_of_writing_is_numbers(cells, numbers):
    values, findings = column(*cells)
    assert values.tolist() == numbers
    assert not any(finding.blocks for finding in findings)


@pytest.mark.parametrize(
    ("cells", "kind", "example"),
    [
        (("1,5", "1,500"), "ambiguous number", "'1,500' in row 2 is 1500 or 1.5"),
        (("$5", "€6"), "mixed numbers", "'$5' in row 1, '€6' in row 2"),
        (("45 %", "0.45"), "mixed numbers", "'45 %' in row 1, '0.45' in row 2"),
        (("10k", "1.5M"), "mixed numbers", "'10k' in row 1, '1.5M' in row 2"),
        (("5,000", "7000"), "ambiguous number", "'5,000' in row 1 is 5000 or 5"),
        (("5,000", "$1.234,5"), "mixed numbers", "'5,000' in row 1, '$1.234,5' in row 2"),
        (("5,000", "10,000", "unknown"), "numbers and words", "'unknown' in row 3"),
        (("0.5", "0.25", "none", "none"), "numbers and words", "'none' in row 3 (2 rows)"),
        (("0.5", "0.25", "-", "NA"), "numbers and words", "'-' in row 3"),
        ((*map(str, range(40)), "lots"), "numbers and words", "'lots' in row 41"),
        (("2024-01-31", "2023-12-01"), "dates", "'2024-01-31' in row 1"),
        (("31.12.2023", "01.02.2024"), "dates", "'31.12.2023' in row 1"),
        (("1/2/24 10:30", "unknown", "3/4/24 9:05 pm"), "dates", "'1/2/24 10:30' in row 1"),
        (("5 Jan 2024", "Feb 3, 2024"), "dates", "'5 Jan 2024' in row 1"),
        (("10:30", "23:59:59"), "dates", "'10:30' in row 1"),
    ],
)
def test_what_reads_two_ways_is_a_finding_with_column_and_example(cells, kind, example):
    values, findings = column(*cells)
    (finding,) = [finding for finding in findings if finding.blocks]
    assert (finding.kind, finding.column) == (kind, "x")
    assert example in finding.message
    assert finding.hint
    assert values.tolist() == list(cells)


@pytest.mark.parametrize("word", ["NA", "NaN", "<NA>", "#N/A", "NULL", ".", "?", "n/a"])
def test_what_software_writes_for_a_missing_number_is_an_empty_cell_and_said(word):
    values, (finding,) = column("22.5", word, "31", word)
    assert values.isna().tolist() == [False, True, False, True]
    assert values.dropna().tolist() == [22.5, 31]
    assert (finding.kind, finding.rows, finding.blocks) == ("gap words", 2, False)
    assert f"'{word}' in row 2 (2 rows)" in finding.message


def test_a_missing_number_among_written_ones_leaves_their_reading_to_them():
    values, findings = column("5,000", "NA", "10,000")
    assert values.dropna().tolist() == [5000, 10000]
    assert [finding.kind for finding in findings] == ["gap words", "number format"]
    (blocking,) = [finding for finding in column("$5", "?", "€6")[1] if finding.blocks]
    assert blocking.kind == "mixed numbers"


def test_a_missing_number_beside_few_codes_is_missing_and_other_words_are_codes():
    assert column("1", "2", ".", "1")[0].isna().tolist() == [False, False, True, False]
    values, findings = column("1", "2", "U", "1")
    assert values.tolist() == ["1", "2", "U", "1"]
    assert [finding.kind for finding in findings] == ["codes"]
    assert column("01", "02", "NA")[0].tolist() == ["01", "02", "NA"]


def test_a_person_may_say_which_mark_is_the_decimal_one():
    assert column("1,5", "1,500", decimal=",")[0].tolist() == [1.5, 1.5]
    assert column("5,000", "10,000", decimal=",")[0].tolist() == [5, 10]
    assert column("5,000", "10,000", decimal=".")[0].tolist() == [5000, 10000]


def test_the_rest_of_the_table_shows_the_decimal_mark_or_contradicts():
    assert read_table("x;y\n1.500;12,5\n2.000;7,25\n").frame["x"].tolist() == [1500, 2000]
    assert [f.column for f in read_table("x;y\n1.500;a\n2.000;b\n").blocking()] == ["x"]
    assert [f.column for f in read_table("x;y\n5,000;a\n6,000;b\n").blocking()] == ["x"]
    assert [f.column for f in read_table('x,y\n"5,000","1,5"\n"6,000","2,5"\n').blocking()] == ["x"]
    assert read_table("x;y\n1.55;a\n0.25;b\n").frame["x"].tolist() == [1.55, 0.25]


def test_spaces_and_invisible_characters_are_removed_and_counted():
    values, (finding,) = column("f ", "f", "\ufeffm", "m\u00a0", "m\u200b", "cafe\u0301")
    assert values.tolist() == ["f", "f", "m", "m", "m", "café"]
    assert (finding.kind, finding.rows) == ("cleaned", 5)
    assert "from 5 cells" in finding.message


def test_values_that_differ_only_in_case_or_spaces_stay_apart_and_are_named():
    reading = read_table("sex,town\nF,New York\nf,New  York\nm,Bonn\nf,Köln\n")
    assert reading.frame["sex"].tolist() == ["F", "f", "m", "f"]
    sex, town = reading.findings
    assert sex.message.endswith("count as different ones: 'F' in row 1 and 'f' in row 2 (2 rows).")
    assert (sex.rows, sex.blocks, town.rows) == (3, False, 2)
    assert read_table("sex\nf\nm\nfm\n").findings == ()


def test_names_are_cleaned_like_cells():
    assert list(read_table("\ufeffage\u00a0, cafe\u0301\n1,2\n").frame.columns) == ["age", "café"]


def test_semicolons_and_tabs_are_read_and_said():
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        reading = read_table(f"paid{separator}sex\n1{separator}m\n")
        assert reading.frame.to_dict("list") == {"paid": [1], "sex": ["m"]}
        assert reading.notes == (f"The file is separated by {name}.",)
    assert list(read_table('"a;b",c\n1,2\n').frame.columns) == ["a;b", "c"]


def test_columns_in_another_order_than_headers_are_ordered_by_name():
    reading = read_table("b,a\n1,2\n", headers=["a", "b"])
    assert reading.frame.to_dict("list") == {"a": [2], "b": [1]}
    assert read_table("1,2\n3,4\n", headers=["a", "b"]).frame["a"].tolist() == [1, 3]


@pytest.mark.parametrize("first", ["Age,income", "age,wages", "years,pay"])
def test_a_first_line_with_other_names_than_headers_is_refused(first):
    with pytest.raises(TableError, match="headers has age, income; the first line has") as error:
        read_table(f"{first}\n30,40\n31,41\n", headers=["age", "income"])
    assert first.split(",")[0] in str(error.value)


@pytest.mark.parametrize(
    ("path", "name", "check"),
    [
        ("facet-NA/data.csv", "country", lambda v: (v == "NA").sum() == 20),
        ("label-None/data.csv", "class", lambda v: (v == "None").sum() == 50),
        ("numbers-as-text/loans.csv", "income", lambda v: v.tolist()[:6] == [5000, 6000, 7000, 8000, 9000, 10000]),
        ("numbers-as-text/loans.csv", "rate", lambda v: v.tolist()[:10] == list(range(1, 11))),
        ("thousands.csv", "income", lambda v: v.dtype == np.int64 and v[0] == 34000),
        ("trailing_space_facet.csv", "sex", lambda v: set(v) == {"f", "m"}),
        ("08_semicolon.csv", "income", lambda v: v[0] == 9354.91),
    ],
)
def test_the_cases_read_as_they_are(path, name, check):
    reading = read_table((CASES / path).read_text())
    assert check(reading.frame[name])
    assert not reading.blocking()


def test_texts_are_ordered_by_their_numbers():
    assert sort_texts(["35+", "<18", "18-24", "25-34"]) == ["<18", "18-24", "25-34", "35+"]
    assert sort_texts(["10,000 and more", "5,000 to 9,999", "under 5,000"]) == ["under 5,000", "5,000 to 9,999", "10,000 and more"]
    assert sort_texts(["U", "10", "2", "1"]) == ["1", "2", "10", "U"]
    assert sort_texts(["b", "a", "C"]) == ["C", "a", "b"]


CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    st.sampled_from([*WORDS, "01", "1e3", "0.50", "10,000", "45 %", " f", "f ", "\ufeffx", '"', "a,b", "a;b", "x\ny"]),
    st.integers(-(10**6), 10**6).map(str),
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_any_cells_come_back_as_text_or_as_a_column_of_numbers(rows):
    frame = pd.DataFrame(rows, columns=["one", "two"]).astype(object)
    read = read_table(frame.to_csv(index=False, quoting=csv.QUOTE_ALL))
    for name in frame:
        cells = [clean_text(text) for text in frame[name]]
        back = read.frame[name]
        assert back.isna().tolist() == [not text for text in cells]
        if back.dtype.kind in "iuf":
            marks = [[parse_number(text, mark) for text in cells if text] for mark in (".", ",")]
            assert any(None not in numbers and [n.value for n in numbers] == back.dropna().tolist() for numbers in marks)
        else:
            assert back.dropna().tolist() == [text for text in cells if text]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20), st.sampled_from([",", ";"]))
def test_floats_come_back_exactly(numbers, separator):
    written = pd.DataFrame({"x": numbers, "word": "a"}).to_csv(index=False, sep=separator)
    read = read_table(written)
    assume(not read.blocking())
    assert read.frame["x"].tolist() == numbers


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=20).filter(lambda numbers: max(numbers) >= 1000))
def test_grouped_thousands_are_their_numbers_and_keep_their_order(numbers):
    assert column(*(f"{number:,}" for number in numbers))[0].tolist() == numbers


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.text(max_size=20))
def test_cleaning_is_stable_and_in_nfc(text):
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


def test_a_table_in_memory_is_read_by_the_same_rules():
    reading = read_frame(pd.DataFrame({"a": ["5,000", "10,000"], "b": [True, False], "c": [1, 2], "d": [None, "NA"]}))
    assert reading.frame["a"].tolist() == [5000, 10000]
    assert reading.frame["b"].tolist() == ["True", "False"]
    assert reading.frame["d"].isna().tolist() == [True, False]
    text = io.StringIO()
    reading.frame.to_csv(text, index=False)
    pd.testing.assert_frame_equal(read_table(text.getvalue()).frame, reading.frame)


def test_columns_of_one_name_are_told_apart_as_pandas_does_and_that_is_said():
    reading = read_table("score,age,score,score.1,score\n1,30,2,3,4\n5,40,6,7,8\n")
    assert list(reading.frame.columns) == ["score", "age", "score.2", "score.1", "score.3"]
    assert [finding.kind for finding in reading.findings] == ["same name"] * 2
    assert "called score: this one is called score.2" in reading.findings[0].message


def test_years_are_names_of_columns():
    assert list(read_table("1960,1961\n3,4\n5,6\n").frame.columns) == ["1960", "1961"]
    assert list(read_table("land,1960,1961\nDE,3,4\nFR,5,6\n").frame.columns) == ["land", "1960", "1961"]
