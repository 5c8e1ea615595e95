"""A file is read as what it is, or named as what it is, with the remedy."""

from __future__ import annotations

import gzip
import io
import zipfile

import pandas as pd
import pytest

from core.data.csv_reader import read_csv
from core.errors import DataError

TEXT = "name,city\nJosé,Zürich\nAnn,Köln\n"


def zipped(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
    return content.getvalue()


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"), ("cp1252", "'José'")],
)
def test_each_encoding_is_read_and_said(encoding, words):
    reading = read_csv(TEXT.encode(encoding))
    assert reading.frame["city"].tolist() == ["Zürich", "Köln"]
    assert [words in note for note in reading.notes] == ([] if words is None else [True])


def test_a_person_may_name_the_encoding():
    assert read_csv(TEXT.encode("cp850"), encoding="cp850").frame["city"].tolist() == ["Zürich", "Köln"]
    with pytest.raises(DataError, match="encoding klingon doesn't exist"):
        read_csv(TEXT.encode(), encoding="klingon")


def test_parquet_is_read_by_the_rules_of_text():
    frame = pd.DataFrame({"paid": ["yes", "no"], "income": ["5,000", "10,000"], "since": pd.to_datetime(["2024-01-31", "2024-02-01"])})
    reading = read_csv(frame.to_parquet())
    assert reading.frame["income"].tolist() == [5000, 10000]
    assert [finding.kind for finding in reading.findings] == ["number format", "dates"]
    assert list(read_csv(frame.set_index("paid").to_parquet()).frame.columns) == ["paid", "income", "since"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped("loans.csv"), "is a zip archive. Unpack it, and give the table in it: loans.csv"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "is an Excel workbook .xlsx.. Save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "an Excel workbook of the old kind"),
        (b'[{"a": 1}]', "is JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "lines=True"),
        (gzip.compress(b'{"a": [1]}', mtime=0), "is JSON"),
        (b"BZh91AY&SY\x00\x17", "bzip2"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"% title\n@RELATION loans\n@data\n", "an ARFF file"),
        (b"PAR1 damaged PAR1", "is a damaged parquet file"),
        (b"PK\x03\x04damaged", "is a damaged zip archive"),
    ],
)
def test_other_files_are_named_with_the_remedy(content, words):
    with pytest.raises(DataError, match=words) as error:
        read_csv(content)
    assert error.value.hint


def test_columns_called_like_a_format_are_columns():
    assert read_csv(b"ORC,b\n1,2\n").frame.columns.tolist() == ["ORC", "b"]
