"""Benches at their smallest size: they run, agree with their peers, and keep nothing. `make benches` runs the long ones too."""

from __future__ import annotations

import importlib
import os

import pytest

from bench import growth_analysis, growth_pages, report
from bench.__main__ import NAMES
from bench.compare import RESULTS

LONG = {"app", "browsers", "demo", "pages"}
"""Those that take half a minute each: a whole workflow, servers and browsers."""
RUN = [name for name in NAMES if os.environ.get("BENCHES") == "all" or name not in LONG]


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_kept():
    before = {path: path.read_bytes() for path in RESULTS.iterdir()}
    yield
    assert {path: path.read_bytes() for path in RESULTS.iterdir()} == before


@pytest.mark.parametrize("name", RUN)
def test_a_bench_measures_both_sides(name):
    rows = importlib.import_module(f"bench.{name}").rows(True)
    assert any(row.peer for row in rows)
    for row in rows:
        assert row.ours
        assert all(value >= 0 for value in (*row.ours, *row.peer))


@pytest.mark.parametrize("bench", [growth_analysis, growth_pages], ids=lambda bench: bench.__name__)
def test_growth_has_points(bench):
    assert all(point["seconds"] > 0 for point in bench.points(True))


def test_the_table_has_every_kept_figure_and_says_where_a_goal_is_not_met():
    table = report.table()
    kept = list(report.kept())
    assert len(table.splitlines()) == len(kept) + 2
    assert table.count("**no**") == sum(row.met is False for _, row, _ in kept)
