"""Large tables: a million rows through the command line beside a bare script, previews, and a facet of many values.

``python -m bench.scale [rows|columns|facets|whole]``. Judged by processor time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.compare import Goal, Row, run, said, save
from bench.processor import Spent, run_command
from bench.tables import people
from engine import lifecycle

ASKED = ("--label", "paid", "--favourable", "yes", "--facet", "sex", "--facet-value", "f", "--group", "age")
WHATS = ("rows", "columns", "facets", "whole")
WHOLE_NOTE = (
    "the script trains 1 + 2 models, measures and explains two in log-odds; it neither rebalances, searches for like people, nor keeps"
)


def rows(small: bool) -> list[Row]:
    return [row for what in WHATS for row in of(what, small)]


def of(what: str, small: bool = False) -> list[Row]:
    """The rows of one of ``WHATS``."""
    count, wide = (2_000, 100) if small else (1_000_000, 5_000)
    with tempfile.TemporaryDirectory(prefix="bench-scale-", ignore_cleanup_errors=True) as name:
        folder, table = Path(name), Path(name) / "people.csv"
        if what == "facets":
            return [facets(folder, 2_000 if small else 50_000, 20 if small else 500)]
        if what == "columns":
            people(200 if small else 2_000, columns=wide).to_csv(table, index=False)
            return [preview(f"2,000 rows × {wide:,} columns", table, Goal(limit=5))]
        people(count).to_csv(table, index=False)
        size = f"{count:,} rows × 20 columns"
        return [preview(size, table, Goal(limit=10))] if what == "rows" else whole(size, table, folder / "workspace")


def preview(size: str, table: Path, goal: Goal) -> Row:
    spent = run_command([sys.executable, "-m", "core", "demo", "--data", str(table), *ASKED, "--preview"])
    note = f"{spent.clock:.1f} s on the clock, {spent.peak_mb:,.0f} MB"
    return said(Row(f"preview of {size}, processor time", (spent.processor,), goal=goal, note=note))


def facets(folder: Path, count: int, values: int) -> Row:
    """A bias report of every value of a facet, beside that of one value: the container on both, each in a process of its own."""
    frame = people(count).assign(paid=lambda t: (t["paid"] == "yes").astype(int), sex=np.arange(count) % values)
    frame = frame.drop(columns=["region", "work"]).assign(predicted=np.random.default_rng(1).integers(0, 2, count))
    spent = []
    for name, asked in (("all", []), ("one", [0])):
        root = folder / name
        for part in ("config", "data"):
            (root / "opt/ml/processing/input" / part).mkdir(parents=True)
        frame.to_csv(root / "opt/ml/processing/input/data/data.csv", index=False)
        facet = {"name_or_index": "sex"} | ({"value_or_threshold": asked} if asked else {})
        config = {
            "version": "1.0",
            "dataset_type": "text/csv",
            "label": "paid",
            "predicted_label": "predicted",
            "label_values_or_threshold": [1],
            "facet": [facet],
            "governance": {"categorical": ["sex"]},
            "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}, "report": {"name": "report"}},
        }
        (root / "opt/ml/processing/input/config/analysis_config.json").write_text(json.dumps(config))
        command = f"from pathlib import Path; from engine.containers import clarify; clarify.main(Path({str(root)!r}), {{}})"
        spent.append(run_command([sys.executable, "-c", command]))
    figure = f"bias report of {values} values of a facet, {count:,} rows, processor time"
    return said(Row(figure, (spent[0].processor,), "of one value", (spent[1].processor,), goal=Goal(at_most=10)))


def whole(figure: str, table: Path, workspace: Path) -> list[Row]:
    """The whole workflow with two trials, and the script right after it."""
    report = workspace.parent / "report.json"
    command = [sys.executable, "-m", "core", "demo", "--data", str(table), *ASKED, "--max-jobs", "2", "--workspace", str(workspace)]
    try:
        ours = run_command([*command, "--report", str(report)], workspace)
    finally:
        lifecycle.stop(workspace)
    peer = run_command([sys.executable, "bench/bare_scale.py", str(table)])
    steps = ", ".join(f"{step} {seconds:.0f}" for step, seconds in json.loads(report.read_text())["seconds"].items())

    def row(what: str, mine: float, other: float, note: str) -> Row:
        return said(Row(f"whole workflow, {figure}, {what}", (mine,), "bare script", (other,), goal=Goal(at_most=12), note=note))

    def seconds(spent: Spent) -> tuple[float, float]:
        return spent.processor, spent.clock

    (mine, mine_clock), (other, other_clock) = seconds(ours), seconds(peer)
    return [row("processor time", mine, other, WHOLE_NOTE), row("on the clock", mine_clock, other_clock, f"seconds on the clock: {steps}")]


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[-1] in WHATS:
        save(f"scale_{sys.argv[-1]}", of(sys.argv[-1]))
    else:
        run("scale", rows)
