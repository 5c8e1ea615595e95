"""A small share of the coverage simulation: every family, few samples; and how its table is made and a stopped run continued."""

from __future__ import annotations

import json

import pytest

from bench import coverage
from bench.coverage import FAMILIES, Cell
from bench.coverage_cells import Count, Counts


@pytest.mark.parametrize(
    ("cell", "least"),
    [
        (Cell("shares", (20, 20), 24), 4),
        (Cell("bias", (50, 50), 0), 53),
        (Cell("bias", (50, 50), 7), 30),
        (Cell("performance", (200,), 1), 23),
        (Cell("explanations", (20,), 3), 7),
    ],
)
def test_every_figure_of_a_family_is_in_its_interval_in_most_samples(cell, least, monkeypatch):
    """Of 60 samples 95 % are 57; fewer than 49 would come once in 10,000 times."""
    monkeypatch.setattr("bench.coverage_cells.TRUTH_ROWS", 50_000)
    counts = coverage.simulate(cell, 60)
    for figure, count in counts.items():
        if figure != "mean |SHAP| that one row in ten decides":  # in one sample of eight no row is of that kind
            assert count.covered >= count.samples - 11 * max(0.5, count.samples / 60), figure
    assert len([count for count in counts.values() if count.samples >= 20]) >= least


def test_the_table_has_the_mean_and_the_least_of_the_populations_with_enough_samples():
    rows = FAMILIES["bias"].sizes[2]
    covered = [(190, 200), (180, 200), (10, 20)]
    found = {Cell("bias", rows, place): Counts({"DPL": Count(*count)}) for place, count in enumerate(covered)}
    found[Cell("bias", (1, 1), 0)] = Counts()
    assert coverage.summarise(found, "bias")["DPL"]["10 and 10"] == pytest.approx((0.925, 0.9))
    line = list(coverage.table_lines(found, "bias"))[-1]
    assert line.startswith("| DPL | too few | too few | 92.5 (90.0) | too few |")


def test_a_stopped_run_goes_on_unless_the_code_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "KEPT", tmp_path / "kept.jsonl")
    assert coverage.read_kept() == {}
    record = {"family": "bias", "rows": [10, 10], "population": 2, "samples": 400, "counts": {"DPL": [380, 400]}}
    lines = [record | {"code": coverage.code_fingerprint("bias")}, record | {"population": 3, "code": "of yesterday"}]
    coverage.KEPT.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert coverage.read_kept() == {Cell("bias", (10, 10), 2): {"DPL": Count(380, 400)}}
