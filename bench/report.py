"""``python -m bench.report``: the kept results as the tables of docs/performance.md, and growth as docs/images/growth.png.

What the workflow costs on AWS is reckoned by the price table in force: ``GOVERNANCE_PRICES=mine.toml python -m bench.report``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.compare import RESULTS, Goal, Row
from bench.growth_analysis import COUNTED, FLIP, PROBABILITY, TRAINING, WHATS
from core.aws import request_defaults
from core.costs import prices, usage
from core.jobs import jobs
from core.settings import Settings
from core.views.shared.cost_sentences import price_date_text
from core.views.shared.number_text import duration_text, money_text

ROOT = Path(__file__).parent.parent
DOC, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "images" / "growth.png"
CURVE = ROOT / "docs" / "images" / "shapley-error.png"
BEGIN, END = "<!-- table: python -m bench.report -->", "<!-- end of the table -->"
LIMITS = "<!-- limits: python -m bench.report -->", "<!-- end of the limits -->"
WORKFLOW = {"SMOTE-NC": (1, 0.64), TRAINING: (11, 0.8), COUNTED: (2, 0.2), FLIP: (2, 0.2), PROBABILITY: (2, 0.2)}
"""How often the workflow does each, and on which part of the rows: the training part is rebalanced and grows by it; a baseline and ten
trials; the reports of two models on the test rows."""
SIZES = (30_000, 300_000, 3_000_000)
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
        command += f", load {machine['load'][0]:g} to {machine['load'][1]:g}" if "load" in machine else ", load not known"
        lines.append(f"| {' | '.join((figure, ours, peer, ratio, goal, '**no**' if met == 'NO' else met, command))} |")
    return "\n".join(lines)


class Growth:
    """What analyses take, by their rows; between and beyond what was measured by the power law of the last two sizes."""

    def __init__(self) -> None:
        kept = json.loads((RESULTS / "growth_analysis.json").read_text())
        self.machine: dict[str, Any] = kept["machine"]
        self.points: dict[str, list[dict[str, Any]]] = {}
        for point in kept["points"]:
            self.points.setdefault(point["what"], []).append(point)

    def _law(self, what: str, key: str) -> tuple[float, float, float]:
        """(size, value, exponent) at the largest size; it grows with the rows at the least."""
        a, b = self.points[what][-2:]
        exponent = math.log(b[key] / a[key]) / math.log(b["size"] / a["size"])
        return b["size"], b[key], max(1.0, exponent)

    def at(self, what: str, key: str, size: int) -> float:
        measured = next((point[key] for point in self.points[what] if point["size"] == size), None)
        if measured is not None:
            return float(measured)
        last, value, exponent = self._law(what, key)
        return float(value * (size / last) ** exponent)

    def until(self, what: str, key: str, most: float) -> float:
        """The rows at which it reaches ``most``."""
        size, value, exponent = self._law(what, key)
        return float(size * (most / value) ** (1 / exponent))


def limits() -> str:
    """Up to which size one machine does, analysis by analysis; and what the workflow costs on AWS, by the price table in force."""
    growth, settings = Growth(), Settings.current()
    table, memory = prices.load_in_force(settings), growth.machine["memory_gib"] * 1024 / 2
    lines = [
        f"| analysis | {' | '.join(f'{size:,} rows' for size in SIZES)} | an hour (then a job is ended) | half of the memory |",
        "|---|" + "---|" * (len(SIZES) + 2),
    ]
    for what in WHATS:
        last = growth.points[what][-1]["size"]
        cells = [
            f"{'≈ ' if size > last else ''}{_short(growth.at(what, 'seconds', size))}, {growth.at(what, 'peak_mb', size):,.0f} MB"
            for size in SIZES
        ]
        ends = [_rows(growth.until(what, "seconds", jobs.MAX_SECONDS)), _rows(growth.until(what, "peak_mb", memory))]
        lines.append(f"| {' | '.join((what, *cells, *ends))} |")
    types = {"training": settings.instance_type, "processing": request_defaults.processing_instance_type(settings)}
    lines += [
        "",
        f"| the workflow's analyses, ten trials | seconds | on AWS ({price_date_text(table, region=table.region, local=False)}) |",
        "|---|---|---|",
    ]
    for size in SIZES:
        spent = dict.fromkeys(types, 0.0)
        for what, (times, part) in WORKFLOW.items():
            spent["training" if what == TRAINING else "processing"] += times * growth.at(what, "seconds", round(part * size))
        parts = [usage.instance_cost(table, use, types[use], seconds) for use, seconds in spent.items()]  # type: ignore[arg-type]
        price = "no price for the instance types" if None in parts else money_text(sum(part or 0 for part in parts), table.currency)
        lines.append(f"| {size:,} rows | {_short(sum(spent.values()))} | {price}, {' and '.join(dict.fromkeys(types.values()))} |")
    return "\n".join(lines)


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 90 else duration_text(seconds)


def _rows(size: float) -> str:
    """``3.1 million rows``, or ``600,000 rows``: two digits; what lies far beyond any table isn't reckoned."""
    if size > 1e9:
        return "beyond 1,000 million"
    digits = 10 ** (math.floor(math.log10(size)) - 1)
    whole = round(size / digits) * digits
    return f"{whole / 1e6:,g} million rows" if whole >= 1e6 else f"{whole:,} rows"


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


def plot_curve() -> None:
    """Error of SHAP of the probability against processor time, by the number of samples."""
    from matplotlib.figure import Figure

    points = json.loads((RESULTS / "explanations_curve.json").read_text())["points"]
    fig = Figure(figsize=(7, 4.5), layout="constrained")
    axes = fig.subplots()
    for what in dict.fromkeys(point["what"] for point in points):
        own = [point for point in points if point["what"] == what]
        axes.plot([point["seconds"] for point in own], [point["error"] for point in own], marker="o", label=what)
        for point in own if len(own) > 1 else ():
            axes.annotate(f"{point['size']:,}", (point["seconds"], point["error"]), fontsize=7, xytext=(3, 4), textcoords="offset points")
    axes.set(
        xscale="log", yscale="log", xlabel="processor seconds for each 1,000 rows × 23 features", ylabel="mean error, % of the mean value"
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    fig.savefig(CURVE, dpi=110)


def main() -> None:
    text = DOC.read_text(encoding="utf-8")
    for (begin, end), content in (((BEGIN, END), table()), (LIMITS, limits())):
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
    DOC.write_text(text, encoding="utf-8")
    plot()
    plot_curve()


if __name__ == "__main__":
    main()
