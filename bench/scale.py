"""Large tables: a million rows through the command line beside a bare script, previews, and a facet of many values.

``python -m bench.scale [rows|columns|facets|whole]``. Judged by processor time.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.compare import Goal, Row, run, said, save, wait_for_quiet
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
        return [preview(size, table, Goal(limit=10))] if what == "rows" else whole(size, table, folder, 1 if small else 3)


def preview(size: str, table: Path, goal: Goal) -> Row:
    found = run_command([sys.executable, "-m", "core", "demo", "--data", str(table), *ASKED, "--preview"])
    note = f"{found.clock:.1f} s on the clock, {found.peak_mb:,.0f} MB"
    return said(Row(f"preview of {size}, processor time", (found.processor,), goal=goal, note=note))


def facets(folder: Path, count: int, values: int) -> Row:
    """A bias report of every value of a facet, beside that of one value: the container on both, each in a process of its own."""
    frame = people(count).assign(paid=lambda t: (t["paid"] == "yes").astype(int), sex=np.arange(count) % values)
    frame = frame.drop(columns=["region", "work"]).assign(predicted=np.random.default_rng(1).integers(0, 2, count))
    found = []
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
        found.append(run_command([sys.executable, "-c", command]))
    figure = f"bias report of {values} values of a facet, {count:,} rows, processor time"
    return said(Row(figure, (found[0].processor,), "of one value", (found[1].processor,), goal=Goal(at_most=10)))


def whole(figure: str, table: Path, folder: Path, runs: int) -> list[Row]:
    """The whole workflow with two trials, and the script, in turn; more than one run waits for a quiet machine before each."""
    ours, peer, seconds = [], [], []
    for number in range(runs):
        workspace, report = folder / f"workspace-{number}", folder / f"report-{number}.json"
        command = [sys.executable, "-m", "core", "demo", "--data", str(table), *ASKED, "--max-jobs", "2", "--workspace", str(workspace)]
        try:
            ours.append(spent([*command, "--report", str(report)], runs > 1, workspace))
        finally:
            lifecycle.stop(workspace)
        shutil.rmtree(workspace)
        seconds.append(json.loads(report.read_text())["seconds"])
        peer.append(spent([sys.executable, "-m", "bench.bare_scale", str(table)], runs > 1))
    steps = ", ".join(f"{step} {statistics.median(each[step] for each in seconds):.0f}" for step in seconds[0])

    def row(what: str, figure_of: Callable[[Spent], float], note: str) -> Row:
        mine, other = tuple(map(figure_of, ours)), tuple(map(figure_of, peer))
        return said(Row(f"whole workflow, {figure}, {what}", mine, "bare script", other, goal=Goal(at_most=12), note=note))

    return [
        row("processor time", lambda run: run.processor, WHOLE_NOTE),
        row("on the clock", lambda run: run.clock, f"seconds on the clock: {steps}"),
    ]


def spent(command: list[str], quiet: bool, workspace: Path | None = None) -> Spent:
    if quiet:
        wait_for_quiet()
    return run_command(command, workspace)


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[-1] in WHATS:
        save(f"scale_{sys.argv[-1]}", of(sys.argv[-1]), timed=False)  # processor time; the whole waits for a quiet machine before each side
    else:
        run("scale", rows)
