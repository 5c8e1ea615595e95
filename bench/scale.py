"""Large tables through the command line: a million rows beside a bare script, the preview of many rows and of many columns.

``python -m bench.scale [step …]``; steps: rows, columns, whole. Judged by processor time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bench.compare import Goal, Row, run, said
from bench.processor import Spent, run_command
from bench.tables import people
from engine import lifecycle

ASKED = ("--label", "paid", "--favourable", "yes", "--facet", "sex", "--facet-value", "f", "--group", "age")
WHOLE_NOTE = (
    "the script trains 1 + 2 models, measures and explains two in log-odds; it neither rebalances, searches for like people, nor keeps"
)


def rows(small: bool) -> list[Row]:
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="bench-scale-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        many, wide = folder / "people.csv", folder / "wide.csv"
        count = 2_000 if small else 1_000_000
        people(count).to_csv(many, index=False)
        people(200 if small else 2_000, columns=100 if small else 5_000).to_csv(wide, index=False)
        found = []
        if not chosen or "rows" in chosen:
            found.append(preview(f"preview, {count:,} rows × 20 columns", many, Goal(limit=10)))
        if not chosen or "columns" in chosen:
            found.append(preview("preview, 5,000 columns × 2,000 rows", wide, Goal(limit=5)))
        if not chosen or "whole" in chosen:
            found += whole(f"{count:,} rows × 20 columns", many, folder / "workspace")
        return found


def preview(figure: str, table: Path, goal: Goal) -> Row:
    spent = run_command([sys.executable, "-m", "core", "demo", "--data", str(table), *ASKED, "--preview"])
    note = f"{spent.clock:.1f} s on the clock, {spent.peak_mb:,.0f} MB"
    return said(Row(f"{figure}, processor time", (spent.processor,), goal=goal, note=note))


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
    run("scale", rows)
