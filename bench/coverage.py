"""How often the 95 % intervals contain the true value: ``python -m bench.coverage`` simulates, and writes the tables of docs/intervals.md.

A cell is a number of rows with one population (``coverage_cells``). Each is kept in bench/coverage_cells.jsonl as soon as it is simulated:
a run that was stopped goes on where it was, unless the code that makes the intervals has changed. ``--processes 1`` leaves other work a
core.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import coverage_cells
from bench.coverage_cells import Count, Counts

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/intervals.md"
MARKS = ("<!-- coverage: made by python -m bench.coverage -->", "<!-- end of coverage -->")
KEPT = ROOT / "bench/coverage_cells.jsonl"
MIN_SAMPLES = 100
"""A cell of the table counts where at least so many samples have an interval."""
ROWS = ((1,), (5,), (10,), (20,), (50,), (200,), (1000,), (10_000,))


@dataclass(frozen=True)
class Family:
    """Figures that are simulated together. ``source``: what makes their intervals, besides core/analysis/intervals; ``populations``: how
    many there are; ``samples`` of each cell, and ``samples_of_few`` of those with 10 rows or fewer: not all have enough rows of a kind."""

    title: str
    source: str
    simulate: Callable[..., Counts]
    sizes: tuple[tuple[int, ...], ...]
    populations: int
    samples: int
    samples_of_few: int


FAMILIES = {
    "shares": Family(
        "Shares; rows of either set",
        "core/analysis/intervals/*.py",
        coverage_cells.simulate_shares,
        ((1, 1), (5, 5), (10, 10), (20, 20), (50, 50), (200, 200), (10, 400), (1000, 1000), (10_000, 10_000)),
        len(coverage_cells.SHARE_PAIRS),
        2000,
        2000,
    ),
    "bias": Family(
        "Bias metrics; rows of the facet and of the rest",
        "core/analysis/bias/*.py",
        coverage_cells.simulate_bias,
        ((1, 1), (5, 5), (10, 10), (20, 20), (50, 50), (200, 200), (10, 400), (400, 10), (5000, 5000)),
        len(coverage_cells.POPULATIONS),
        400,
        400,
    ),
    "performance": Family(
        "Performance; rows",
        "core/analysis/performance/*.py",
        coverage_cells.simulate_performance,
        ROWS,
        len(coverage_cells.SCORES),
        400,
        800,
    ),
    "explanations": Family(
        "SHAP values; rows",
        "core/analysis/explanations/shap_summary.py",
        coverage_cells.simulate_explanations,
        ROWS,
        len(coverage_cells.VALUES),
        400,
        400,
    ),
}


@dataclass(frozen=True)
class Cell:
    """A number of rows (of each side) with one population, by its place among those of the family."""

    family: str
    rows: tuple[int, ...]
    population: int

    @property
    def samples(self) -> int:
        family = FAMILIES[self.family]
        return family.samples_of_few if max(self.rows) <= 10 else family.samples

    @property
    def column(self) -> str:
        return " and ".join(f"{rows:,}" for rows in self.rows)


def all_cells(families: list[str]) -> list[Cell]:
    """The cells of these families, one family after the other, those with the fewest rows first."""
    cells = [Cell(name, rows, place) for name in families for rows in FAMILIES[name].sizes for place in range(FAMILIES[name].populations)]
    return sorted(cells, key=lambda cell: (families.index(cell.family), sum(cell.rows)))


def simulate(cell: Cell, samples: int) -> Counts:
    """The counts of one cell; the same cell always gives the same."""
    seed = [list(FAMILIES).index(cell.family), *cell.rows, cell.population]
    return FAMILIES[cell.family].simulate(cell.rows, cell.population, samples, np.random.default_rng(seed))


def summarise(found: dict[Cell, Counts], family: str) -> dict[str, dict[str, tuple[float, float] | None]]:
    """Figure → column → (mean over the populations, least); None where too few samples have an interval."""
    table: dict[str, dict[str, tuple[float, float] | None]] = {}
    for rows in FAMILIES[family].sizes:
        of_rows = [found[cell] for place in range(FAMILIES[family].populations) if (cell := Cell(family, rows, place)) in found]
        for figure in dict.fromkeys(figure for counts in of_rows for figure in counts):
            shares = [counts[figure].share for counts in of_rows if figure in counts and counts[figure].samples >= MIN_SAMPLES]
            table.setdefault(figure, {})[Cell(family, rows, 0).column] = (float(np.mean(shares)), min(shares)) if shares else None
    return table


def table_lines(found: dict[Cell, Counts], name: str) -> Iterator[str]:
    """A family's table in Markdown."""
    columns = [Cell(name, rows, 0).column for rows in FAMILIES[name].sizes]
    yield f"| figure | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for figure, by_column in summarise(found, name).items():
        cells = [f"{100 * cell[0]:.1f} ({100 * cell[1]:.1f})" if (cell := by_column.get(column)) else "too few" for column in columns]
        yield f"| {figure.replace('_', ' ').replace('|', chr(92) + '|')} | {' | '.join(cells)} |"


def code_fingerprint(family: str) -> str:
    """Of the code that makes a family's intervals and of the simulation, words aside: cells of another state of it don't count."""
    files = [file for pattern in ("core/analysis/intervals/*.py", FAMILIES[family].source) for file in sorted(ROOT.glob(pattern))]
    digest = hashlib.sha256()
    for file in [Path(coverage_cells.__file__), *files]:
        code = _WithoutWords().visit(ast.parse(file.read_text(encoding="utf-8")))
        digest.update(ast.dump(code).encode())
    return digest.hexdigest()[:16]


class _WithoutWords(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node


def read_kept() -> dict[Cell, Counts]:
    """The cells that an earlier run has simulated with the same code and as many samples."""
    found: dict[Cell, Counts] = {}
    codes = {name: code_fingerprint(name) for name in FAMILIES}
    for line in KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else ():
        kept: dict[str, Any] = json.loads(line)
        cell = Cell(kept["family"], tuple(kept["rows"]), kept["population"])
        if kept["code"] == codes[cell.family] and kept["samples"] == cell.samples:
            found[cell] = Counts({figure: Count(*count) for figure, count in kept["counts"].items()})
    return found


def run_cells(cells: list[Cell], processes: int, keep: Callable[[Cell, Counts], None]) -> None:
    """Simulate the cells, and hand over each as it comes."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the processes share the cores already
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        running = {pool.submit(simulate, cell, cell.samples): cell for cell in cells}
        for future in as_completed(running):
            keep(running[future], future.result())


def write_document(found: dict[Cell, Counts]) -> None:
    """Write the tables into docs/intervals.md."""
    lines = [MARKS[0], ""]
    for name, family in FAMILIES.items():
        few = f" ({family.samples_of_few:,} with 10 rows or fewer)" if family.samples_of_few != family.samples else ""
        lines += [f"{family.title}; {family.samples:,} samples{few} of each of {family.populations} populations:", ""]
        lines += [*table_lines(found, name), ""]
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(MARKS[0])
    DOCUMENT.write_text(head + "\n".join([*lines, MARKS[1]]) + rest.split(MARKS[1])[1], encoding="utf-8")


def main() -> None:
    """Simulate what isn't kept, and write the tables into docs/intervals.md once every cell is there."""
    parser = argparse.ArgumentParser(prog="python -m bench.coverage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("families", nargs="*", default=list(FAMILIES), help=f"of {', '.join(FAMILIES)}; all of them by default")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    start, found, codes = time.time(), read_kept(), {name: code_fingerprint(name) for name in FAMILIES}
    missing = [cell for cell in all_cells(options.families) if cell not in found]
    with KEPT.open("a", encoding="utf-8") as file:

        def keep(cell: Cell, counts: Counts) -> None:
            found[cell] = counts
            plain = {figure: (count.covered, count.samples) for figure, count in counts.items()}
            record = {"family": cell.family, "rows": cell.rows, "population": cell.population, "samples": cell.samples}
            file.write(json.dumps(record | {"code": codes[cell.family], "counts": plain}) + "\n")
            file.flush()

        run_cells(missing, options.processes, keep)
    for name in options.families:
        print("\n".join(table_lines(found, name)), "\n")
    if all(cell in found for cell in all_cells(list(FAMILIES))):
        write_document(found)
    print(f"{len(missing)} cells simulated in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
