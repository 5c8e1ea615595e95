"""Columns of numbers looked at all at once: the same as each by itself."""

import numpy as np
import pandas as pd
import pytest

from core.analysis.tables import number_blocks
from core.analysis.tables.number_blocks import (
    columns_of_many_values,
    count_distinct_by_column,
    most_distinct_by_column,
    share_of_whole_cells,
)

RANDOM = np.random.default_rng(4)


@pytest.fixture(params=["together", "each by itself"])
def table(request, monkeypatch):
    """Columns of both kinds with gaps, words between them; in a long table each column is a block of its own."""
    monkeypatch.setattr(number_blocks, "LONG_TABLE_ROWS", 10**6 if request.param == "together" else 10)
    monkeypatch.setattr(number_blocks, "CELLS_AT_A_TIME", 1000)
    frame = pd.DataFrame({f"f{i}": RANDOM.integers(0, 5 * i + 2, 300) / (1 + i % 2) for i in range(6)})
    frame = frame.mask(RANDOM.random(frame.shape) < 0.2).assign(empty=np.nan, word="x", large=np.inf)
    return frame.assign(**{f"i{i}": RANDOM.integers(-3, 4 * i, 300) for i in range(1, 6)})


def test_every_column_of_numbers_is_in_one_block_at_its_place(table):
    found = {
        int(place): values for places, block in number_blocks.number_blocks(table) for place, values in zip(places, block, strict=True)
    }
    assert sorted(found) == [place for place, name in enumerate(table) if name != "word"]
    for place, values in found.items():
        assert np.array_equal(values, table.iloc[:, place].to_numpy(), equal_nan=values.dtype.kind == "f")


def test_counts_and_shares_are_those_of_each_column(table):
    for places, block in number_blocks.number_blocks(table):
        columns = [table.iloc[:, place] for place in places]
        assert count_distinct_by_column(block).tolist() == [column.nunique() for column in columns]
        if block.dtype.kind == "f":
            whole = [float(np.mean(known == np.floor(known))) if len(known := column.dropna()) else np.nan for column in columns]
            assert share_of_whole_cells(block).tolist() == pytest.approx(whole, nan_ok=True)
        else:
            assert all(most >= column.nunique() for most, column in zip(most_distinct_by_column(block), columns, strict=True))


def test_columns_of_many_values_have_more_than_the_limit(table):
    counts = table.drop(columns="word").nunique()
    assert {table.columns[place] for place in columns_of_many_values(table, 6)} == set(counts.index[counts > 6])


def test_a_table_without_rows_has_no_blocks(table):
    assert list(number_blocks.number_blocks(table.head(0))) == []
