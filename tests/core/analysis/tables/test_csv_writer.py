"""Tables as CSV: the same bytes as pandas'."""

import numpy as np
import pandas as pd
import pytest

from core.analysis.tables import csv_writer
from core.analysis.tables.csv_writer import header_line, row_lines, to_csv

RANDOM = np.random.default_rng(3)
EVERY_KIND = pd.DataFrame(
    {
        "amount": [0.1, -0.0, 0.0, np.nan, np.inf, 1e16, 123456789.125],
        "small": [1e-5, 1e-4, 5e-324, 1.0, 2.5e-7, -3.0, 1e22],
        "whole": pd.array([1, None, 3, -4, 5, 2**53 + 1, 0], dtype="Int64"),
        "number": [1, 2, 3, 4, 5, -(2**62), 7],
        "large": np.array([2**63 + 5, 1, 2, 3, 4, 5, 6], dtype=np.uint64),
        "text": ["a", "b,c", 'say "x"', "line\nend", None, "", "käse; 1"],
        "band": pd.Categorical(["<30", "≥30", None, "<30", "<30", "≥30", "<30"]),
        "true": [True, False, True, True, False, True, False],
        "single": np.array([0.1, 2, 3, np.nan, 5, 6, 7], dtype=np.float32),
    }
)


def by_pandas(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    return frame.to_csv(index=False, header=header, lineterminator="\n").encode()


@pytest.mark.parametrize(
    "columns", [list(EVERY_KIND), ["amount", "small", "whole", "number", "large", "text"], ["number", "amount"], ["amount"], ["text"]]
)
@pytest.mark.parametrize("header", [True, False])
def test_every_kind_of_column_is_written_as_pandas_writes_it(columns, header):
    assert to_csv(EVERY_KIND[columns], header=header) == by_pandas(EVERY_KIND[columns], header=header)


def test_numbers_of_every_size_are_written_as_pandas_writes_them():
    bits = RANDOM.integers(0, 2**64, (4000, 3), dtype=np.uint64).view(np.float64)
    amounts = np.round(np.exp(RANDOM.normal(8, 4, (4000, 3))), 2)
    frame = pd.DataFrame(np.hstack([bits, amounts, 10.0 ** RANDOM.integers(-8, 20, (4000, 2))]))
    assert to_csv(frame) == by_pandas(frame)


def test_parts_of_a_table_are_written_as_the_whole(monkeypatch):
    monkeypatch.setattr(csv_writer, "ROWS_AT_A_TIME", 3)
    assert to_csv(EVERY_KIND) == by_pandas(EVERY_KIND)
    frame = EVERY_KIND[["amount", "text", "whole", "true"]]
    assert "\n".join([header_line(frame.columns), *row_lines(frame), ""]).encode() == by_pandas(frame)


def test_names_of_columns_are_quoted_where_they_must_be():
    frame = pd.DataFrame({"a,b": [1], 'say "x"': [2], 3: [4]})
    assert to_csv(frame) == by_pandas(frame)


def test_a_table_without_rows_is_its_header():
    assert to_csv(EVERY_KIND.head(0)) == by_pandas(EVERY_KIND.head(0))
