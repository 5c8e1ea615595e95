"""``python -m bench.report``: the kept results as the table of docs/performance.md, and growth as docs/images/growth.png."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.compare import RESULTS, Goal, Row

ROOT = Path(__file__).parent.parent
DOC, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "images" / "growth.png"
BEGIN, END = "<!-- table: python -m bench.report -->", "<!-- end of the table -->"
SIDES = {"growth_analysis": ("rows", "MB beyond the table"), "growth_pages": ("entities, versions, events", "MB of Python's objects")}


def kept() -> Iterator[tuple[str, Row, dict[str, Any]]]:
    """(bench, row, machine) of all results, the benches in alphabetical order."""
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text())
        for row in found.get("rows", []):
            about = {**row, "goal": Goal(**row["goal"]), "ours": tuple(row["ours"]), "peer": tuple(row["peer"])}
            yield path.stem, Row(**{name: value for name, value in about.items() if name not in {"ratio", "met"}}), found["machine"]


def table() -> str:
    """All rows in Markdown, each with what makes it anew."""
    lines = ["| figure | ours | peer, same run | ratio | goal | met | made by |", "|---|---|---|---|---|---|---|"]
    for name, row, machine in kept():
        figure, ours, peer, ratio, goal, met = row.cells()
        bench, _, size = name.partition("_")
        command = f"`bench.{bench}{f' {size}' if size else ''}`, {machine['date']}"
        lines.append(f"| {' | '.join((figure, ours, peer, ratio, goal, '**no**' if met == 'NO' else met, command))} |")
    return "\n".join(lines)


def plot() -> None:
    """Seconds and memory against size, both logarithmic: of the analyses above, of what pages read below."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(11, 8), layout="constrained")
    for axes, (name, (x, memory)) in zip(fig.subplots(2, 2), SIDES.items(), strict=True):
        points = json.loads((RESULTS / f"{name}.json").read_text())["points"]
        for ax, key, label in zip(axes, ("seconds", "peak_mb"), ("seconds", memory), strict=True):
            for what in dict.fromkeys(point["what"] for point in points):
                own = [point for point in points if point["what"] == what]
                ax.plot([point["size"] for point in own], [max(point[key], 1e-3) for point in own], marker="o", label=what)
            ax.set(xscale="log", yscale="log", xlabel=x, ylabel=label)
            ax.grid(alpha=0.3)
        axes[0].legend(fontsize=8)
    fig.savefig(PLOT, dpi=110)


def main() -> None:
    text = DOC.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    DOC.write_text(f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    if all((RESULTS / f"{name}.json").exists() for name in SIDES):
        plot()


if __name__ == "__main__":
    main()
