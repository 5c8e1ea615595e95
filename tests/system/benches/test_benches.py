"""Every bench at its smallest size: it runs, agrees with its peer, and keeps nothing."""

from __future__ import annotations

import importlib
import re

import pytest

from bench import growth_analysis, growth_pages, report
from bench.__main__ import NAMES
from bench.compare import RESULTS
from core.costs import prices

LONG = {"training", "demo", "pages", "app", "browsers", "memory", "scale"}
"""Those that start apps, browsers or a whole workflow, at their smallest size too: `make test-deep`."""


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_kept():
    before = {path: path.read_bytes() for path in RESULTS.iterdir()}
    yield
    assert {path: path.read_bytes() for path in RESULTS.iterdir()} == before


@pytest.fixture
def filled(full, monkeypatch):
    """The benches of pages begin with a workspace that the workflow has filled."""
    monkeypatch.setenv("BENCH_WORKSPACE", str(full))


def measures_both_sides(name):
    rows = importlib.import_module(f"bench.{name}").rows(True)
    assert any(row.peer for row in rows)
    for row in rows:
        assert row.ours
        assert all(value >= 0 for value in (*row.ours, *row.peer))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_a_bench_measures_both_sides(name):
    measures_both_sides(name)


@pytest.mark.deep
@pytest.mark.parametrize("name", sorted(LONG))
def test_a_long_bench_measures_both_sides(filled, name):
    measures_both_sides(name)


def test_growth_of_analyses_has_points():
    assert all(point["seconds"] > 0 for point in growth_analysis.points(True))


@pytest.mark.deep
def test_growth_of_pages_has_points(filled):
    assert all(point["seconds"] > 0 for point in growth_pages.points(True))


def test_growth_beyond_what_was_measured_goes_through_it_and_back():
    growth = report.Growth()
    for what, points in growth.points.items():
        for point in points:
            assert growth.at(what, "seconds", point["size"]) == point["seconds"]
        last = points[-1]
        beyond = growth.at(what, "seconds", 3 * last["size"])
        assert beyond >= 3 * last["seconds"] * (1 - 1e-9)
        assert growth.until(what, "seconds", beyond) == pytest.approx(3 * last["size"])


def test_what_the_workflow_costs_goes_by_the_price_table_in_force(monkeypatch, tmp_path):
    before = report.limits()
    file = tmp_path / "prices.toml"
    text = prices.BUNDLED_FILE.read_text()
    file.write_text(text.replace('"ml.m5.xlarge" = 0.23', '"ml.m5.xlarge" = 23000.0'))
    monkeypatch.setenv("GOVERNANCE_PRICES", str(file))
    after = report.limits()
    assert len(after.splitlines()) == len(growth_analysis.WHATS) + len(report.SIZES) + 5
    cost = {text: [float(found.replace(",", "")) for found in re.findall(r"\$([\d,.]+)", text)] for text in (before, after)}
    assert len(cost[after]) == len(report.SIZES)
    assert cost[after][-1] / cost[before][-1] == pytest.approx(100_000, rel=0.1)
    monkeypatch.setenv("GOVERNANCE_INSTANCE_TYPE", "ml.unlisted.large")
    assert report.limits().count("no price for the instance types") == len(report.SIZES)


def test_the_table_has_every_kept_figure_and_says_where_a_goal_is_not_met():
    table = report.table()
    kept = list(report.kept())
    assert len(table.splitlines()) == len(kept) + 2
    assert table.count("**no**") == sum(row.met is False for _, row, _ in kept)
